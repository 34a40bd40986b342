// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {Bid, SignedVerdict, Status, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";

/// @notice Paper that was worth less when it was cashed than when it was given.
contract IssuedTest is Base {
    /// @dev The payer's deposit could be withdrawn while vouchers against it were out.
    function test_ThePayerWithdrewWhatIssuedVouchersWereDrawnOn_X402BatchSettlementAndGraphTally() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        warpTo(40);
        SignedVerdict[] memory issued = voucher(id, 40, 0, START + 40);

        vm.startPrank(poster.addr);
        vm.expectRevert(abi.encodeWithSelector(IErrors.ZeroAmount.selector));
        escrow.reclaimEscrow(t);
        vm.expectRevert(abi.encodeWithSelector(IErrors.BalanceTooLow.selector, 0, 1));
        escrow.withdraw(address(0), poster.addr, 1);
        escrow.giveNotice(t, b);
        warpTo(70);
        escrow.end(t, verifiers(), b);
        // Notice at 40, end at 70, then epoch, silence and two challenge windows.
        uint256 until = START + 70 + 10 + 60 + 40;
        vm.warp(until - 1);
        vm.expectRevert(abi.encodeWithSelector(IErrors.RedemptionOpen.selector, until, until - 1));
        escrow.reclaim(t, verifiers(), b);
        vm.stopPrank();
        assertEq(poster.addr.balance, 0);

        redeem(t, b, issued);
        assertEq(payee.balance, 20 ether);
        vm.warp(until);
        escrow.reclaim(t, verifiers(), b);
        assertEq(poster.addr.balance, 15 ether);
        // And what the notice had freed: thirty seconds' worth.
        vm.prank(poster.addr);
        escrow.reclaimEscrow(t);
        assertEq(poster.addr.balance, RESERVE - 20 ether);
    }

    /// @dev A sender's deposit backed any number of tickets; whoever cashed late got what was left of it.
    function testFuzz_AWinningTicketWasRedeemedBelowItsFace_Livepeer(uint64 first, uint64 second, bool swap, bool inUsd)
        public
    {
        Terms memory t = inUsd ? usdTerms() : nativeTerms();
        (Bid memory a, Bid memory b) = (bidFor(t, 0), bidFor(t, 1));
        (a.payee, b.payee) = (makeAddr("first"), makeAddr("second"));
        post(t, 2 * RESERVE);
        deposit(t.token, runner.addr, 2 * uint256(BOND));
        (bytes32 aId, bytes32 bId) = (award(t, a), award(t, b));
        (first, second) = (uint64(bound(first, 1, UNITS)), uint64(bound(second, 1, UNITS)));
        warpTo(ENDS + CHALLENGE);
        if (swap) redeem(t, b, voucher(bId, second, 0));
        redeem(t, a, voucher(aId, first, 0));
        if (!swap) redeem(t, b, voucher(bId, second, 0));
        assertEq(held(t.token, a.payee), uint256(first) * RATE);
        assertEq(held(t.token, b.payee), uint256(second) * RATE);
    }

    /// @dev Whoever topped up another's deposit undid its unlocking.
    function test_AThirdPartysTopUpResetTheTimer_Livepeer() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        vm.prank(runner.addr);
        escrow.giveNotice(t, b);
        for (uint256 time = 1; time <= 30; ++time) {
            warpTo(time);
            topUp(t);
            assertEq(escrow.engagement(id).endsAt, START + 30);
        }
        escrow.end(t, verifiers(), b);
        for (uint256 time = 31; time <= 140; ++time) {
            warpTo(time);
            topUp(t);
            assertEq(escrow.reclaimableAt(t, id), START + 140);
        }
        escrow.reclaim(t, verifiers(), b);
        assertEngagement(id, Status.Closed, 0, 30, 0);
        assertEq(runner.addr.balance, BOND);
    }

    /// @dev Everything anyone can add to: the bounty, its deposit address, the runner's balance.
    function topUp(Terms memory t) private {
        vm.deal(stranger, 2);
        vm.startPrank(stranger);
        escrow.fund{value: 1}(t, 1);
        escrow.deposit{value: 1}(address(0), runner.addr, 1);
        vm.stopPrank();
        vm.deal(escrow.depositAddress(bountyOf(t)), 1);
        escrow.postFromDeposit(t);
    }

    /// @dev The same with a verifier's bond.
    function test_AThirdPartysTopUpResetTheUnbonding_Livepeer() public {
        vm.deal(verifier[0].addr, 5 ether);
        vm.startPrank(verifier[0].addr);
        verifierBond.bond{value: 5 ether}(address(escrow), address(0), verifier[0].addr, 5 ether);
        verifierBond.thaw(address(escrow), address(0), 5 ether);
        vm.stopPrank();
        for (uint256 day = 1; day <= 30; ++day) {
            warpTo(day * 1 days);
            vm.deal(stranger, 1);
            vm.prank(stranger);
            verifierBond.bond{value: 1}(address(escrow), address(0), verifier[0].addr, 1);
            assertEq(verifierBond.bondOf(address(escrow), verifier[0].addr, address(0)).thawsAt, START + 30 days);
        }
        vm.prank(verifier[0].addr);
        verifierBond.unbond(address(escrow), address(0));
        assertEq(verifier[0].addr.balance, 5 ether);
    }
}
