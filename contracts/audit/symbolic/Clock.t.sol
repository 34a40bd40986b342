// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {EngagementState, Terms} from "../../src/interfaces/Types.sol";
import {Rules} from "../../src/libraries/Rules.sol";
import {Symbolic} from "./Symbolic.sol";

/// @notice For every engagement and every time: what the clock allows.
contract ClockCheck is Symbolic {
    function check_UnitsCapIsAtMostUnitsMax(Terms calldata t, EngagementState memory e, uint40 time) external pure {
        assumeEngaged(t, e);
        assert(Rules.unitsCap(t, e, time) <= e.unitsMax);
    }

    function check_UnitsCapNeverFallsWithTime(Terms calldata t, EngagementState memory e, uint40 time, uint40 later)
        external
        pure
    {
        assumeEngaged(t, e);
        vm.assume(time <= later);
        assert(Rules.unitsCap(t, e, time) <= Rules.unitsCap(t, e, later));
    }

    function check_FaultsCapNeverFallsWithTime(Terms calldata t, EngagementState memory e, uint40 time, uint40 later)
        external
        pure
    {
        assumeAccepted(t);
        assumeEngaged(t, e);
        vm.assume(time <= later);
        uint256 cap = Rules.faultsCap(t, e, time);
        assert(cap <= Rules.faultsCap(t, e, later));
        assert(cap <= type(uint32).max);
    }

    function check_UnitsReachableIsAtMostUnitsMax(Terms calldata t, EngagementState memory e) external pure {
        assumeEngaged(t, e);
        assert(Rules.unitsReachable(t, e) <= e.unitsMax);
    }

    /// @dev What ending releases could not have been proven at any time.
    function check_UnitsReachableIsAtLeastUnitsCap(Terms calldata t, EngagementState memory e, uint40 time)
        external
        pure
    {
        assumeEngaged(t, e);
        assert(Rules.unitsReachable(t, e) >= Rules.unitsCap(t, e, time));
    }

    /// @dev Ending an engagement a second time would release nothing.
    function check_UnitsReachableStaysReachable(Terms calldata t, EngagementState memory e) external pure {
        assumeEngaged(t, e);
        e.unitsMax = Rules.unitsReachable(t, e);
        assert(Rules.unitsReachable(t, e) == e.unitsMax);
    }
}
