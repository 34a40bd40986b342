// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "./IErrors.sol";
import {IEvents} from "./IEvents.sol";
import {Assertion, Bid, Dispute, SignedVerdict, Subject, Terms, VerifierSet} from "./Types.sol";

/// @notice The third part of the escrow: what happens when somebody doesn't believe it.
interface ICourt is IErrors, IEvents {
    /// @notice The runner's own word where verifiers have been silent for `silenceSeconds` or hold its units too low: as many as
    /// the clock allowed `silenceSeconds` ago. Pays after `challengeSeconds` unless disputed. Bond: see `assertionBond`.
    function assertUnits(Terms calldata terms, VerifierSet calldata verifiers, Bid calldata bid, uint64 units)
        external
        payable;
    /// @notice Contests what is above `floor`: a voucher's units (poster) or faults (runner) inside its challenge window, or
    /// asserted units (poster, any verifier of the set; `verdicts` empty). What is above waits for the arbiter; who contests more of
    /// an assertion takes over. Without an arbiter only assertions can be contested, and are cut to the floor: the verdicts stand.
    /// Bond: a tenth of what is contested, at least one unit's, doubled with every dispute lost in this engagement.
    function dispute(
        Terms calldata terms,
        VerifierSet calldata verifiers,
        Bid calldata bid,
        Subject subject,
        uint64 floor,
        SignedVerdict[] calldata verdicts
    ) external payable;
    /// @notice The arbiter's decision, `floor` to `claimed`, within `silenceSeconds`; carried out at once. Below `claimed` the
    /// disputer was right: the asserted bond is the disputer's and the poster's, half each, contested signers are ejected and lose `terms.verifierBondMin` each.
    function rule(
        Terms calldata terms,
        VerifierSet calldata verifiers,
        Bid calldata bid,
        Subject subject,
        uint64 outcome
    ) external;
    /// @notice Anyone, after time: pays an assertion nobody disputed, or closes a dispute on which the arbiter was silent. Then
    /// the verdicts stand: a contested voucher pays and the disputer's bond goes to the other side; of a contested assertion the
    /// floor pays, and both bonds go back.
    function settle(Terms calldata terms, VerifierSet calldata verifiers, Bid calldata bid, Subject subject) external;

    // --- views ---

    function assertion(bytes32 engagement) external view returns (Assertion memory);
    function disputeOf(bytes32 engagement, Subject subject) external view returns (Dispute memory);
    /// @notice Bond that asserting `units` takes: a tenth of their pay, at least one unit's, doubled with every assertion lost.
    function assertionBond(Terms calldata terms, Bid calldata bid, uint64 units) external view returns (uint256);
    /// @notice Bond that contesting `units` units or `faults` faults takes.
    function disputeBond(Terms calldata terms, Bid calldata bid, Subject subject, address by, uint64 contested)
        external
        view
        returns (uint256);
}
