// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Record, Status, Subject} from "../../src/interfaces/Types.sol";
import {CourtBase} from "./CourtBase.sol";

/// @notice The arbiter decides about asserted units.
contract RuleAssertionTest is CourtBase {
    uint256 private constant ASSERTED_BOND = 2 ether;
    uint256 private constant AT_RISK = 1.5 ether;

    /// @dev 40 units asserted, 10 of them uncontested. What both put at risk is in the escrow already.
    function begin(address token, address by) private {
        start(token);
        warpTo(100);
        asserts(40);
        disputeAssertion(by, 10, 40);
        remember();
    }

    function expectResolved(uint256 outcome, bool upheld, Record memory r) private {
        vm.expectEmit(address(escrow));
        emit IEvents.Resolved(id, Subject.Assertion, arbiter, outcome, upheld, !upheld, r);
    }

    function test_TheRunnerWasRight() public {
        right(NATIVE, poster.addr, 1);
    }

    function test_TheRunnerWasRightInTestUSD() public {
        right(address(usd), poster.addr, 1);
    }

    function test_TheRunnerWasRightAgainstAVerifier() public {
        right(NATIVE, verifier[1].addr, 0);
    }

    function right(address token, address by, uint8 lost) private {
        begin(token, by);
        expectResolved(40, true, spokenRecord(0, lost, 0, 100));
        vm.expectEmit(address(escrow));
        emit IEvents.Redeemed(id, payee, arbiter, 40, 20 ether, 0);
        rules(Subject.Assertion, 40);
        assertGained(payee, 20 ether, "the pay");
        assertGained(runner.addr, ASSERTED_BOND + AT_RISK, "both bonds");
        assertGained(by, 0, "nothing back");
        assertReleased(20 ether + ASSERTED_BOND + AT_RISK);
        assertEngagement(id, Status.Active, 40, UNITS, 0);
        assertRecord(0, lost, 0, 100);
        closed();
    }

    function closed() private view {
        assertFlags(0);
        assertNoDispute(Subject.Assertion);
        assertNoAssertion();
    }

    function test_TheRunnerWasWrong() public {
        wrong(NATIVE, poster.addr, 10);
    }

    function test_TheRunnerWasWrongInTestUSD() public {
        wrong(address(usd), verifier[2].addr, 10);
    }

    function testFuzz_TheRunnerWasWrongByAnyNumber(uint64 outcome) public {
        wrong(address(usd), poster.addr, uint64(bound(outcome, 10, 39)));
    }

    function wrong(address token, address by, uint64 outcome) private {
        begin(token, by);
        expectResolved(outcome, false, spokenRecord(0, 0, 1, 100));
        rules(Subject.Assertion, outcome);
        assertGained(payee, outcome * uint256(RATE), "what stands");
        assertGained(runner.addr, 0, "no bond");
        bool ofPoster = by == poster.addr;
        assertGained(by, AT_RISK + (ofPoster ? ASSERTED_BOND : ASSERTED_BOND / 2), "its bond and a half, or both");
        if (!ofPoster) assertGained(poster.addr, ASSERTED_BOND - ASSERTED_BOND / 2, "the other half");
        assertReleased(outcome * uint256(RATE) + ASSERTED_BOND + AT_RISK);
        assertEngagement(id, Status.Active, outcome, UNITS, 0);
        // Nobody signed anything: nobody is ejected.
        assertRecord(0, 0, 1, 100);
        closed();
    }

    function test_RevertWhen_TheOutcomeIsOutsideWhatIsContested() public {
        begin(NATIVE, poster.addr);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongOutcome.selector, 10, 40, 9));
        rules(Subject.Assertion, 9);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongOutcome.selector, 10, 40, 41));
        rules(Subject.Assertion, 41);
    }

    function test_UntilTheArbitersTimeIsOver() public {
        begin(NATIVE, poster.addr);
        for (uint256 time = 161; time >= 160; --time) {
            warpTo(time);
            vm.expectRevert(abi.encodeWithSelector(IErrors.RulingClosed.selector, START + 160, START + time));
            rules(Subject.Assertion, 40);
        }
        warpTo(159);
        rules(Subject.Assertion, 40);
    }

    function test_RevertWhen_NobodyContestsIt() public {
        start(NATIVE);
        warpTo(100);
        asserts(40);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NoDispute.selector, Subject.Assertion));
        rules(Subject.Assertion, 40);
    }

    function test_WhatVouchersPaidMeanwhileIsNotPaidTwice() public {
        begin(NATIVE, poster.addr);
        redeems(voucher(id, 30, 0));
        rules(Subject.Assertion, 40);
        assertEq(payee.balance, 20 ether);
        assertEngagement(id, Status.Active, 40, UNITS, 0);
    }

    function test_AnAssertionThatVerifiersConfirmedMeanwhileStillCostsWhoContestedIt() public {
        begin(NATIVE, poster.addr);
        redeems(voucher(id, 60, 0));
        rules(Subject.Assertion, 40);
        assertGained(runner.addr, ASSERTED_BOND + AT_RISK, "both bonds");
        assertEngagement(id, Status.Active, 60, UNITS, 0);
        assertEq(payee.balance, 30 ether);
    }

    function test_TheRunnerAssertsAgain() public {
        begin(NATIVE, poster.addr);
        rules(Subject.Assertion, 20);
        // Twenty more, at twice the price.
        assertEq(escrow.assertionBond(offer, bid, 40), 2 ether);
        assertWith(runner.addr, 40, 2 ether);
        assertEq(escrow.assertion(id).units, 40);
    }
}
