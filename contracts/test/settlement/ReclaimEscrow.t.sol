// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";

contract ReclaimEscrowTest is Base {
    function testFuzz_ThePosterTakesAllUnreservedEscrowAtAnyTime(uint96 amount, uint32 time, bool inUsd) public {
        amount = uint96(bound(amount, 1, type(uint96).max));
        Terms memory t = inUsd ? usdTerms() : nativeTerms();
        post(t, amount);
        warpTo(time);
        vm.expectEmit(address(escrow));
        emit IEvents.EscrowReclaimed(bountyOf(t), poster.addr, amount);
        vm.prank(poster.addr);
        escrow.reclaimEscrow(t);
        assertEq(held(t.token, poster.addr), amount);
        assertEq(held(t.token, address(escrow)), 0);
        assertEq(escrowOf(t), 0);
    }

    function test_LeavesTheReserveAlone() public {
        Terms memory t = nativeTerms();
        engage(t, bidFor(t, 0));
        vm.deal(address(this), 3);
        escrow.fund{value: 3}(t, 3);
        vm.prank(poster.addr);
        escrow.reclaimEscrow(t);
        assertEq(poster.addr.balance, 3);
        assertEq(address(escrow).balance, RESERVE + BOND);
    }

    function test_RevertWhen_AStrangerTriesWhileOpen() public {
        Terms memory t = nativeTerms();
        post(t, 1 ether);
        vm.warp(OPEN_UNTIL - 1);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotPoster.selector, poster.addr, stranger));
        vm.prank(stranger);
        escrow.reclaimEscrow(t);
    }

    function test_AnyoneSendsItHomeOnceClosed() public {
        for (uint256 late = 0; late < 2; ++late) {
            Terms memory t = nativeTerms();
            t.salt = late;
            warpTo(0);
            post(t, 1 ether);
            vm.warp(OPEN_UNTIL + late);
            vm.prank(stranger);
            escrow.reclaimEscrow(t);
            assertEq(poster.addr.balance, (late + 1) * 1 ether);
            assertEq(stranger.balance, 0);
        }
    }

    function test_RevertWhen_NothingIsLeft() public {
        Terms memory t = nativeTerms();
        post(t, 1);
        vm.startPrank(poster.addr);
        escrow.reclaimEscrow(t);
        vm.expectRevert(abi.encodeWithSelector(IErrors.ZeroAmount.selector));
        escrow.reclaimEscrow(t);
    }

    function test_RevertWhen_NotPosted() public {
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotPosted.selector, bountyOf(nativeTerms())));
        vm.prank(poster.addr);
        escrow.reclaimEscrow(nativeTerms());
    }
}
