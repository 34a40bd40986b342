// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {Bid, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";

contract ClocklessTest is Base {
    function test_RevertWhen_AttestedBeforeTheStartWithoutAClock() public {
        Terms memory t = nativeTerms();
        t.unitSeconds = 0;
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        assertEq(escrow.unitsCap(t, id, uint64(START - 1)), 0);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NothingNew.selector, 0, 0));
        redeem(t, b, voucher(id, UNITS, 0, START - CHALLENGE));
    }
}
