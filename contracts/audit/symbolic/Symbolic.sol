// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {EngagementState, Status, Terms} from "../../src/interfaces/Types.sol";
import {Vm} from "../../test/utils/Vm.sol";

/// @notice What symbolic checks take for granted: only what the contracts establish before they use a rule.
/// @dev halmos runs each `check_…` for all arguments at once: `cargo xtask audit`. Not only a failed `assert` fails it, but every
/// overflow and every division by zero.
abstract contract Symbolic {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    uint256 internal constant CLOCK_MAX = type(uint32).max;
    uint256 internal constant UNITS_MAX = 2 ** 53 - 1;

    /// @dev `check_AcceptedTermsHaveAClockThatFits` proves that this follows from `Rules.firstInvalid(t) == 0`.
    function assumeAccepted(Terms calldata t) internal pure {
        vm.assume(t.epochSeconds != 0);
        vm.assume(t.faultPenalty <= t.bond);
        assumeFits(t, t.unitsMax);
    }

    /// @dev Units that terms or an extension reserve.
    function assumeFits(Terms calldata t, uint256 units) internal pure {
        vm.assume(units <= UNITS_MAX);
        unchecked {
            vm.assume(units * t.unitSeconds <= CLOCK_MAX);
        }
    }

    /// @dev An engagement as `_engage`, `extend`, `giveNotice` and `_end` leave it: with a clock it has an end, no later than its
    /// units take.
    function assumeEngaged(Terms calldata t, EngagementState memory e) internal pure {
        vm.assume(e.status != Status.None && e.startedAt != 0);
        assumeFits(t, e.unitsMax);
        if (t.unitSeconds == 0) {
            vm.assume(e.endsAt == 0 || e.startedAt <= e.endsAt);
            return;
        }
        vm.assume(e.startedAt <= e.endsAt);
        unchecked {
            vm.assume(e.endsAt - e.startedAt <= uint256(e.unitsMax) * t.unitSeconds);
        }
    }
}
