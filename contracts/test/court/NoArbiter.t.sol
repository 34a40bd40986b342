// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Record, Status, Subject, Terms} from "../../src/interfaces/Types.sol";
import {CourtBase} from "./CourtBase.sol";

/// @notice Where nobody can rule, verdicts stand and contested assertions lapse.
contract NoArbiterTest is CourtBase {
    function begin(address token) private {
        Terms memory t = token == NATIVE ? nativeTerms() : usdTerms();
        start(t);
        warpTo(100);
    }

    function test_RevertWhen_UnitsAreContested() public {
        begin(NATIVE);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NoArbiter.selector));
        disputeWith(poster.addr, Subject.Units, 0, fresh(50, 0), 0);
        assertFlags(0);
    }

    function test_RevertWhen_FaultsAreContested() public {
        begin(NATIVE);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NoArbiter.selector));
        disputeWith(runner.addr, Subject.Faults, 0, fresh(0, 2), PENALTY);
    }

    function test_AContestedAssertionLapsesAtOnce() public {
        lapses(NATIVE, poster.addr, 119);
    }

    function test_AContestedAssertionLapsesAtOnceInTestUSD() public {
        lapses(address(usd), verifier[2].addr, 101);
    }

    function lapses(address token, address by, uint256 time) private {
        begin(token);
        remember();
        asserts(40);
        warpTo(time);
        vm.expectEmit(address(escrow));
        Record memory r = spokenRecord(0, 0, 0, time);
        emit IEvents.Resolved(id, Subject.Assertion, by, 0, false, false, r);
        disputeWith(by, Subject.Assertion, 0, none(), 0);
        assertGained(runner.addr, 0, "the bond came back");
        assertGained(by, 0, "no bond was taken");
        assertGained(payee, 0, "no pay");
        assertReleased(0);
        assertNoAssertion();
        assertNoDispute(Subject.Assertion);
        assertFlags(0);
        assertRecord(0, 0, 0, time);
        assertEngagement(id, Status.Active, 0, UNITS, 0);
    }

    function test_WhatIsNotContestedPaysInItsTime() public {
        begin(NATIVE);
        remember();
        asserts(40);
        warpTo(110);
        vm.expectEmit(address(escrow));
        emit IEvents.UnitsAsserted(id, runner.addr, 30, uint64(START + 120), 2 ether);
        disputeWith(poster.addr, Subject.Assertion, 30, none(), 0);
        disputeWith(verifier[0].addr, Subject.Assertion, 20, none(), 0);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NothingToContest.selector, 20, 20));
        disputeWith(poster.addr, Subject.Assertion, 20, none(), 0);
        warpTo(119);
        vm.expectRevert(abi.encodeWithSelector(IErrors.ChallengeOpen.selector, START + 120, START + 119));
        settles(Subject.Assertion);
        warpTo(120);
        settles(Subject.Assertion);
        assertGained(payee, 10 ether, "what is left");
        assertGained(runner.addr, 0, "the bond came back");
        assertReleased(10 ether);
        assertNoAssertion();
    }

    function test_TheRunnerAssertsAgainForTheSameBond() public {
        begin(NATIVE);
        asserts(40);
        disputeWith(poster.addr, Subject.Assertion, 0, none(), 0);
        asserts(40);
        warpTo(120);
        settles(Subject.Assertion);
        assertEq(payee.balance, 20 ether);
    }

    function test_RevertWhen_ABondIsSentAlong() public {
        begin(NATIVE);
        asserts(40);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongValue.selector, 0, 2 ether));
        disputeWith(poster.addr, Subject.Assertion, 0, none(), 2 ether);
    }

    function test_RevertWhen_ItIsTooLate() public {
        begin(NATIVE);
        asserts(40);
        warpTo(120);
        vm.expectRevert(abi.encodeWithSelector(IErrors.ChallengeClosed.selector, START + 120, START + 120));
        disputeWith(poster.addr, Subject.Assertion, 0, none(), 0);
    }

    function test_RevertWhen_SomebodyRules() public {
        begin(NATIVE);
        asserts(40);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotArbiter.selector, address(0), poster.addr));
        ruleAs(poster.addr, Subject.Assertion, 0);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NoDispute.selector, Subject.Assertion));
        ruleAs(address(0), Subject.Assertion, 0);
    }

    function test_AnUncontestedAssertionPays() public {
        begin(address(usd));
        asserts(40);
        warpTo(120);
        settles(Subject.Assertion);
        assertEq(usd.balanceOf(payee), 20 ether);
    }
}
