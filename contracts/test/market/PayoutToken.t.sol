// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBalanceEvents} from "../../src/interfaces/IBalances.sol";
import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {Bid, SignedVerdict, Status, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {MoodyToken} from "../utils/Hostile.sol";

/// @notice Tokens that misbehave when money goes out.
contract PayoutTokenTest is Base {
    MoodyToken private token;
    Terms private t;
    Bid private b;
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        token = new MoodyToken();
        Terms memory terms = nativeTerms();
        terms.token = address(token);
        give(poster.addr, RESERVE);
        vm.prank(poster.addr);
        escrow.post(terms, RESERVE);
        give(runner.addr, BOND);
        Bid memory bid = bidFor(terms, 0);
        bid.relayFee = 0.5 ether;
        id = award(terms, bid);
        (t, b) = (terms, bid);
        warpTo(50);
    }

    function give(address to, uint256 amount) private {
        token.mint(to, amount);
        vm.prank(to);
        token.approve(address(escrow), amount);
    }

    /// @dev The first slot of OpenZeppelin's ERC20.
    function setBalance(address account, uint256 amount) private {
        vm.store(address(token), keccak256(abi.encode(account, 0)), bytes32(amount));
    }

    function assertAllCredited() private {
        redeem(t, b, voucher(id, 10, 1));
        assertEq(escrow.balances(payee, address(token)), 4.5 ether);
        assertEq(escrow.balances(relayer, address(token)), 0.5 ether);
        assertEq(escrow.balances(poster.addr, address(token)), PENALTY);
        assertEq(token.balanceOf(address(escrow)), RESERVE + BOND);
        assertEngagement(id, Status.Active, 10, UNITS, 1);
    }

    function test_CreditsWhenTheTokenReverts() public {
        token.setMood(MoodyToken.Mood.Reverts);
        assertAllCredited();
        vm.expectRevert(abi.encodeWithSelector(IErrors.PushFailed.selector, payee));
        vm.prank(payee);
        escrow.withdraw(address(token), payee, 4.5 ether);
        token.setMood(MoodyToken.Mood.Honest);
        vm.prank(payee);
        escrow.withdraw(address(token), payee, 4.5 ether);
        assertEq(token.balanceOf(payee), 4.5 ether);
        assertEq(escrow.balances(payee, address(token)), 0);
    }

    function test_CreditsWhenTheTokenReturnsFalse() public {
        token.setMood(MoodyToken.Mood.ReturnsFalse);
        assertAllCredited();
    }

    function test_CreditsWhenTheTokenBurnsGas() public {
        token.setMood(MoodyToken.Mood.BurnsGas);
        assertAllCredited();
        assertLe(vm.lastCallGas().gasTotalUsed, 1_200_000, "three pushes");
    }

    function test_CreditsWhenTheTokenReturnsMuchData() public {
        token.setMood(MoodyToken.Mood.ReturnsBomb);
        assertAllCredited();
    }

    function test_PaysWhereTheTokenReturnsNothing() public {
        token.setMood(MoodyToken.Mood.ReturnsNothing);
        redeem(t, b, voucher(id, 10, 1));
        assertEq(token.balanceOf(payee), 4.5 ether);
        assertEq(token.balanceOf(relayer), 0.5 ether);
        assertEq(token.balanceOf(poster.addr), PENALTY);
        assertEq(escrow.balances(payee, address(token)), 0);
    }

    function test_TakesATokenThatReturnsNothing() public {
        token.setMood(MoodyToken.Mood.ReturnsNothing);
        give(stranger, 7);
        vm.prank(stranger);
        escrow.fund(t, 7);
        assertEq(escrowOf(t), 7);
    }

    function test_CreditsWhenTheTokenNeedsMoreGasThanAPushBrings() public {
        token.setMood(MoodyToken.Mood.Eats);
        assertAllCredited();
        vm.prank(payee);
        escrow.withdraw(address(token), payee, 4.5 ether);
        assertEq(token.balanceOf(payee), 4.5 ether);
    }

    function test_RevertWhen_TooLittleGasIsLeftForAPush() public {
        SignedVerdict[] memory v = voucher(id, 10, 0);
        bytes memory data = abi.encodeCall(IMarket.redeem, (t, verifiers(), b, v));
        (bool ok, bytes memory why) = address(escrow).call{gas: 350_000}(data);
        assertFalse(ok);
        assertEq(uint256(uint32(bytes4(why))), uint256(uint32(IErrors.GasTooLow.selector)));
        uint256 needed;
        assembly {
            needed := mload(add(why, 0x24))
        }
        assertEq(needed, 300_000 + 9375 + 12_000);
    }

    /// @dev A balance of nearly 2^256, as a token that lies can make one, must not make the call fail: others may be in it.
    function test_CreditsWhatFitsWhereTheTokenLies() public {
        for (uint256 i = 0; i < 2; ++i) {
            setBalance(address(escrow), RESERVE + BOND);
            uint256 most = type(uint256).max - (RESERVE + BOND);
            uint256 lie = i == 0 ? most : RESERVE + BOND - 1 ether;
            setBalance(stranger, lie);
            vm.startPrank(stranger);
            token.approve(address(escrow), lie);
            escrow.deposit(address(token), payee, lie);
            vm.stopPrank();
        }
        token.setMood(MoodyToken.Mood.Reverts);
        vm.expectEmit(address(escrow));
        emit IBalanceEvents.Credited(payee, address(token), 1 ether, type(uint256).max);
        redeem(t, b, voucher(id, 10, 1));
        assertEq(escrow.balances(payee, address(token)), type(uint256).max);
        assertEq(escrow.balances(relayer, address(token)), 0.5 ether);
        assertEngagement(id, Status.Active, 10, UNITS, 1);
    }

    function test_CreditsOnlyWhoIsDenied() public {
        token.deny(payee);
        redeem(t, b, voucher(id, 10, 1));
        assertEq(escrow.balances(payee, address(token)), 4.5 ether);
        assertEq(token.balanceOf(relayer), 0.5 ether);
        assertEq(token.balanceOf(poster.addr), PENALTY);
        // Somewhere else, it can be withdrawn.
        vm.prank(payee);
        escrow.withdraw(address(token), stranger, 4.5 ether);
        assertEq(token.balanceOf(stranger), 4.5 ether);
    }

    function test_ADeniedRunnerOrPosterBlocksNoReclaim() public {
        token.deny(poster.addr);
        warpTo(RECLAIM);
        escrow.end(t, verifiers(), b);
        escrow.reclaim(t, verifiers(), b);
        assertEq(escrow.balances(poster.addr, address(token)), RESERVE);
        assertEq(token.balanceOf(runner.addr), BOND);
        assertEngagement(id, Status.Closed, 0, UNITS, 0);
    }

    function test_CreditsWhenTheTokenIsGone() public {
        vm.etch(address(token), "");
        redeem(t, b, voucher(id, 10, 0));
        assertEq(escrow.balances(payee, address(token)), 4.5 ether);
    }

    function test_RefusesReentryByTheToken() public {
        token.reenter(address(escrow), abi.encodeCall(ISettlement.end, (t, verifiers(), b)));
        redeem(t, b, voucher(id, 10, 0));
        assertEq(uint256(uint32(token.refusal())), uint256(uint32(bytes4(keccak256("ReentrancyGuardReentrantCall()")))));
        assertEq(token.balanceOf(payee), 4.5 ether);
    }
}
