// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {EngagementState, Terms} from "../../src/interfaces/Types.sol";
import {Rules} from "../../src/libraries/Rules.sol";
import {Symbolic} from "./Symbolic.sol";

/// @notice For every engagement: verifiers' fees come from what was reserved for them.
contract FeesCheck is Symbolic {
    function check_EpochsNeverFallWithUnits(Terms calldata t, uint56 units, uint56 more) external pure {
        assumeAccepted(t);
        assumeFits(t, more);
        vm.assume(units <= more);
        assert(Rules.epochs(t, units) <= Rules.epochs(t, more));
    }

    /// @dev So that `extend` and `_end` can subtract one reserve from the other.
    function check_FeeReserveNeverFallsWithUnits(Terms calldata t, uint8 verifiers, uint56 units, uint56 more)
        external
        pure
    {
        assumeAccepted(t);
        assumeFits(t, more);
        vm.assume(units <= more && verifiers <= Rules.VERIFIERS_MAX);
        assert(Rules.feeReserve(t, verifiers, units) <= Rules.feeReserve(t, verifiers, more));
    }

    function check_EpochsOverNeverFallWithTime(Terms calldata t, EngagementState memory e, uint40 time, uint40 later)
        external
        pure
    {
        assumeAccepted(t);
        assumeEngaged(t, e);
        vm.assume(time <= later);
        assert(Rules.epochsOver(t, e, time) <= Rules.epochsOver(t, e, later));
    }

    /// @dev With a clock. Without one as many epochs are paid as there are units, and `claimFee` counts them.
    function check_EpochsOverAreReserved(Terms calldata t, EngagementState memory e, uint40 time) external pure {
        vm.assume(t.unitSeconds != 0);
        assumeAccepted(t);
        assumeEngaged(t, e);
        assert(Rules.epochsOver(t, e, time) <= Rules.epochs(t, e.unitsMax));
    }

    /// @dev Ending early gives back no fee of an epoch that somebody judged.
    function check_EpochsOverStayReservedAtTheEnd(Terms calldata t, EngagementState memory e, uint40 time)
        external
        pure
    {
        vm.assume(t.unitSeconds != 0);
        assumeAccepted(t);
        assumeEngaged(t, e);
        assert(Rules.epochsOver(t, e, time) <= Rules.epochs(t, Rules.unitsReachable(t, e)));
    }
}
