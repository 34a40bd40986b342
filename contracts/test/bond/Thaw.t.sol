// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IVerifierBond} from "../../src/interfaces/IVerifierBond.sol";
import {BondBase} from "./BondBase.sol";

contract ThawTest is BondBase {
    address private who;

    function setUp() public override {
        super.setUp();
        who = verifier[0].addr;
        bond(address(escrow), address(0), who, 100);
    }

    function expectThawing(uint256 amount, uint256 thawsAt) private {
        vm.expectEmit(address(verifierBond));
        emit IVerifierBond.Thawing(address(escrow), who, address(0), amount, thawsAt);
    }

    function testFuzz_ThawsAPartForThirtyDays(uint256 amount, uint32 when) public {
        amount = bound(amount, 1, 100);
        warpTo(when);
        expectThawing(amount, START + when + THAW);
        thaw(address(0), who, amount);
        assertBond(address(0), who, 100, amount, START + when + THAW);
        assertEq(who.balance, 0);
        assertEq(address(verifierBond).balance, 100);
    }

    function test_TakesThePlaceOfWhatWasThawing() public {
        thaw(address(0), who, 80);
        warpTo(THAW - 1);
        expectThawing(10, START + THAW - 1 + THAW);
        thaw(address(0), who, 10);
        assertBond(address(0), who, 100, 10, START + THAW - 1 + THAW);
        // The day on which the first would have thawed.
        warpTo(THAW);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEnded.selector, START + 2 * THAW - 1, START + THAW));
        unbond(address(0), who);
    }

    function test_ZeroStopsIt() public {
        thaw(address(0), who, 80);
        expectThawing(0, 0);
        thaw(address(0), who, 0);
        assertBond(address(0), who, 100, 0, 0);
        warpTo(THAW);
        vm.expectRevert(abi.encodeWithSelector(IErrors.ZeroAmount.selector));
        unbond(address(0), who);
    }

    /// @dev At the moment it is asked for, not when it is gone: nobody is engaged on money that is leaving.
    function test_WhatThawsCountsNoLongerForNewEngagements() public {
        assertEq(lackingAt(address(0), who, 100), address(0));
        thaw(address(0), who, 1);
        assertEq(lackingAt(address(0), who, 100), who);
        assertEq(lackingAt(address(0), who, 99), address(0));
        thaw(address(0), who, 0);
        assertEq(lackingAt(address(0), who, 100), address(0));
    }

    function test_ConcernsOneCompartment() public {
        bond(other, address(0), who, 100);
        bond(address(escrow), address(usd), who, 100);
        bond(address(escrow), address(0), verifier[1].addr, 100);
        thaw(address(0), who, 100);
        assertEq(verifierBond.bondOf(other, who, address(0)).thawing, 0);
        assertBond(address(usd), who, 100, 0, 0);
        assertBond(address(0), verifier[1].addr, 100, 0, 0);
    }

    function test_RevertWhen_ItIsMoreThanTheBond() public {
        thaw(address(0), who, 100);
        vm.expectRevert(abi.encodeWithSelector(IErrors.BalanceTooLow.selector, 100, 101));
        thaw(address(0), who, 101);
        vm.expectRevert(abi.encodeWithSelector(IErrors.BalanceTooLow.selector, 0, 1));
        thaw(address(0), stranger, 1);
    }
}
