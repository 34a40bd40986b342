// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBalanceEvents} from "../../src/interfaces/IBalances.sol";
import {IErrors} from "../../src/interfaces/IErrors.sol";
import {Base} from "../utils/Base.sol";
import {Hungry, MoodyToken, Refuser} from "../utils/Hostile.sol";

contract BalancesTest is Base {
    address private constant NATIVE = address(0);

    function testFuzz_DepositsForAnyoneAndWithdrawsToAnyone(uint96 amount, uint96 part, bool inUsd) public {
        amount = uint96(bound(amount, 1, type(uint96).max));
        part = uint96(bound(part, 1, amount));
        address token = inUsd ? address(usd) : NATIVE;
        ready(token, stranger, amount);
        vm.expectEmit(address(escrow));
        emit IBalanceEvents.Credited(runner.addr, token, amount, amount);
        vm.prank(stranger);
        escrow.deposit{value: valueOf(token, amount)}(token, runner.addr, amount);
        assertEq(escrow.balances(runner.addr, token), amount);
        assertEq(escrow.balances(stranger, token), 0);

        vm.expectEmit(address(escrow));
        emit IBalanceEvents.Debited(runner.addr, token, part, amount - part);
        vm.prank(runner.addr);
        escrow.withdraw(token, payee, part);
        assertEq(held(token, payee), part);
        assertEq(escrow.balances(runner.addr, token), amount - part);
        assertEq(held(token, address(escrow)), amount - part);
    }

    function test_KeepsTokensApart() public {
        deposit(NATIVE, runner.addr, 5);
        vm.expectRevert(abi.encodeWithSelector(IErrors.BalanceTooLow.selector, 0, 5));
        vm.prank(runner.addr);
        escrow.withdraw(address(usd), runner.addr, 5);
    }

    function test_RevertWhen_DepositingNothing() public {
        vm.expectRevert(abi.encodeWithSelector(IErrors.ZeroAmount.selector));
        escrow.deposit(NATIVE, runner.addr, 0);
    }

    function test_RevertWhen_DepositValueIsNotTheAmount() public {
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongValue.selector, 2, 1));
        escrow.deposit{value: 1}(NATIVE, runner.addr, 2);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongValue.selector, 0, 1));
        escrow.deposit{value: 1}(address(usd), runner.addr, 1);
    }

    function test_RevertWhen_DepositingWithoutAllowance() public {
        usd.mint(address(this), 10);
        vm.expectRevert(
            abi.encodeWithSignature(
                "ERC20InsufficientAllowance(address,uint256,uint256)", address(escrow), uint256(0), uint256(10)
            )
        );
        escrow.deposit(address(usd), runner.addr, 10);
    }

    function test_RevertWhen_TheDepositedTokenTakesAFee() public {
        MoodyToken token = new MoodyToken();
        token.mint(address(this), 1000);
        token.approve(address(escrow), 1000);
        token.setMood(MoodyToken.Mood.TakesFee);
        vm.expectRevert(abi.encodeWithSelector(IErrors.TransferMismatch.selector, 1000, 989));
        escrow.deposit(address(token), runner.addr, 1000);
    }

    function test_RevertWhen_TheDepositedTokenReturnsFalse() public {
        MoodyToken token = new MoodyToken();
        token.mint(address(this), 1000);
        token.approve(address(escrow), 1000);
        token.setMood(MoodyToken.Mood.ReturnsFalse);
        vm.expectRevert(abi.encodeWithSignature("SafeERC20FailedOperation(address)", address(token)));
        escrow.deposit(address(token), runner.addr, 1000);
    }

    function test_RevertWhen_TheTokenIsNoContract() public {
        vm.expectRevert();
        escrow.deposit(stranger, runner.addr, 1);
    }

    function test_RevertWhen_WithdrawingNothing() public {
        vm.expectRevert(abi.encodeWithSelector(IErrors.ZeroAmount.selector));
        escrow.withdraw(NATIVE, runner.addr, 0);
    }

    function testFuzz_RevertWhen_WithdrawingMoreThanTheBalance(uint96 balance, uint128 more) public {
        balance = uint96(bound(balance, 1, type(uint96).max));
        uint256 amount = uint256(balance) + bound(more, 1, type(uint128).max);
        deposit(NATIVE, runner.addr, balance);
        vm.expectRevert(abi.encodeWithSelector(IErrors.BalanceTooLow.selector, balance, amount));
        vm.prank(runner.addr);
        escrow.withdraw(NATIVE, runner.addr, amount);
    }

    function test_AWithdrawalForwardsAllGas() public {
        Hungry hungry = new Hungry();
        deposit(NATIVE, runner.addr, 5);
        vm.prank(runner.addr);
        escrow.withdraw(NATIVE, address(hungry), 5);
        assertEq(address(hungry).balance, 5);
        assertTrue(vm.lastCallGas().gasTotalUsed > 100_000, "more than a push");
    }

    function test_AWithdrawalOfATokenForwardsAllGas() public {
        MoodyToken token = new MoodyToken();
        token.mint(address(this), 5);
        token.approve(address(escrow), 5);
        escrow.deposit(address(token), runner.addr, 5);
        token.setMood(MoodyToken.Mood.Eats);
        vm.prank(runner.addr);
        escrow.withdraw(address(token), payee, 5);
        assertTrue(vm.lastCallGas().gasTotalUsed > 400_000, "more than a push");
        assertEq(token.balanceOf(payee), 5);
    }

    /// @dev Less than a push would have to be left with.
    function test_AWithdrawalNeedsNoMoreGasThanItUses() public {
        vm.deal(payee, 1);
        usd.mint(payee, 1);
        deposit(NATIVE, runner.addr, 5);
        deposit(address(usd), runner.addr, 5);
        vm.startPrank(runner.addr);
        escrow.withdraw{gas: 60_000}(NATIVE, payee, 5);
        escrow.withdraw{gas: 100_000}(address(usd), payee, 5);
        assertEq(payee.balance, 6);
        assertEq(usd.balanceOf(payee), 6);
    }

    function test_RevertWhen_TheReceiverRefusesAWithdrawal() public {
        Refuser refuser = new Refuser();
        deposit(NATIVE, runner.addr, 5);
        vm.expectRevert(abi.encodeWithSelector(IErrors.PushFailed.selector, address(refuser)));
        vm.prank(runner.addr);
        escrow.withdraw(NATIVE, address(refuser), 5);
        assertEq(escrow.balances(runner.addr, NATIVE), 5);
    }

    function test_RevertWhen_NativeIsSentByMistake() public {
        vm.deal(stranger, 1);
        vm.prank(stranger);
        (bool ok, bytes memory data) = address(escrow).call{value: 1}("");
        assertFalse(ok);
        assertEq(data, abi.encodeWithSelector(IErrors.UnexpectedNative.selector, stranger));
    }

    function test_RevertWhen_NativeIsWithdrawnToTheEscrowItself() public {
        deposit(NATIVE, runner.addr, 5);
        vm.expectRevert(abi.encodeWithSelector(IErrors.PushFailed.selector, address(escrow)));
        vm.prank(runner.addr);
        escrow.withdraw(NATIVE, address(escrow), 5);
    }
}
