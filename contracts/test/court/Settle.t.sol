// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Record, Status, Subject, VerifierSet} from "../../src/interfaces/Types.sol";
import {Flags} from "../../src/libraries/Flags.sol";
import {Digests} from "../utils/Digests.sol";
import {CourtBase} from "./CourtBase.sol";

/// @notice What time decides: anyone says so.
contract SettleTest is CourtBase {
    function expectResolved(Subject subject, uint256 outcome, bool disputerLost, Record memory r) private {
        vm.expectEmit(address(escrow));
        emit IEvents.Resolved(id, subject, stranger, outcome, disputerLost, false, r);
    }

    function expectOpen(bytes4 selector, Subject subject, uint256 until, uint256 time) private {
        warpTo(time);
        vm.expectRevert(abi.encodeWithSelector(selector, START + until, START + time));
        settles(subject);
    }

    // ------------------------------------------------------------------------------------ undisputed assertions

    function test_AnAssertionNobodyContestedPays() public {
        paysAssertion(NATIVE, 120);
    }

    function test_AnAssertionNobodyContestedPaysInTestUSD() public {
        paysAssertion(address(usd), 120);
    }

    function test_AnAssertionPaysAtAnyLaterTime() public {
        paysAssertion(NATIVE, 121);
        setUp();
        paysAssertion(NATIVE, 5000);
    }

    function paysAssertion(address token, uint256 time) private {
        start(token);
        warpTo(100);
        asserts(40);
        remember();
        expectOpen(IErrors.ChallengeOpen.selector, Subject.Assertion, 120, 119);
        warpTo(time);
        expectResolved(Subject.Assertion, 40, false, spokenRecord(0, 0, 0, time));
        vm.expectEmit(address(escrow));
        emit IEvents.Redeemed(id, payee, stranger, 40, 20 ether, 0);
        settles(Subject.Assertion);
        assertGained(payee, 20 ether, "the pay");
        assertGained(runner.addr, 2 ether, "the bond");
        assertGained(stranger, 0, "settling earns nothing");
        assertReleased(22 ether);
        assertEngagement(id, Status.Active, 40, UNITS, 0);
        assertRecord(0, 0, 0, time);
        assertFlags(0);
        assertNoAssertion();
    }

    function test_OnlyWhatVouchersLeftUnpaidIsPaid() public {
        start(NATIVE);
        warpTo(100);
        asserts(40);
        redeems(voucher(id, 30, 0));
        warpTo(120);
        settles(Subject.Assertion);
        assertEq(payee.balance, 20 ether);
    }

    function test_AnAssertionThatVouchersOvertookGivesTheBondBack() public {
        start(NATIVE);
        warpTo(100);
        asserts(40);
        remember();
        redeems(voucher(id, 70, 0));
        warpTo(120);
        settles(Subject.Assertion);
        assertGained(payee, 35 ether, "the vouchers'");
        assertGained(runner.addr, 2 ether, "the bond");
        assertEngagement(id, Status.Active, 70, UNITS, 0);
    }

    // ------------------------------------------------------------------------------------ silent arbiters

    function test_ContestedUnitsStand() public {
        unitsStand(NATIVE);
    }

    function test_ContestedUnitsStandInTestUSD() public {
        unitsStand(address(usd));
    }

    function unitsStand(address token) private {
        start(token);
        warpTo(50);
        disputeUnits(10, 50);
        remember();
        expectOpen(IErrors.RulingOpen.selector, Subject.Units, 110, 109);
        warpTo(110);
        expectResolved(Subject.Units, 50, true, contestedRecord(0, 1, 0, 110));
        settles(Subject.Units);
        assertGained(payee, 25 ether, "the pay");
        assertGained(runner.addr, 2 ether, "the disputer's bond");
        assertReleased(27 ether);
        assertRecord(0, 1, 0, 110);
        assertFlags(Flags.CONTESTED);
        assertNoDispute(Subject.Units);
    }

    function test_ContestedFaultsStand() public {
        start(NATIVE);
        warpTo(40);
        disputeFaults(0, 3);
        remember();
        expectOpen(IErrors.RulingOpen.selector, Subject.Faults, 100, 99);
        warpTo(101);
        expectResolved(Subject.Faults, 3, true, contestedRecord(0, 0, 1, 101));
        settles(Subject.Faults);
        assertGained(poster.addr, 4 * uint256(PENALTY), "penalties and bond");
        assertEngagement(id, Status.Active, 0, UNITS, 3);
        assertFlags(Flags.CONTESTED);
    }

    function test_ContestedFaultsThatStandEndItForCause() public {
        start(NATIVE);
        warpTo(30);
        disputeFaults(0, 3);
        warpTo(90);
        settles(Subject.Faults);
        assertEngagement(id, Status.Ended, 0, 90, 3);
        assertSeats(offer, 0, 1);
    }

    function test_AContestedAssertionLapsesAndBothBondsComeBack() public {
        lapses(NATIVE, poster.addr);
    }

    function test_AContestedAssertionLapsesInTestUSD() public {
        lapses(address(usd), verifier[0].addr);
    }

    function lapses(address token, address by) private {
        start(token);
        warpTo(100);
        asserts(40);
        warpTo(119);
        disputeAssertion(by, 0, 40);
        remember();
        // Not when it would have paid.
        expectOpen(IErrors.RulingOpen.selector, Subject.Assertion, 179, 120);
        expectOpen(IErrors.RulingOpen.selector, Subject.Assertion, 179, 178);
        warpTo(179);
        expectResolved(Subject.Assertion, 0, false, spokenRecord(0, 0, 0, 179));
        settles(Subject.Assertion);
        assertGained(payee, 0, "no pay");
        assertGained(runner.addr, 2 ether, "the runner's bond");
        assertGained(by, 2 ether, "the disputer's bond");
        assertReleased(4 ether);
        assertEngagement(id, Status.Active, 0, UNITS, 0);
        assertRecord(0, 0, 0, 179);
        assertFlags(0);
        assertNoAssertion();
        assertNoDispute(Subject.Assertion);
    }

    function test_OfALapsedAssertionTheUncontestedPartPays() public {
        start(address(usd));
        warpTo(100);
        asserts(40);
        disputeAssertion(poster.addr, 30, 40);
        remember();
        warpTo(160);
        expectResolved(Subject.Assertion, 30, false, spokenRecord(0, 0, 0, 160));
        settles(Subject.Assertion);
        assertGained(payee, 15 ether, "the uncontested part");
        assertGained(runner.addr, 2 ether, "the runner's bond");
        assertGained(poster.addr, RATE, "the disputer's bond");
    }

    function test_OfEjectedSignersOnlyTheFloorStandsAndTheBondComesBack() public {
        start(NATIVE);
        warpTo(50);
        disputeUnits(10, 50);
        disputeFaults(0, 2);
        rules(Subject.Faults, 0);
        remember();
        warpTo(110);
        expectResolved(Subject.Units, 10, false, contestedRecord(3, 0, 0, 110));
        settles(Subject.Units);
        assertGained(payee, 5 ether, "the floor");
        assertGained(poster.addr, 2 ether, "the bond");
        assertRecord(3, 0, 0, 110);
    }

    function test_AnAssertionWaitsWhileUnitsAreContestedBelowIt() public {
        start(NATIVE);
        warpTo(100);
        asserts(40);
        disputeUnits(39, 90);
        warpTo(120);
        vm.expectRevert(abi.encodeWithSelector(IErrors.Frozen.selector, 39));
        settles(Subject.Assertion);
        rules(Subject.Units, 39);
        settles(Subject.Assertion);
        assertEq(payee.balance, 20 ether);
    }

    function test_WhatIsLeftOfALapsedAssertionWaitsToo() public {
        start(NATIVE);
        warpTo(100);
        asserts(40);
        disputeAssertion(poster.addr, 30, 40);
        warpTo(110);
        disputeUnits(29, 90);
        warpTo(160);
        vm.expectRevert(abi.encodeWithSelector(IErrors.Frozen.selector, 29));
        settles(Subject.Assertion);
        rules(Subject.Units, 29);
        settles(Subject.Assertion);
        assertEq(payee.balance, 15 ether);
    }

    function test_AnAssertionUpToTheFloorDoesNotWait() public {
        start(NATIVE);
        warpTo(100);
        asserts(40);
        disputeUnits(40, 90);
        warpTo(120);
        settles(Subject.Assertion);
        assertEq(payee.balance, 20 ether);
    }

    // ------------------------------------------------------------------------------------ nothing to settle

    function test_RevertWhen_NothingIsOpen() public {
        start(NATIVE);
        warpTo(100);
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IErrors.NoDispute.selector, Subject(i)));
            settles(Subject(i));
        }
    }

    function test_RevertWhen_OnlyAnotherQuestionIsOpen() public {
        start(NATIVE);
        warpTo(100);
        asserts(40);
        warpTo(200);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NoDispute.selector, Subject.Units));
        settles(Subject.Units);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NoDispute.selector, Subject.Faults));
        settles(Subject.Faults);
    }

    function test_RevertWhen_ItIsSettledAlready() public {
        start(NATIVE);
        warpTo(100);
        asserts(40);
        warpTo(120);
        settles(Subject.Assertion);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NoDispute.selector, Subject.Assertion));
        settles(Subject.Assertion);
    }

    function test_RevertWhen_TermsOrVerifiersAreOthers() public {
        start(NATIVE);
        warpTo(100);
        asserts(40);
        warpTo(120);
        VerifierSet memory set = verifiers();
        set.threshold = 3;
        bytes32 actual = Digests.verifierSet(set);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongVerifierSet.selector, offer.verifierSet, actual));
        escrow.settle(offer, set, bid, Subject.Assertion);
        offer.challengeSeconds = 1;
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongBounty.selector, bountyOf(offer), bid.bounty));
        settles(Subject.Assertion);
    }
}
