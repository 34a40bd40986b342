// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "./IErrors.sol";
import {IEvents} from "./IEvents.sol";
import {
    Attestation,
    Award,
    BatchEntry,
    Bid,
    BountyState,
    EngagementState,
    Offer,
    SignedVerdict,
    Terms,
    VerifierSet
} from "./Types.sol";

/// @notice The first part of the escrow: money comes in, engagements begin, vouchers pay.
interface IMarket is IErrors, IEvents {
    // --- bounties ---

    /// @notice Creates a bounty with `amount` in escrow (native: `msg.value == amount`). Only the poster.
    function post(Terms calldata terms, uint256 amount) external payable returns (bytes32 bounty);
    /// @notice Adds to a bounty's escrow. Changes no time.
    function fund(Terms calldata terms, uint256 amount) external payable;
    /// @notice Sends the unreserved escrow to the poster: at any time by the poster, by anyone once closed.
    function reclaimEscrow(Terms calldata terms) external;

    // --- engagements ---

    /// @notice Takes a seat at `rateMax` where `openClaim`. Only `bid.runner`; no signature needed.
    /// The bond comes from the call's value (all of it, native only), else the free balance, else the allowance.
    function claim(Terms calldata terms, VerifierSet calldata verifiers, Bid calldata bid)
        external
        payable
        returns (bytes32 engagement);
    /// @notice Engages the runner of a signed bid by a signed award. Anyone holding both.
    function award(
        Terms calldata terms,
        VerifierSet calldata verifiers,
        Bid calldata bid,
        bytes calldata bidSignature,
        Award calldata choice,
        bytes calldata awardSignature
    ) external payable returns (bytes32 engagement);
    /// @notice Pays an engagement up to the lowest count among `threshold` verdicts. Anyone; see `Redeemed`, `Faulted`.
    /// @param verdicts exactly `threshold`, ascending by member
    function redeem(
        Terms calldata terms,
        VerifierSet calldata verifiers,
        Bid calldata bid,
        SignedVerdict[] calldata verdicts
    ) external;
    /// @notice Redeems many vouchers; an entry that a single `redeem` would refuse is skipped and reported.
    /// @dev What a statement holds does not depend on the chain: a submitter that checked its proofs loses no entry to another's.
    function redeemBatch(Offer[] calldata offers, Attestation[] calldata attestations, BatchEntry[] calldata entries)
        external
        returns (uint256 redeemed);

    // --- state ---

    function bounty(bytes32 id) external view returns (BountyState memory);
    function engagement(bytes32 id) external view returns (EngagementState memory);
    /// @notice Where the code of `ISettlement` lies.
    function settlement() external view returns (address);
    /// @notice Where verifiers' bonds are.
    function verifierBond() external view returns (address);
}
