// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {Subject, Terms} from "../../src/interfaces/Types.sol";
import {CourtBase} from "./CourtBase.sol";

/// @notice What contesting takes, and from where.
contract DisputeBondTest is CourtBase {
    uint256 private constant BOND_TAKEN = 40 * uint256(RATE) / 10;

    function begin(address token) private {
        start(token);
        warpTo(50);
    }

    function contest(uint256 value) private {
        disputeWith(poster.addr, Subject.Units, 10, fresh(50, 0), value);
    }

    function test_TheCallsValueComesFirst() public {
        begin(NATIVE);
        deposit(NATIVE, poster.addr, 1 ether);
        remember();
        contest(BOND_TAKEN);
        assertLost(poster.addr, BOND_TAKEN, "the bond");
        assertEq(escrow.balances(poster.addr, NATIVE), 1 ether);
    }

    function test_RevertWhen_TheValueIsNotTheBond() public {
        begin(NATIVE);
        uint256[3] memory values = [1, BOND_TAKEN - 1, BOND_TAKEN + 1];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IErrors.WrongValue.selector, BOND_TAKEN, values[i]));
            contest(values[i]);
        }
    }

    function test_RevertWhen_NativeCoinComesForATokensBond() public {
        begin(address(usd));
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongValue.selector, 0, BOND_TAKEN));
        contest(BOND_TAKEN);
    }

    function test_TheFreeNativeBalanceMustCoverAllOfIt() public {
        begin(NATIVE);
        deposit(NATIVE, poster.addr, BOND_TAKEN - 1);
        vm.expectRevert(abi.encodeWithSelector(IErrors.BalanceTooLow.selector, BOND_TAKEN - 1, BOND_TAKEN));
        contest(0);
        deposit(NATIVE, poster.addr, 1);
        contest(0);
        assertEq(escrow.balances(poster.addr, NATIVE), 0);
    }

    function testFuzz_WhatTheFreeBalanceLacksComesFromTheAllowance(uint256 free) public {
        begin(address(usd));
        free = bound(free, 0, 2 * BOND_TAKEN);
        if (free != 0) deposit(address(usd), poster.addr, free);
        uint256 missing = free < BOND_TAKEN ? BOND_TAKEN - free : 0;
        vm.prank(poster.addr);
        usd.approve(address(escrow), missing);
        uint256 purse = usd.balanceOf(poster.addr);
        contest(0);
        assertEq(purse - usd.balanceOf(poster.addr), missing);
        assertEq(escrow.balances(poster.addr, address(usd)), free + missing - BOND_TAKEN);
    }

    function testFuzz_TheViewSaysWhatIsTaken(uint64 floor, uint64 claimed, uint128 rate) public {
        Terms memory t = courtTerms(address(usd));
        t.rateMax = uint128(bound(rate, 1, RATE));
        start(t);
        warpTo(50);
        claimed = uint64(bound(claimed, 1, 50));
        floor = uint64(bound(floor, 0, claimed - 1));
        uint256 bond = contestBond(claimed - floor, t.rateMax, 0);
        assertEq(escrow.disputeBond(t, bid, Subject.Units, poster.addr, claimed - floor), bond);
        remember();
        disputeWith(poster.addr, Subject.Units, floor, fresh(claimed, 0), 0);
        assertLost(poster.addr, bond, "the bond");
        assertEq(escrow.disputeOf(id, Subject.Units).bond, bond);
    }

    function test_AFaultCostsItsPenalty() public {
        begin(NATIVE);
        assertEq(escrow.disputeBond(offer, bid, Subject.Faults, runner.addr, 2), PENALTY);
        disputeWith(runner.addr, Subject.Faults, 0, fresh(0, 2), PENALTY);
        assertEq(escrow.disputeOf(id, Subject.Faults).bond, PENALTY);
    }

    function test_AFaultCostsAtLeastAUnit() public {
        Terms memory t = courtTerms(NATIVE);
        t.faultPenalty = 0;
        start(t);
        warpTo(50);
        disputeWith(runner.addr, Subject.Faults, 0, fresh(0, 2), RATE);
        assertEq(escrow.disputeOf(id, Subject.Faults).bond, RATE);
    }

    function test_ManyFaultsCostATenthOfTheirPenalties() public {
        Terms memory t = courtTerms(NATIVE);
        t.epochSeconds = 1;
        start(t);
        warpTo(50);
        disputeWith(runner.addr, Subject.Faults, 0, fresh(0, 40), 4 * uint256(PENALTY));
        assertEq(escrow.disputeOf(id, Subject.Faults).bond, 4 * uint256(PENALTY));
    }
}
