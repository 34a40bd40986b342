// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Record, Status, Subject, VerifierSet} from "../../src/interfaces/Types.sol";
import {Flags} from "../../src/libraries/Flags.sol";
import {Digests} from "../utils/Digests.sol";
import {CourtBase} from "./CourtBase.sol";

/// @notice The arbiter decides about a voucher's units.
contract RuleUnitsTest is CourtBase {
    uint256 private constant AT_RISK = 2 ether;

    /// @dev 10 units nobody contests, 50 claimed, a bond of 2.
    function begin(address token) private {
        start(token);
        warpTo(50);
        disputeUnits(10, 50);
        remember();
    }

    function expectWrong(uint64 outcome) private {
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongOutcome.selector, 10, 50, outcome));
        rules(Subject.Units, outcome);
    }

    function expectResolved(uint256 outcome, bool upheld, Record memory r) private {
        vm.expectEmit(address(escrow));
        emit IEvents.Resolved(id, Subject.Units, arbiter, outcome, upheld, !upheld, r);
    }

    function test_AcceptedUnitsPayAndTheBondGoesToTheRunner() public {
        accepted(NATIVE);
    }

    function test_AcceptedUnitsPayAndTheBondGoesToTheRunnerInTestUSD() public {
        accepted(address(usd));
    }

    function accepted(address token) private {
        begin(token);
        warpTo(60);
        expectResolved(50, true, contestedRecord(0, 1, 0, 60));
        vm.expectEmit(address(escrow));
        emit IEvents.Redeemed(id, payee, arbiter, 50, 25 ether, 0);
        rules(Subject.Units, 50);
        assertGained(payee, 25 ether, "the pay");
        assertGained(runner.addr, AT_RISK, "the bond");
        assertGained(poster.addr, 0, "nothing back");
        assertReleased(25 ether + AT_RISK);
        assertEngagement(id, Status.Active, 50, UNITS, 0);
        assertRecord(0, 1, 0, 60);
        assertFlags(Flags.CONTESTED);
        assertNoDispute(Subject.Units);
    }

    function test_CutUnitsDontPayAndTheBondComesBack() public {
        cut(NATIVE, 10);
    }

    function test_CutUnitsDontPayAndTheBondComesBackInTestUSD() public {
        cut(address(usd), 10);
    }

    function test_APartPays() public {
        cut(NATIVE, 11);
    }

    function test_AllButOneUnitPayAndTheDisputerWasRight() public {
        cut(NATIVE, 49);
    }

    function testFuzz_APartPaysInTestUSD(uint64 outcome) public {
        cut(address(usd), uint64(bound(outcome, 10, 49)));
    }

    function cut(address token, uint64 outcome) private {
        begin(token);
        expectResolved(outcome, false, contestedRecord(3, 0, 0, 50));
        vm.expectEmit(address(escrow));
        emit IEvents.Redeemed(id, payee, arbiter, outcome, outcome * uint256(RATE), 0);
        rules(Subject.Units, outcome);
        assertGained(payee, outcome * uint256(RATE), "the pay");
        assertGained(runner.addr, 0, "no bond");
        assertGained(poster.addr, AT_RISK, "the bond");
        assertReleased(outcome * uint256(RATE) + AT_RISK);
        assertEngagement(id, Status.Active, outcome, UNITS, 0);
        assertRecord(3, 0, 0, 50);
        assertFlags(Flags.CONTESTED);
        assertNoDispute(Subject.Units);
    }

    function test_NothingStandsWhereNothingWasConceded() public {
        start(NATIVE);
        warpTo(50);
        disputeUnits(0, 50);
        rules(Subject.Units, 0);
        assertEngagement(id, Status.Active, 0, UNITS, 0);
        assertEq(payee.balance, 0);
    }

    function test_RevertWhen_TheOutcomeIsOutsideWhatIsContested() public {
        begin(NATIVE);
        expectWrong(9);
        expectWrong(51);
        expectWrong(0);
        expectWrong(type(uint64).max);
    }

    function test_UntilTheArbitersTimeIsOver() public {
        begin(NATIVE);
        for (uint256 time = 111; time >= 110; --time) {
            warpTo(time);
            vm.expectRevert(abi.encodeWithSelector(IErrors.RulingClosed.selector, START + 110, START + time));
            rules(Subject.Units, 50);
        }
        warpTo(109);
        rules(Subject.Units, 50);
    }

    function test_AtOnce() public {
        begin(NATIVE);
        rules(Subject.Units, 20);
        assertEq(payee.balance, 10 ether);
    }

    function test_RevertWhen_AnyoneElseRules() public {
        begin(NATIVE);
        address[4] memory others = [poster.addr, runner.addr, verifier[0].addr, stranger];
        for (uint256 i = 0; i < 4; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IErrors.NotArbiter.selector, arbiter, others[i]));
            ruleAs(others[i], Subject.Units, 50);
        }
    }

    function test_RevertWhen_NothingIsContested() public {
        begin(NATIVE);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NoDispute.selector, Subject.Faults));
        rules(Subject.Faults, 0);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NoDispute.selector, Subject.Assertion));
        rules(Subject.Assertion, 0);
        rules(Subject.Units, 50);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NoDispute.selector, Subject.Units));
        rules(Subject.Units, 50);
    }

    function test_RevertWhen_TermsOrVerifiersAreOthers() public {
        begin(NATIVE);
        VerifierSet memory set = verifiers();
        set.members[0] = address(1);
        bytes32 actual = Digests.verifierSet(set);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongVerifierSet.selector, offer.verifierSet, actual));
        vm.prank(arbiter);
        escrow.rule(offer, set, bid, Subject.Units, 50);
        offer.arbiter = stranger;
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongBounty.selector, bountyOf(offer), bid.bounty));
        ruleAs(stranger, Subject.Units, 50);
    }

    function test_WhatTheFloorPaidMeanwhileIsNotPaidTwice() public {
        begin(NATIVE);
        redeems(voucher(id, 25, 0, START + 30));
        assertGained(payee, 5 ether, "the floor");
        rules(Subject.Units, 20);
        assertGained(payee, 10 ether, "the rest");
        assertGained(poster.addr, AT_RISK, "the bond");
        assertEngagement(id, Status.Active, 20, UNITS, 0);
    }

    function test_PaysOnlyWhatIsMissing() public {
        begin(NATIVE);
        redeems(voucher(id, 25, 0, START + 30));
        rules(Subject.Units, 50);
        assertGained(payee, 25 ether, "all of it");
        assertReleased(25 ether + AT_RISK);
    }

    function test_TheRelayFeeIsNobodys() public {
        Record memory r = contestedRecord(0, 1, 0, 50);
        offer = courtTerms(NATIVE);
        bid = bidFor(offer, 0);
        bid.relayFee = 1 ether;
        id = engage(offer, bid);
        warpTo(50);
        disputeUnits(10, 50);
        expectResolved(50, true, r);
        rules(Subject.Units, 50);
        assertEq(payee.balance, 25 ether);
    }

    function test_AlsoAfterTheEnd() public {
        start(NATIVE);
        warpTo(30);
        vm.prank(runner.addr);
        escrow.giveNotice(offer, bid);
        warpTo(60);
        disputeUnits(0, 60);
        ends();
        assertEngagement(id, Status.Ended, 0, 60, 0);
        rules(Subject.Units, 60);
        assertEngagement(id, Status.Ended, 60, 60, 0);
        assertEq(payee.balance, 30 ether);
    }
}
