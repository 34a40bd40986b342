// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Bid, EndReason, Status, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";

/// @notice What proven faults cost, and the end for cause.
contract RedeemFaultsTest is Base {
    function test_EachNewFaultMovesThePenaltyToThePoster() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        warpTo(50);
        redeem(t, b, voucher(id, 0, 1));
        assertEq(poster.addr.balance, PENALTY);
        redeem(t, b, voucher(id, 0, 2));
        assertEq(poster.addr.balance, 2 * PENALTY);
        assertEq(address(escrow).balance, RESERVE + BOND - 2 * PENALTY);
    }

    function test_AtMostOneFaultPerEpochBegun() public {
        Terms memory t = nativeTerms();
        t.challengeSeconds = 0;
        t.faultsMax = 0;
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NothingNew.selector, 0, 0));
        redeem(t, b, voucher(id, 0, 9, START));
        uint256[6] memory time = [uint256(1), 9, 10, 11, 20, 21];
        uint256[6] memory faults = [uint256(1), 1, 1, 2, 2, 3];
        for (uint256 i = 0; i < 6; ++i) {
            warpTo(time[i]);
            if (i == 1 || i == 2 || i == 4) vm.expectRevert(abi.encodeWithSelector(IErrors.NothingNew.selector, 0, 0));
            redeem(t, b, voucher(id, 0, type(uint64).max, START + time[i]));
            assertEq(poster.addr.balance, faults[i] * PENALTY);
        }
    }

    function test_FaultsStopCountingAtTheEnd() public {
        Terms memory t = nativeTerms();
        t.faultsMax = 0;
        t.faultPenalty = 0.01 ether;
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        warpTo(500);
        redeem(t, b, voucher(id, 0, 1000));
        assertEngagement(id, Status.Active, 0, UNITS, 10);
        assertEq(poster.addr.balance, 0.1 ether);
    }

    function testFuzz_TakesNoMoreThanTheBond(uint128 bond, uint128 penalty, uint8 faults) public {
        Terms memory t = nativeTerms();
        t.bond = uint128(bound(bond, 1, 1e30));
        t.faultPenalty = uint128(bound(penalty, 0, t.bond));
        t.faultsMax = 0;
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        uint64 count = uint64(bound(faults, 1, 10));
        warpTo(ENDS + CHALLENGE);
        redeem(t, b, voucher(id, 0, count));
        uint256 due = uint256(t.faultPenalty) * count;
        if (due > t.bond) due = t.bond;
        assertEq(poster.addr.balance, due);
        escrow.end(t, verifiers(), b);
        warpTo(RECLAIM);
        escrow.reclaim(t, verifiers(), b);
        assertEq(poster.addr.balance, due + RESERVE);
        assertEq(runner.addr.balance, t.bond - due);
        assertEq(address(escrow).balance, 0);
    }

    function test_EndsForCauseAtTheLimitAndVacatesTheSeat() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        warpTo(50);
        vm.expectEmit(address(escrow));
        emit IEvents.Redeemed(id, payee, relayer, 30, 15 ether, 0);
        vm.expectEmit(address(escrow));
        emit IEvents.Faulted(id, 3, 3 * PENALTY, BOND - 3 * PENALTY);
        vm.expectEmit(address(escrow));
        emit IEvents.Ended(id, b.bounty, EndReason.Faults, uint64(START + 50), 50, 25 ether, 25 ether);
        redeem(t, b, voucher(id, 30, 3));
        assertEngagement(id, Status.Ended, 30, 50, 3);
        assertEq(escrow.engagement(id).endsAt, START + 50);
        assertSeats(t, 0, 1);
        assertEq(payee.balance, 15 ether);
        assertEq(poster.addr.balance, 3 * PENALTY);
        assertEq(escrow.reclaimableAt(t, id), START + 50 + 10 + 60 + 40);
        // The twenty seconds that verdicts may still prove stay payable.
        warpTo(80);
        redeem(t, b, voucher(id, 100, 3));
        assertEq(payee.balance, 25 ether);
    }

    function test_ReleasesTheFeesOfEpochsThatWillNotBegin() public {
        Terms memory t = nativeTerms();
        t.verifierFee = 1e15;
        post(t, RESERVE + 30 * 1e15);
        deposit(address(0), runner.addr, BOND);
        Bid memory b = bidFor(t, 0);
        bytes32 id = award(t, b);
        assertEq(escrowOf(t), 0);
        // The fifth epoch begins with second 40.
        warpTo(41);
        redeem(t, b, voucher(id, 0, 3));
        assertEq(escrowOf(t), 59 * uint256(RATE) + 3 * 5 * 1e15);
        warpTo(41 + 110);
        escrow.reclaim(t, verifiers(), b);
        assertEq(poster.addr.balance, 3 * PENALTY + 41 * uint256(RATE) + 3 * 5 * 1e15);
    }

    function test_KeepsTheReserveOfAnEngagementWithoutAClock() public {
        Terms memory t = nativeTerms();
        t.unitSeconds = 0;
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        warpTo(50);
        redeem(t, b, voucher(id, 0, 3));
        assertEngagement(id, Status.Ended, 0, UNITS, 3);
        assertEq(escrowOf(t), 0);
        assertSeats(t, 0, 1);
    }

    function test_NeverEndsForCauseWithoutALimit() public {
        Terms memory t = nativeTerms();
        t.faultsMax = 0;
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        warpTo(ENDS - 1);
        redeem(t, b, voucher(id, 0, 8));
        assertEngagement(id, Status.Active, 0, UNITS, 8);
        assertEq(poster.addr.balance, BOND);
    }

    function test_FaultsProvenAfterTheEndVacateNothing() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        warpTo(ENDS);
        redeem(t, b, voucher(id, 0, 3));
        assertEngagement(id, Status.Active, 0, UNITS, 3);
        escrow.end(t, verifiers(), b);
        redeem(t, b, voucher(id, 0, 4));
        assertEngagement(id, Status.Ended, 0, UNITS, 4);
        assertSeats(t, 1, 0);
        assertEq(poster.addr.balance, 4 * PENALTY);
    }

    function test_OneEngagementsFateChangesNoOthers() public {
        Terms memory t = nativeTerms();
        Bid memory first = bidFor(t, 0);
        Bid memory second = bidFor(t, 1);
        bytes32 id = engage(t, first);
        vm.deal(address(this), RESERVE);
        escrow.fund{value: RESERVE}(t, RESERVE);
        deposit(address(0), runner.addr, BOND);
        bytes32 other = award(t, second);
        warpTo(50);
        redeem(t, first, voucher(id, 0, 3));
        assertEngagement(other, Status.Active, 0, UNITS, 0);
        warpTo(200);
        redeem(t, second, voucher(other, 100, 0));
        assertEq(payee.balance, RESERVE);
    }
}
