// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {SignedVerdict, Status, Subject} from "../../src/interfaces/Types.sol";
import {CourtBase} from "./CourtBase.sol";

/// @notice Nothing goes back while a question is open, and no question stays open.
contract ReclaimAfterDisputeTest is CourtBase {
    /// @dev One second before it could be reclaimed.
    function begin() private {
        start(NATIVE);
        warpTo(RECLAIM - 1);
        ends();
    }

    function expectHeld(Subject subject) private {
        vm.expectRevert(abi.encodeWithSelector(IErrors.DisputeOpen.selector, subject));
        reclaims();
    }

    function expectRedemptionOpen(uint256 until, uint256 time) private {
        warpTo(time);
        vm.expectRevert(abi.encodeWithSelector(IErrors.RedemptionOpen.selector, START + until, START + time));
        reclaims();
    }

    function assertEmptyAt(uint256 until) private {
        assertEq(escrow.reclaimableAt(offer, id), START + until);
        expectRedemptionOpen(until, until - 1);
        warpTo(until);
        reclaims();
        assertEq(uint256(escrow.engagement(id).status), uint256(Status.Closed));
        assertEq(address(escrow).balance, 0);
    }

    function test_NotWhileUnitsAreContested() public {
        begin();
        disputeUnits(0, 100);
        warpTo(RECLAIM);
        expectHeld(Subject.Units);
        // Nor when only nobody settled it.
        warpTo(10_000);
        expectHeld(Subject.Units);
        settles(Subject.Units);
        assertEmptyAt(10_000 + CHALLENGE + SILENCE);
    }

    function test_NotWhileFaultsAreContested() public {
        begin();
        disputeFaults(0, 2);
        warpTo(RECLAIM + 10);
        expectHeld(Subject.Faults);
        rules(Subject.Faults, 2);
        assertEmptyAt(RECLAIM + 10 + CHALLENGE + SILENCE);
    }

    function test_NotWhileUnitsAreAsserted() public {
        begin();
        asserts(50);
        warpTo(RECLAIM + 19);
        expectHeld(Subject.Assertion);
        settles(Subject.Assertion);
        assertEmptyAt(RECLAIM + 19 + CHALLENGE + SILENCE);
    }

    function test_NotWhileAnAssertionIsContested() public {
        begin();
        asserts(50);
        disputeAssertion(poster.addr, 0, 50);
        warpTo(RECLAIM + SILENCE - 2);
        expectHeld(Subject.Assertion);
        rules(Subject.Assertion, 25);
        assertEmptyAt(RECLAIM + CHALLENGE + 2 * SILENCE - 2);
        assertEq(payee.balance, 12.5 ether);
    }

    function test_EachOfSeveralMustBeResolved() public {
        begin();
        disputeUnits(0, 50);
        disputeFaults(0, 1);
        asserts(60);
        warpTo(RECLAIM + 19);
        expectHeld(Subject.Units);
        rules(Subject.Units, 50);
        expectHeld(Subject.Faults);
        rules(Subject.Faults, 1);
        expectHeld(Subject.Assertion);
        settles(Subject.Assertion);
        assertEmptyAt(RECLAIM + 19 + CHALLENGE + SILENCE);
        assertEq(payee.balance, 30 ether);
    }

    function test_WhatWaitedForTheRulingCanBeRedeemed() public {
        start(NATIVE);
        SignedVerdict[] memory v = voucher(id, 100, 0, START + ENDS + 1);
        warpTo(RECLAIM - 1);
        ends();
        disputeUnits(0, 60);
        SignedVerdict[] memory late = voucher(id, 90, 0, START + RECLAIM - 15);
        warpTo(RECLAIM + 5);
        vm.expectRevert(abi.encodeWithSelector(IErrors.Frozen.selector, 0));
        redeems(late);
        rules(Subject.Units, 60);
        warpTo(RECLAIM + 5 + CHALLENGE - 1);
        bytes memory open = abi.encodeWithSelector(
            IErrors.ChallengeOpen.selector, START + RECLAIM + 5 + CHALLENGE, START + RECLAIM + 5 + CHALLENGE - 1
        );
        vm.expectRevert(open);
        redeems(late);
        warpTo(RECLAIM + 5 + CHALLENGE + SILENCE - 1);
        redeems(late);
        assertEq(payee.balance, 45 ether);
        redeems(v);
        assertEq(payee.balance, 50 ether);
        assertEmptyAt(RECLAIM + 5 + CHALLENGE + SILENCE);
    }

    function test_AnEarlyResolutionDelaysNothing() public {
        start(NATIVE);
        warpTo(50);
        disputeUnits(0, 50);
        rules(Subject.Units, 50);
        warpTo(ENDS);
        ends();
        assertEmptyAt(RECLAIM);
    }

    function test_AResolutionAWindowAndASilenceBeforeDelaysNothing() public {
        start(NATIVE);
        warpTo(ENDS);
        ends();
        warpTo(RECLAIM - CHALLENGE - SILENCE);
        disputeUnits(0, 50);
        rules(Subject.Units, 50);
        assertEmptyAt(RECLAIM);
    }

    function test_NoAssertionAfterTheRegularTime() public {
        begin();
        disputeUnits(0, 60);
        warpTo(RECLAIM);
        rules(Subject.Units, 60);
        vm.expectRevert(abi.encodeWithSelector(IErrors.ChallengeClosed.selector, START + RECLAIM, START + RECLAIM));
        assertWith(runner.addr, 61, RATE);
        assertEmptyAt(RECLAIM + CHALLENGE + SILENCE);
    }

    /// @dev Every further dispute takes a unit more, and twice the bond.
    function test_WhatFollowsADisputeCanBeContestedAndDelaysAgain() public {
        begin();
        disputeUnits(0, 60);
        warpTo(RECLAIM);
        rules(Subject.Units, 60);
        warpTo(RECLAIM + 70);
        disputeWith(poster.addr, Subject.Units, 60, fresh(61, 0), 2 * uint256(RATE));
        warpTo(RECLAIM + CHALLENGE + SILENCE);
        expectHeld(Subject.Units);
        rules(Subject.Units, 60);
        assertEmptyAt(RECLAIM + 2 * (CHALLENGE + SILENCE));
    }

    /// @dev Whoever opens what and whenever, settling as soon as that is possible frees all money within two silences.
    function testFuzz_NothingIsHeldForEver(uint256 opened, uint64 units, uint64 asserted, bool contested) public {
        start(NATIVE);
        opened = bound(opened, SILENCE + 2, RECLAIM - 1);
        warpTo(opened);
        uint256 worked = opened < ENDS ? opened : ENDS;
        disputeUnits(0, uint64(bound(units, 1, worked)));
        disputeFaults(0, 2);
        asserted = uint64(bound(asserted, 1, opened - SILENCE < ENDS ? opened - SILENCE : ENDS));
        asserts(asserted);
        if (contested) disputeAssertion(poster.addr, 0, asserted);
        uint256 settled = opened + SILENCE;
        warpTo(settled);
        for (uint256 i = 0; i < 3; ++i) {
            settles(Subject(i));
        }
        if (settled < ENDS) warpTo(ENDS);
        ends();
        uint256 free = settled + CHALLENGE + SILENCE;
        assertEmptyAt(free < RECLAIM ? RECLAIM : free);
    }
}
