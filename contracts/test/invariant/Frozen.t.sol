// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Subject} from "../../src/interfaces/Types.sol";
import {Checks} from "./Checks.sol";

/// @notice Units that are in dispute are paid by nothing but its end.
contract FrozenTest is Checks {
    uint256 private constant START = 1_700_000_000;

    bytes32 private id;

    /// @dev 20 units asserted after 80 s.
    function asserted() private {
        handler.hire(4, 0, 0, 1);
        handler.wait(80);
        handler.assertWork(0, 20, true);
        id = handler.entry(0).id;
    }

    function freeze() private {
        handler.wait(10);
        handler.disputeUnits(0, 30, 3, START + 85, 0);
        assertEq(escrow.disputeOf(id, Subject.Units).floor, 3, "floor");
    }

    function assertWaits() private {
        handler.knockFrozen(0);
        assertEq(handler.happened("knock frozen"), 1, "refused");
        assertTrue(escrow.disputeOf(id, Subject.Units).by != address(0), "in dispute");
        assertEq(escrow.engagement(id).unitsPaid, 0, "nothing paid");
    }

    function test_AnUndisputedAssertionWaits() public {
        asserted();
        freeze();
        assertWaits();
    }

    /// @dev A member of the set that is the runner's friend might contest the last few units to get the others paid.
    function test_ADisputedAssertionWaitsToo() public {
        asserted();
        handler.disputeAssertion(0, 1, 15, 0);
        freeze();
        assertWaits();
    }
}
