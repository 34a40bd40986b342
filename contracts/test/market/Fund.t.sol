// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {MoodyToken} from "../utils/Hostile.sol";

contract FundTest is Base {
    function testFuzz_AnyoneAddsToTheEscrow(uint96 first, uint96 second, bool inUsd) public {
        second = uint96(bound(second, 1, type(uint96).max));
        Terms memory t = inUsd ? usdTerms() : nativeTerms();
        post(t, first);
        ready(t.token, stranger, second);
        vm.expectEmit(address(escrow));
        emit IEvents.Funded(bountyOf(t), stranger, second, uint256(first) + second);
        vm.prank(stranger);
        escrow.fund{value: valueOf(t.token, second)}(t, second);
        assertEq(escrowOf(t), uint256(first) + second);
        assertEq(held(t.token, address(escrow)), uint256(first) + second);
    }

    function test_ChangesNoTimeAndWorksAfterClosing() public {
        Terms memory t = nativeTerms();
        post(t, 0);
        vm.warp(OPEN_UNTIL + 1);
        vm.deal(stranger, 1);
        vm.prank(stranger);
        escrow.fund{value: 1}(t, 1);
        assertEq(escrow.bounty(bountyOf(t)).postedAt, START);
    }

    function test_RevertWhen_NothingIsGiven() public {
        post(nativeTerms(), 0);
        vm.expectRevert(abi.encodeWithSelector(IErrors.ZeroAmount.selector));
        escrow.fund(nativeTerms(), 0);
    }

    function test_RevertWhen_NotPosted() public {
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotPosted.selector, bountyOf(nativeTerms())));
        escrow.fund{value: 1}(nativeTerms(), 1);
    }

    function test_RevertWhen_TheValueIsNotTheAmount() public {
        post(nativeTerms(), 0);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongValue.selector, 2, 3));
        escrow.fund{value: 3}(nativeTerms(), 2);
        post(usdTerms(), 0);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongValue.selector, 0, 3));
        escrow.fund{value: 3}(usdTerms(), 3);
    }

    function test_RevertWhen_TheTokenTakesAFee() public {
        MoodyToken token = new MoodyToken();
        Terms memory t = nativeTerms();
        t.token = address(token);
        post(t, 0);
        token.setMood(MoodyToken.Mood.TakesFee);
        token.mint(address(this), 1000);
        token.approve(address(escrow), 1000);
        // One per cent, and one more.
        vm.expectRevert(abi.encodeWithSelector(IErrors.TransferMismatch.selector, 1000, 989));
        escrow.fund(t, 1000);
    }

    function test_RevertWhen_EscrowOutgrows128Bits() public {
        Terms memory t = usdTerms();
        post(t, type(uint128).max);
        usd.mint(address(this), 1);
        usd.approve(address(escrow), 1);
        vm.expectRevert(
            abi.encodeWithSignature("SafeCastOverflowedUintDowncast(uint8,uint256)", 128, uint256(1) << 128)
        );
        escrow.fund(t, 1);
    }
}
