// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Terms} from "../../src/interfaces/Types.sol";
import {Rules} from "../../src/libraries/Rules.sol";
import {Symbolic} from "./Symbolic.sol";

/// @notice For all terms that can be posted: nothing computed from them overflows.
contract AcceptedCheck is Symbolic {
    function check_AcceptedTermsHaveAClockThatFits(Terms calldata t) external pure {
        vm.assume(Rules.firstInvalid(t) == 0);
        assert(t.epochSeconds != 0);
        assert(t.faultPenalty <= t.bond);
        assert(t.unitsMax <= UNITS_MAX);
        assert(uint256(t.unitsMax) * t.unitSeconds <= CLOCK_MAX);
    }

    /// @dev Whatever the terms say: `postFromDeposit` asks before anything was checked.
    function check_FirstInvalidNeverReverts(Terms calldata t) external pure {
        Rules.firstInvalid(t);
        assert(true);
    }

    function check_ReserveNeverOverflows(Terms calldata t, uint8 verifiers, uint128 rate) external pure {
        assumeAccepted(t);
        vm.assume(verifiers <= Rules.VERIFIERS_MAX);
        assert(Rules.reserve(t, verifiers, rate) >= Rules.feeReserve(t, verifiers, t.unitsMax));
    }

    function check_UnitsLimitIsAtLeastWhatWasPosted(Terms calldata t) external pure {
        assumeAccepted(t);
        assert(Rules.unitsLimit(t) >= t.unitsMax);
    }

    /// @dev `extend` relies on it where it casts.
    function check_UnitsLimitFitsTheClock(Terms calldata t) external pure {
        assumeAccepted(t);
        uint256 most = Rules.unitsLimit(t);
        assert(most <= UNITS_MAX);
        assert(most * t.unitSeconds <= CLOCK_MAX);
    }

    /// @dev Times are stored in 40 bits; no sum of an end and the terms' seconds leaves 41.
    function check_TimesStaySmall(Terms calldata t, uint40 endsAt) external pure {
        uint256 reclaimableAt = Rules.reclaimableAt(t, endsAt);
        assert(endsAt <= reclaimableAt && reclaimableAt < 2 ** 41);
        assert(Rules.exitSeconds(t) < 2 ** 35);
    }

    function check_BondedTermsEndBeforeTheBondThaws(Terms calldata t) external pure {
        vm.assume(Rules.firstInvalid(t) == 0);
        vm.assume(t.verifierBondMin != 0);
        assert(Rules.exitSeconds(t) <= 30 days);
    }
}
