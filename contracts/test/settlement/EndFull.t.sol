// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBalanceEvents} from "../../src/interfaces/IBalances.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Bid, EndReason, Status, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";

/// @notice Ending when the bounty's escrow has no room for what is released: only a worthless token gets there.
contract EndFullTest is Base {
    /// @dev Funds until only `room` more fits.
    function fill(Terms memory t, uint256 room) private {
        uint256 amount = type(uint128).max - escrowOf(t) - room;
        ready(t.token, stranger, amount);
        vm.prank(stranger);
        escrow.fund(t, amount);
    }

    function testFuzz_KeepsWhatFitsAndCreditsThePosterTheRest(uint256 room) public {
        Terms memory t = usdTerms();
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        vm.prank(poster.addr);
        escrow.giveNotice(t, b);
        uint256 released = 70 * uint256(RATE);
        room = bound(room, 0, 2 * released);
        fill(t, room);
        uint256 kept = room < released ? room : released;
        uint256 full = type(uint128).max - room + kept;

        warpTo(30);
        vm.expectEmit(address(escrow));
        emit IEvents.Ended(id, b.bounty, EndReason.PosterNotice, uint64(START + 30), 30, released, full);
        if (kept != released) {
            vm.expectEmit(address(escrow));
            emit IBalanceEvents.Credited(poster.addr, address(usd), released - kept, released - kept);
        }
        escrow.end(t, verifiers(), b);
        assertEngagement(id, Status.Ended, 0, 30, 0);
        assertEq(escrowOf(t), full);
        assertEq(escrow.balances(poster.addr, address(usd)), released - kept);
        assertEq(usd.balanceOf(address(escrow)), full + released - kept + 30 * uint256(RATE) + BOND);
        assertAllGoesHome(t, b, released - kept);
    }

    /// @dev Nothing stays behind.
    function assertAllGoesHome(Terms memory t, Bid memory b, uint256 credited) private {
        vm.startPrank(poster.addr);
        escrow.reclaimEscrow(t);
        if (credited != 0) escrow.withdraw(address(usd), poster.addr, credited);
        vm.stopPrank();
        warpTo(30 + RECLAIM);
        escrow.reclaim(t, verifiers(), b);
        assertEq(usd.balanceOf(address(escrow)), 0);
        assertEq(usd.balanceOf(runner.addr), BOND);
    }

    function test_EndsForCauseWithAFullEscrow() public {
        Terms memory t = usdTerms();
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        fill(t, 0);
        warpTo(50);
        redeem(t, b, voucher(id, 30, 3));
        assertEngagement(id, Status.Ended, 30, 50, 3);
        assertSeats(t, 0, 1);
        assertEq(escrowOf(t), type(uint128).max);
        assertEq(escrow.balances(poster.addr, address(usd)), 50 * uint256(RATE));
        assertEq(usd.balanceOf(payee), 30 * uint256(RATE));
        assertEq(usd.balanceOf(poster.addr), 3 * PENALTY);
    }
}
