// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {SignedVerdict, Subject, Terms} from "../../src/interfaces/Types.sol";
import {CourtBase} from "./CourtBase.sol";

/// @notice What each party would try, and what must come of it.
contract AttacksTest is CourtBase {
    function test_AnAssertionMadeAtTheLastMomentCanBeContested() public {
        start(NATIVE);
        warpTo(ENDS);
        ends();
        warpTo(RECLAIM - 1);
        asserts(100);
        warpTo(RECLAIM);
        disputeAssertion(poster.addr, 0, 100);
        rules(Subject.Assertion, 0);
        assertEq(payee.balance, 0);
    }

    function test_AVoucherThatOnlyAnOpenQuestionLetsPayCanBeContested() public {
        start(NATIVE);
        warpTo(ENDS);
        ends();
        warpTo(RECLAIM - 1);
        asserts(1);
        warpTo(RECLAIM + 5);
        disputeUnits(0, 100);
    }

    function test_AVerifiersDisputeDoesNotKeepThePosterFromContestingMore() public {
        start(NATIVE);
        warpTo(160);
        asserts(100);
        disputeAssertion(verifier[2].addr, 99, 100);
        disputeAssertion(poster.addr, 0, 100);
        rules(Subject.Assertion, 0);
        assertEq(payee.balance, 0);
    }

    function test_WhatWasAttestedDuringADisputeCanBeContestedAfterIt() public {
        start(NATIVE);
        warpTo(20);
        disputeUnits(10, 20);
        warpTo(55);
        SignedVerdict[] memory later = fresh(55, 0);
        warpTo(79);
        rules(Subject.Units, 20);
        uint256 bond = contestBond(35, RATE, 1);
        disputeWith(poster.addr, Subject.Units, 20, later, bond);
    }

    function test_FaultsAttestedDuringADisputeCanBeContestedAfterIt() public {
        start(NATIVE);
        warpTo(20);
        disputeFaults(0, 1);
        warpTo(45);
        SignedVerdict[] memory later = fresh(0, 3);
        warpTo(79);
        rules(Subject.Faults, 1);
        disputeWith(runner.addr, Subject.Faults, 1, later, contestBond(2, PENALTY, 1));
    }

    function test_TheContestedSignersCantDateTheSameVerdictBackToBePaid() public {
        start(NATIVE);
        warpTo(60);
        disputeUnits(10, 40);
        redeems(voucher(id, 40, 0, START + 40));
        assertEq(payee.balance, 10 * uint256(RATE));
        vm.expectRevert(abi.encodeWithSelector(IErrors.Frozen.selector, 10));
        redeems(voucher(id, 40, 0, START + 40));
    }

    function test_AnAssertionWaitsForTheRulingToo() public {
        start(NATIVE);
        warpTo(100);
        asserts(40);
        disputeUnits(10, 90);
        warpTo(120);
        vm.expectRevert(abi.encodeWithSelector(IErrors.Frozen.selector, 10));
        settles(Subject.Assertion);
    }

    function test_TheUncontestedPartOfAnAssertionPaysWhenTheArbiterIsSilent() public {
        start(NATIVE);
        warpTo(160);
        asserts(100);
        disputeAssertion(poster.addr, 99, 100);
        warpTo(220);
        settles(Subject.Assertion);
        assertEq(payee.balance, 99 * uint256(RATE));
    }

    function test_TheUncontestedPartOfAnAssertionPaysWithoutAnArbiter() public {
        Terms memory t = nativeTerms();
        start(t);
        warpTo(160);
        asserts(100);
        disputeWith(poster.addr, Subject.Assertion, 99, none(), 0);
        warpTo(180);
        settles(Subject.Assertion);
        assertEq(payee.balance, 99 * uint256(RATE));
    }

    function test_NothingOfEjectedSignersStandsByTimeOut() public {
        start(NATIVE);
        warpTo(50);
        disputeUnits(10, 50);
        disputeFaults(0, 2);
        rules(Subject.Faults, 0);
        warpTo(110);
        settles(Subject.Units);
        assertLe(payee.balance, 10 * uint256(RATE), "paid what only ejected signers said");
    }

    function test_TheRefusalTellsTheFloorOfWhatIsFrozen() public {
        start(NATIVE);
        warpTo(50);
        redeems(voucher(id, 30, 1, START + 30));
        disputeFaults(1, 3);
        warpTo(70);
        vm.expectRevert(abi.encodeWithSelector(IErrors.Frozen.selector, 1));
        redeems(voucher(id, 30, 3, START + 50));
    }

    // Whoever contests first can be a friend of the runner in the set, and the poster can't take over what is contested down to what
    // is paid: half of the bond is the poster's in any case.
    function test_AFalseAssertionCostsTheRunnerAlsoWhenAFriendContestsIt() public {
        start(NATIVE);
        warpTo(160);
        address friend = verifier[2].addr;
        uint256 before = wealth(runner.addr) + wealth(friend);
        asserts(100);
        disputeAssertion(friend, 0, 100);
        rules(Subject.Assertion, 0);
        assertLe(wealth(runner.addr) + wealth(friend), before - 1, "a lie for free");
    }
}
