// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {EngagementState, Status, Terms, VerifierSet} from "../interfaces/IEscrow.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice The arithmetic of money and time. Pure functions of terms, state and a time.
library Rules {
    uint256 internal constant VERIFIERS_MAX = 32;

    /// @return field the first term that makes the offer impossible, 0 when all are fine. Whether it is still open is not asked here.
    function firstInvalid(Terms calldata terms) internal pure returns (bytes32 field) {
        if (terms.poster == address(0)) return "poster";
        if (terms.rateMax == 0) return "rateMax";
        if (terms.unitsMax == 0) return "unitsMax";
        // An engagement's clock must fit 32 bits of seconds (136 years); that keeps every sum of times far below 40 bits.
        if (uint256(terms.unitsMax) * terms.unitSeconds > type(uint32).max) return "unitSeconds";
        // Off chain, counts are doubles in canonical JSON and 64-bit signed integers in databases.
        if (terms.unitsMax >= 2 ** 53) return "unitsMax";
        if (terms.epochSeconds == 0) return "epochSeconds";
        if (terms.seats == 0) return "seats";
        if (terms.faultPenalty > terms.bond) return "faultPenalty";
        if (terms.verifierSet == 0) return "verifierSet";
        // Promises that this version can't keep yet are refused.
        if (terms.verifierBondMin != 0) return "verifierBondMin";
        if (terms.arbiter != address(0)) return "arbiter";
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

    /// @notice Epochs a fee is reserved for: those the clock runs through, or one per unit without a clock.
    function epochs(Terms calldata terms, uint256 units) internal pure returns (uint256) {
        if (terms.unitSeconds == 0) return units;
        return Math.ceilDiv(units * terms.unitSeconds, terms.epochSeconds);
    }

    function feeReserve(Terms calldata terms, uint256 verifiers, uint256 units) internal pure returns (uint256) {
        return uint256(terms.verifierFee) * verifiers * epochs(terms, units);
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
    function unitsReachable(Terms calldata terms, EngagementState memory e) internal pure returns (uint64) {
        if (terms.unitSeconds == 0) return e.unitsMax;
        // At most unitsMax, a uint64.
        return uint64(Math.min(e.unitsMax, Math.ceilDiv(e.endsAt - e.startedAt, terms.unitSeconds)));
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

    /// @notice What `faults` leave of the bond.
    function bondLeft(Terms calldata terms, uint256 faults) internal pure returns (uint256) {
        return Math.saturatingSub(terms.bond, faults * terms.faultPenalty);
    }

    /// @notice The redemption period: the last epoch is judged, matures and is redeemed, or, if verifiers stay silent, the
    /// runner asserts its units and that matures, before anything goes back.
    function reclaimableAt(Terms calldata terms, uint256 endsAt) internal pure returns (uint256) {
        return endsAt + terms.epochSeconds + terms.silenceSeconds + 2 * uint256(terms.challengeSeconds);
    }
}
