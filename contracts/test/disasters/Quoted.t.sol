// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {Bid, Status, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";

/// @notice Money that was promised, or that others gave, and who got it elsewhere.
contract QuotedTest is Base {
    /// @dev Refunds were taken from the quoted budget, out of what other jobs had paid in.
    function test_AJobEscrowRefundedABudgetThatWasQuotedButNeverFunded() public {
        post(nativeTerms(), RESERVE);
        Terms memory t = nativeTerms();
        t.salt = 1;
        post(t, 0);
        vm.expectRevert(abi.encodeWithSelector(IErrors.ZeroAmount.selector));
        vm.prank(poster.addr);
        escrow.reclaimEscrow(t);

        deposit(address(0), runner.addr, BOND);
        Bid memory b = bidFor(t, 0);
        vm.expectRevert(abi.encodeWithSelector(IErrors.Underfunded.selector, RESERVE, 0));
        award(t, b);
        assertEq(address(escrow).balance, RESERVE + BOND);
        assertEq(poster.addr.balance, 0);
    }

    function testFuzz_AJobEscrowRefundedMoreThanWasFunded(uint96 extra, uint64 units, bool inUsd) public {
        Terms memory t = inUsd ? usdTerms() : nativeTerms();
        Bid memory b = bidFor(t, 0);
        // Somebody else's, that must stay.
        deposit(t.token, stranger, 77 ether);
        post(t, RESERVE + extra);
        deposit(t.token, runner.addr, BOND);
        bytes32 id = award(t, b);
        units = uint64(bound(units, 0, UNITS));
        warpTo(RECLAIM);
        if (units != 0) redeem(t, b, voucher(id, units, 0));
        escrow.end(t, verifiers(), b);
        escrow.reclaim(t, verifiers(), b);
        if (extra != 0) escrowBack(t);
        assertEq(held(t.token, poster.addr), RESERVE + extra - uint256(units) * RATE);
        assertEq(held(t.token, runner.addr), BOND);
        assertEq(held(t.token, address(escrow)), 77 ether);
    }

    function escrowBack(Terms memory t) private {
        vm.prank(t.poster);
        escrow.reclaimEscrow(t);
    }

    /// @dev The issuer could take out what others had contributed (Bounties-Network/StandardBounties#60). Here it can until the
    /// award: a contribution is the poster's to give or to keep until then, and the runner's to earn from then on.
    function test_AnIssuerDrainedItsContributors_StandardBounties() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        post(t, 0);
        vm.deal(stranger, RESERVE + 1 ether);
        vm.prank(stranger);
        escrow.fund{value: RESERVE + 1 ether}(t, RESERVE + 1 ether);
        deposit(address(0), runner.addr, BOND);
        bytes32 id = award(t, b);

        vm.prank(poster.addr);
        escrow.reclaimEscrow(t);
        assertEq(poster.addr.balance, 1 ether);
        vm.expectRevert(abi.encodeWithSelector(IErrors.ZeroAmount.selector));
        vm.prank(poster.addr);
        escrow.reclaimEscrow(t);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEngaged.selector, id, Status.Active));
        vm.prank(poster.addr);
        escrow.reclaim(t, verifiers(), b);

        warpTo(ENDS + CHALLENGE);
        redeem(t, b, voucher(id, UNITS, 0));
        assertEq(payee.balance, RESERVE);
    }
}
