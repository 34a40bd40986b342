// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {EngagementState, Status, Terms, VerifierSet} from "../interfaces/Types.sol";
import {Flags} from "./Flags.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice The arithmetic of money and time. Pure functions of terms, state and a time.
library Rules {
    uint256 internal constant VERIFIERS_MAX = 32;

    /// @dev An engagement's clock must fit 32 bits of seconds (136 years); that keeps every sum of times far below 40 bits.
    uint256 private constant CLOCK_MAX = type(uint32).max;
    /// @dev Off chain, counts are doubles in canonical JSON and 64-bit signed integers in databases.
    uint256 private constant UNITS_MAX = 2 ** 53 - 1;

    /// @notice How long a verifier's bond can still be slashed once it asked for it back.
    uint256 internal constant THAW_SECONDS = 30 days;

    /// @dev What an assertion or a dispute puts at risk: a tenth of what it is about, …
    uint256 private constant CONTEST_DIVISOR = 10;
    /// @dev … doubled with every one lost, up to 2^16.
    uint256 private constant DOUBLINGS_MAX = 16;

    /// @return field the first term that makes the offer impossible, 0 when all are fine. Whether it is still open is not asked here.
    function firstInvalid(Terms calldata terms) internal pure returns (bytes32 field) {
        if (terms.poster == address(0)) return "poster";
        if (terms.rateMax == 0) return "rateMax";
        if (terms.unitsMax == 0) return "unitsMax";
        if (uint256(terms.unitsMax) * terms.unitSeconds > CLOCK_MAX) return "unitSeconds";
        if (terms.unitsMax > UNITS_MAX) return "unitsMax";
        if (terms.epochSeconds == 0) return "epochSeconds";
        if (terms.seats == 0) return "seats";
        if (terms.faultPenalty > terms.bond) return "faultPenalty";
        if (terms.verifierSet == 0) return "verifierSet";
        // An arbiter without time to be called, or to answer, would be no arbiter.
        if (terms.arbiter != address(0) && terms.challengeSeconds == 0) return "challengeSeconds";
        if (terms.arbiter != address(0) && terms.silenceSeconds == 0) return "silenceSeconds";
        // A poster who gives notice when a verifier's bond begins to thaw must have the last ruling before it is gone.
        if (terms.verifierBondMin != 0 && exitSeconds(terms) > THAW_SECONDS) return "verifierBondMin";
        return 0;
    }

    function isValid(VerifierSet calldata set) internal pure returns (bool) {
        uint256 count = set.members.length;
        if (set.threshold == 0 || set.threshold > count || count > VERIFIERS_MAX) return false;
        address last = address(0);
        for (uint256 i = 0; i < count; ++i) {
            if (set.members[i] <= last) return false;
            last = set.members[i];
        }
        return true;
    }

    /// @notice Most units an engagement can be extended to.
    function unitsLimit(Terms calldata terms) internal pure returns (uint256) {
        if (terms.unitSeconds == 0) return UNITS_MAX;
        return Math.min(UNITS_MAX, CLOCK_MAX / terms.unitSeconds);
    }

    /// @notice Epochs a fee is reserved for: those the clock runs through, or one per unit without a clock.
    function epochs(Terms calldata terms, uint256 units) internal pure returns (uint256) {
        if (terms.unitSeconds == 0) return units;
        return Math.ceilDiv(units * terms.unitSeconds, terms.epochSeconds);
    }

    function feeReserve(Terms calldata terms, uint256 verifiers, uint256 units) internal pure returns (uint256) {
        return uint256(terms.verifierFee) * verifiers * epochs(terms, units);
    }

    /// @notice Money locked at engagement.
    function reserve(Terms calldata terms, uint256 verifiers, uint256 rate) internal pure returns (uint256) {
        return terms.unitsMax * rate + feeReserve(terms, verifiers, terms.unitsMax);
    }

    /// @notice The moment up to which work counts.
    function workedUntil(EngagementState memory e, uint256 time) internal pure returns (uint256) {
        return e.endsAt != 0 && e.endsAt < time ? e.endsAt : time;
    }

    /// @notice Whether work at `time` still counts: engagements are half-open, [startedAt, endsAt).
    function works(EngagementState memory e, uint256 time) internal pure returns (bool) {
        return e.status == Status.Active && (e.endsAt == 0 || time < e.endsAt);
    }

    /// @notice Units that stay reserved once `endsAt` is final. Rounded up, so that every epoch begun keeps its fee.
    function unitsReachable(Terms calldata terms, EngagementState memory e) internal pure returns (uint56) {
        if (terms.unitSeconds == 0) return e.unitsMax;
        // At most unitsMax, a uint56.
        return uint56(Math.min(e.unitsMax, Math.ceilDiv(e.endsAt - e.startedAt, terms.unitSeconds)));
    }

    /// @notice Units are capped by the clock: (min(time, end) − start) / unitSeconds, and by what is reserved.
    function unitsCap(Terms calldata terms, EngagementState memory e, uint256 time) internal pure returns (uint256) {
        if (time < e.startedAt) return 0;
        if (terms.unitSeconds == 0) return e.unitsMax;
        return Math.min(e.unitsMax, (workedUntil(e, time) - e.startedAt) / terms.unitSeconds);
    }

    /// @notice At most one fault per epoch begun.
    function faultsCap(Terms calldata terms, EngagementState memory e, uint256 time) internal pure returns (uint256) {
        uint256 worked = Math.saturatingSub(workedUntil(e, time), e.startedAt);
        return Math.min(Math.ceilDiv(worked, terms.epochSeconds), type(uint32).max);
    }

    /// @notice Epochs a verifier can have judged at `time`: those that are over, the last one cut at the end.
    function epochsOver(Terms calldata terms, EngagementState memory e, uint256 time) internal pure returns (uint256) {
        if (time < e.startedAt) return 0;
        if (e.endsAt != 0 && time >= e.endsAt) return Math.ceilDiv(e.endsAt - e.startedAt, terms.epochSeconds);
        return (time - e.startedAt) / terms.epochSeconds;
    }

    /// @notice What faults, or an equivocation, leave of the bond.
    function bondLeft(Terms calldata terms, EngagementState memory e) internal pure returns (uint256) {
        if (e.flags & Flags.SLASHED != 0) return 0;
        return Math.saturatingSub(terms.bond, uint256(e.faults) * terms.faultPenalty);
    }

    /// @notice What is put at risk by a word about `count` units (or faults) worth `price` each, after `lost` lost ones.
    function contestBond(uint256 count, uint256 price, uint256 lost) internal pure returns (uint256) {
        return Math.max(count * price / CONTEST_DIVISOR, price) << Math.min(lost, DOUBLINGS_MAX);
    }

    /// @notice The redemption period: the last epoch is judged, matures and is redeemed, or, if verifiers stay silent, the
    /// runner asserts its units and that matures, before anything goes back.
    function reclaimableAt(Terms calldata terms, uint256 endsAt) internal pure returns (uint256) {
        return endsAt + terms.epochSeconds + terms.silenceSeconds + 2 * uint256(terms.challengeSeconds);
    }

    /// @notice From notice to the ruling on a verdict that could be contested last: after another dispute had been resolved.
    function exitSeconds(Terms calldata terms) internal pure returns (uint256) {
        return reclaimableAt(terms, terms.noticeSeconds) + 2 * uint256(terms.silenceSeconds) + terms.challengeSeconds;
    }
}
