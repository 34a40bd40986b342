// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bid, EndReason, Record, Subject, Terms, VerifierSet} from "./Types.sol";

/// @notice One event per state change, complete enough to rebuild storage by replay.
interface IEvents {
    event Posted(bytes32 indexed bounty, address indexed poster, Terms terms);
    event Funded(bytes32 indexed bounty, address indexed from, uint256 amount, uint256 escrow);
    event DepositReturned(bytes32 indexed bounty, address indexed poster, address indexed token, uint256 amount);
    event EscrowReclaimed(bytes32 indexed bounty, address indexed poster, uint256 amount);
    event Engaged(
        bytes32 indexed engagement,
        bytes32 indexed bounty,
        address indexed runner,
        Bid bid,
        VerifierSet verifiers,
        uint64 unitsMax,
        uint64 startedAt,
        uint64 endsAt,
        uint256 reserve,
        bool spare,
        uint256 escrow
    );
    /// @param units paid so far, this redemption included
    /// @param amount sent or credited to the payee, relay fee already taken off
    event Redeemed(
        bytes32 indexed engagement,
        address indexed payee,
        address indexed submitter,
        uint256 units,
        uint256 amount,
        uint256 relayFee
    );
    /// @param faults proven so far
    event Faulted(bytes32 indexed engagement, uint256 faults, uint256 penalty, uint256 bond);
    /// @notice One entry of a batch was not redeemed; `reason` is the ABI-encoded error a single redemption reverts with.
    event Skipped(bytes32 indexed engagement, bytes reason);
    /// @param unitsMax units reserved so far, the new ones included
    /// @param reserve what moved from the escrow, fees included
    event Extended(
        bytes32 indexed engagement,
        bytes32 indexed bounty,
        uint64 unitsMax,
        uint64 endsAt,
        uint256 reserve,
        uint256 escrow
    );
    /// @param epochs how many epochs this claim was for
    /// @param nextEpoch the first epoch this verifier can still claim
    event FeeClaimed(
        bytes32 indexed engagement, address indexed verifier, uint256 epochs, uint64 nextEpoch, uint256 amount
    );
    /// @param payableAt undisputed until then, `settle` pays
    event UnitsAsserted(
        bytes32 indexed engagement, address indexed runner, uint64 units, uint64 payableAt, uint256 bond
    );
    /// @param floor what nobody contests
    /// @param claimed what the voucher or the assertion says
    /// @param signers bit per member whose verdict is contested
    /// @param ruleBefore from then on anyone settles the dispute without the arbiter
    event Disputed(
        bytes32 indexed engagement,
        address indexed by,
        Subject subject,
        uint64 floor,
        uint64 claimed,
        uint32 signers,
        uint64 ruleBefore,
        uint256 bond
    );
    /// @notice A dispute or an assertion is over. What it paid follows in `Redeemed` and `Faulted`.
    /// @param by the arbiter, or whoever settled after time
    /// @param outcome units or faults that stand
    /// @param disputerLost the disputer's bond went to the other side (else back, if there was one)
    /// @param claimantLost the asserted units' bond went to disputer and poster, or the contested signers were ejected
    /// @param record as it is now
    event Resolved(
        bytes32 indexed engagement,
        Subject subject,
        address indexed by,
        uint256 outcome,
        bool disputerLost,
        bool claimantLost,
        Record record
    );
    event NodeSlashed(bytes32 indexed engagement, address indexed reporter, uint256 toReporter, uint256 toPoster);
    event NoticeGiven(bytes32 indexed engagement, address indexed by, uint64 endsAt);
    /// @param unitsMax units that stay reserved: those the clock allows up to the end
    /// @param released reserve that became the bounty's escrow again
    event Ended(
        bytes32 indexed engagement,
        bytes32 indexed bounty,
        EndReason reason,
        uint64 endedAt,
        uint64 unitsMax,
        uint256 released,
        uint256 escrow
    );
    event Reclaimed(bytes32 indexed engagement, uint256 reserve, uint256 bond);
}
