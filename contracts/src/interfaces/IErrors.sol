// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Status, Subject} from "./Types.sol";

/// @notice Every way a call can be refused: the expected or limiting value first, then the actual one.
interface IErrors {
    error InvalidTerms(bytes32 field);
    error AlreadyPosted(bytes32 bounty);
    error NotPosted(bytes32 bounty);
    error NotPoster(address expected, address actual);
    error NotRunner(address expected, address actual);
    error NotParty(address actual);
    error NothingDeposited(address depositAddress);
    error Closed(uint256 openUntil, uint256 time);
    error ClaimNotOpen(bytes32 bounty);
    error RateTooHigh(uint256 rateMax, uint256 rate);
    error WrongRate(uint256 expected, uint256 actual);
    error WrongBounty(bytes32 expected, bytes32 actual);
    error WrongBid(bytes32 expected, bytes32 actual);
    error BidExpired(uint256 expiresAt, uint256 time);
    error AwardExpired(uint256 expiresAt, uint256 time);
    error BadSignature(address signer);
    error WrongVerifierSet(bytes32 expected, bytes32 actual);
    error InvalidVerifierSet();
    error SeatsTaken(uint256 seats);
    error NoSeatVacated(bytes32 bounty);
    error AlreadyEngaged(bytes32 engagement);
    error Underfunded(uint256 reserve, uint256 escrow);
    error NotEngaged(bytes32 engagement, Status status);
    error WrongVerdictCount(uint256 expected, uint256 actual);
    error NoSuchOffer(uint256 offers, uint256 index);
    error NoSuchAttestation(uint256 attestations, uint256 index);
    /// @dev Members come ascending, each at most once.
    error WrongMember(uint256 members, uint256 index);
    error NotVerifier(address actual);
    /// @dev No signature of this verifier over a statement that contains this verdict.
    error NotAttested(address verifier);
    error Ejected(address verifier);
    error VerifierBondTooLow(uint256 min, address verifier);
    error ChallengeOpen(uint256 until, uint256 time);
    error ChallengeClosed(uint256 until, uint256 time);
    /// @dev What is above `floor` waits for a ruling.
    error Frozen(uint256 floor);
    error NothingNew(uint256 unitsPaid, uint256 units);
    error BatchTooLong(uint256 max, uint256 actual);
    error EpochClaimed(uint256 nextEpoch, uint256 epoch);
    error EpochOpen(uint256 epochsOver, uint256 epoch);
    error NothingReserved(uint256 epochs);
    error TooManyUnits(uint256 max, uint256 actual);
    error NotArbiter(address expected, address actual);
    error NoArbiter();
    error NothingToContest(uint256 floor, uint256 claimed);
    error DisputeOpen(Subject subject);
    error NoDispute(Subject subject);
    error AssertionOpen(uint256 units);
    error RulingOpen(uint256 until, uint256 time);
    error RulingClosed(uint256 until, uint256 time);
    error WrongOutcome(uint256 floor, uint256 claimed, uint256 outcome);
    error NotEquivocated();
    error NothingBonded(address account);
    error EndsAlready(uint256 endsAt);
    error NotEnded(uint256 endsAt, uint256 time);
    error RedemptionOpen(uint256 until, uint256 time);
    error WrongValue(uint256 expected, uint256 actual);
    error ZeroAmount();
    error BalanceTooLow(uint256 balance, uint256 amount);
    error TransferMismatch(uint256 expected, uint256 actual);
    error PushFailed(address to);
    error GasTooLow(uint256 needed, uint256 left);
    error UnexpectedNative(address from);
    error NoCode(address part);
}
