// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {Bid, SignedVerdict, Status, Subject, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";

/// @notice Nothing goes back while a question is open, nor before whoever waited for the answer could redeem.
contract ReclaimOpenTest is Base {
    Terms private t;
    Bid private b;
    bytes32 private id;

    /// @dev Five seconds before everything could have gone home.
    function setUp() public override {
        super.setUp();
        t = nativeTerms();
        t.arbiter = stranger;
        b = bidFor(t, 0);
        id = engage(t, b);
        deposit(address(0), runner.addr, 20 ether);
        deposit(address(0), poster.addr, 20 ether);
        warpTo(RECLAIM - 5);
        escrow.end(t, verifiers(), b);
    }

    function dispute(address by, Subject subject, uint64 units, uint64 faults) private {
        SignedVerdict[] memory verdicts;
        if (subject != Subject.Assertion) verdicts = voucher(id, units, faults, START + RECLAIM - 10);
        vm.prank(by);
        escrow.dispute(t, verifiers(), b, subject, 0, verdicts);
    }

    function expectOpen(Subject subject) private {
        vm.expectRevert(abi.encodeWithSelector(IErrors.DisputeOpen.selector, subject));
        escrow.reclaim(t, verifiers(), b);
    }

    /// @dev Until a challenge window and `silenceSeconds` after the answer, −1 and 0.
    function assertWaits(uint256 answeredAt) private {
        uint256 until = START + answeredAt + CHALLENGE + t.silenceSeconds;
        assertEq(escrow.reclaimableAt(t, id), until);
        vm.warp(until - 1);
        vm.expectRevert(abi.encodeWithSelector(IErrors.RedemptionOpen.selector, until, until - 1));
        escrow.reclaim(t, verifiers(), b);
        vm.warp(until);
        escrow.reclaim(t, verifiers(), b);
        assertEngagement(id, Status.Closed, escrow.engagement(id).unitsPaid, UNITS, escrow.engagement(id).faults);
        // Bonds of questions included, everything has left or is somebody's free balance.
        uint256 free = escrow.balances(runner.addr, address(0)) + escrow.balances(poster.addr, address(0));
        assertEq(address(escrow).balance, free);
    }

    function test_WaitsForADisputeAboutUnits() public {
        dispute(poster.addr, Subject.Units, 80, 0);
        warpTo(RECLAIM);
        expectOpen(Subject.Units);
        warpTo(RECLAIM + 10);
        vm.prank(stranger);
        escrow.rule(t, verifiers(), b, Subject.Units, 30);
        assertWaits(RECLAIM + 10);
        assertEq(payee.balance, 30 * uint256(RATE));
    }

    function test_WaitsForADisputeAboutFaults() public {
        dispute(runner.addr, Subject.Faults, 0, 2);
        warpTo(RECLAIM + 55);
        // The arbiter's time is over, but the question stays open until someone settles it.
        expectOpen(Subject.Faults);
        escrow.settle(t, verifiers(), b, Subject.Faults);
        assertEngagement(id, Status.Ended, 0, UNITS, 2);
        assertWaits(RECLAIM + 55);
    }

    function test_WaitsForAnAssertionNobodyDisputes() public {
        vm.prank(runner.addr);
        escrow.assertUnits(t, verifiers(), b, UNITS);
        warpTo(RECLAIM);
        expectOpen(Subject.Assertion);
        warpTo(RECLAIM + 15);
        escrow.settle(t, verifiers(), b, Subject.Assertion);
        assertEq(payee.balance, RESERVE);
        assertWaits(RECLAIM + 15);
    }

    function test_WaitsForADisputeAboutAnAssertion() public {
        vm.prank(runner.addr);
        escrow.assertUnits(t, verifiers(), b, UNITS);
        dispute(poster.addr, Subject.Assertion, 0, 0);
        warpTo(RECLAIM + 54);
        expectOpen(Subject.Assertion);
        vm.prank(stranger);
        escrow.rule(t, verifiers(), b, Subject.Assertion, 0);
        assertWaits(RECLAIM + 54);
    }

    /// @dev An answer long before the end holds nothing up.
    function test_AnEarlyAnswerMovesNothing() public {
        warpTo(0);
        b = bidFor(t, 1);
        vm.deal(stranger, RESERVE);
        vm.prank(stranger);
        escrow.fund{value: RESERVE}(t, RESERVE);
        id = award(t, b);
        warpTo(50);
        SignedVerdict[] memory verdicts = voucher(id, 30, 0, START + 40);
        vm.prank(poster.addr);
        escrow.dispute(t, verifiers(), b, Subject.Units, 0, verdicts);
        vm.prank(stranger);
        escrow.rule(t, verifiers(), b, Subject.Units, 30);
        assertEq(escrow.record(id).reclaimableFrom, START + 130);
        assertEq(escrow.reclaimableAt(t, id), START + RECLAIM);
    }
}
