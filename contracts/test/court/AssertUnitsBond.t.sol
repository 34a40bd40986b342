// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {CourtBase} from "./CourtBase.sol";

/// @notice What asserting takes, and from where.
contract AssertUnitsBondTest is CourtBase {
    uint256 private constant ASSERTED_BOND = 30 * uint256(RATE) / 10;

    function begin(address token) private {
        start(token);
        warpTo(90);
    }

    /// @dev The runner's allowance and hands are empty but for this.
    function keep(uint256 free, uint256 allowance) private {
        if (free != 0) deposit(offer.token, runner.addr, free);
        vm.prank(runner.addr);
        usd.approve(address(escrow), allowance);
    }

    function assertBondIs(uint64 units, uint256 bond) private {
        begin(NATIVE);
        warpTo(ENDS + SILENCE);
        assertEq(escrow.assertionBond(offer, bid, units), bond);
        assertWith(runner.addr, units, bond);
        assertEq(escrow.assertion(id).bond, bond);
    }

    function test_IsATenthOfTheirPay() public {
        assertBondIs(11, 11 * uint256(RATE) / 10);
    }

    function test_IsAtLeastOneUnitsPay() public {
        assertBondIs(1, RATE);
    }

    function test_IsOneUnitsPayForTen() public {
        assertBondIs(10, RATE);
    }

    function test_CountsOnlyWhatIsNotPaid() public {
        begin(NATIVE);
        redeems(voucher(id, 10, 0));
        assertEq(escrow.assertionBond(offer, bid, 30), 20 * uint256(RATE) / 10);
        assertWith(runner.addr, 30, 20 * uint256(RATE) / 10);
        assertEq(escrow.assertion(id).bond, 20 * uint256(RATE) / 10);
        // What is paid needs none; the least there is stays the least.
        assertEq(escrow.assertionBond(offer, bid, 5), RATE);
    }

    function test_TheCallsValueComesFirst() public {
        begin(NATIVE);
        keep(1 ether, 0);
        uint256 purse = runner.addr.balance;
        assertWith(runner.addr, 30, ASSERTED_BOND);
        assertEq(runner.addr.balance, purse - ASSERTED_BOND);
        assertEq(escrow.balances(runner.addr, NATIVE), 1 ether);
    }

    function test_RevertWhen_TheValueIsNotTheBond() public {
        begin(NATIVE);
        keep(2 * ASSERTED_BOND, 0);
        uint256[3] memory values = [1, ASSERTED_BOND - 1, ASSERTED_BOND + 1];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IErrors.WrongValue.selector, ASSERTED_BOND, values[i]));
            assertWith(runner.addr, 30, values[i]);
        }
    }

    function test_RevertWhen_NativeCoinComesForATokensBond() public {
        begin(address(usd));
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongValue.selector, 0, ASSERTED_BOND));
        assertWith(runner.addr, 30, ASSERTED_BOND);
    }

    function test_TheFreeNativeBalanceMustCoverAllOfIt() public {
        begin(NATIVE);
        keep(ASSERTED_BOND - 1, 0);
        vm.expectRevert(abi.encodeWithSelector(IErrors.BalanceTooLow.selector, ASSERTED_BOND - 1, ASSERTED_BOND));
        assertWith(runner.addr, 30, 0);
        deposit(NATIVE, runner.addr, 2);
        assertWith(runner.addr, 30, 0);
        assertEq(escrow.balances(runner.addr, NATIVE), 1);
        assertEq(address(escrow).balance, RESERVE + BOND + ASSERTED_BOND + 1);
    }

    function testFuzz_WhatTheFreeBalanceLacksComesFromTheAllowance(uint256 free) public {
        begin(address(usd));
        free = bound(free, 0, 2 * ASSERTED_BOND);
        uint256 missing = free < ASSERTED_BOND ? ASSERTED_BOND - free : 0;
        keep(free, missing);
        uint256 purse = usd.balanceOf(runner.addr);
        assertWith(runner.addr, 30, 0);
        assertEq(usd.balanceOf(runner.addr), purse - missing);
        assertEq(usd.allowance(runner.addr, address(escrow)), 0);
        assertEq(escrow.balances(runner.addr, address(usd)), free + missing - ASSERTED_BOND);
    }

    function test_RevertWhen_NeitherBalanceNorAllowanceCoverIt() public {
        begin(address(usd));
        keep(1, ASSERTED_BOND - 2);
        vm.expectRevert(
            abi.encodeWithSignature(
                "ERC20InsufficientAllowance(address,uint256,uint256)",
                address(escrow),
                ASSERTED_BOND - 2,
                ASSERTED_BOND - 1
            )
        );
        assertWith(runner.addr, 30, 0);
        assertNoAssertion();
        assertFlags(0);
    }

    function testFuzz_TheViewSaysWhatIsTaken(uint64 units, uint64 paid) public {
        start(address(usd));
        warpTo(ENDS + SILENCE);
        units = uint64(bound(units, 1, UNITS));
        paid = uint64(bound(paid, 0, units - 1));
        if (paid != 0) redeems(voucher(id, paid, 0));
        uint256 purse = usd.balanceOf(runner.addr);
        assertEq(escrow.assertionBond(offer, bid, units), contestBond(units - paid, RATE, 0));
        assertWith(runner.addr, units, 0);
        assertEq(purse - usd.balanceOf(runner.addr), contestBond(units - paid, RATE, 0));
    }
}
