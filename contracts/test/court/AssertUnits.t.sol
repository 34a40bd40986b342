// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Assertion, Status, Terms, VerifierSet} from "../../src/interfaces/Types.sol";
import {Flags} from "../../src/libraries/Flags.sol";
import {Digests} from "../utils/Digests.sol";
import {CourtBase} from "./CourtBase.sol";

/// @notice Who asserts how many units, and when.
contract AssertUnitsTest is CourtBase {
    function expectTooMany(uint256 most, uint64 units) private {
        vm.expectRevert(abi.encodeWithSelector(IErrors.TooManyUnits.selector, most, units));
        assertWith(runner.addr, units, 0);
    }

    function expectNothingNew(uint256 paid, uint64 units) private {
        vm.expectRevert(abi.encodeWithSelector(IErrors.NothingNew.selector, paid, units));
        assertWith(runner.addr, units, 0);
    }

    function asserted() private view returns (uint256) {
        return escrow.assertion(id).units;
    }

    function test_KeepsWhatTheRunnerSaysAndPaysNothingYet() public {
        start(NATIVE);
        warpTo(90);
        remember();
        vm.expectEmit(address(escrow));
        emit IEvents.UnitsAsserted(id, runner.addr, 30, uint64(START + 110), 1.5 ether);
        asserts(30);
        Assertion memory a = escrow.assertion(id);
        assertEq(a.units, 30);
        assertEq(a.assertedAt, START + 90);
        assertEq(a.bond, 1.5 ether);
        assertFlags(Flags.ASSERTED);
        assertLost(runner.addr, 1.5 ether, "the bond");
        assertGained(payee, 0, "no pay");
        assertEngagement(id, Status.Active, 0, UNITS, 0);
        assertRecord(0, 0, 0, 0);
    }

    function test_AsManyAsTheClockAllowedWhenSilenceBegan() public {
        start(NATIVE);
        warpTo(90);
        expectTooMany(30, 31);
        asserts(30);
    }

    function test_FewerThanTheClockAllowed() public {
        start(NATIVE);
        warpTo(90);
        asserts(29);
        assertEq(asserted(), 29);
    }

    function test_NothingBeforeSilenceLastedForAUnit() public {
        start(NATIVE);
        for (uint256 time = SILENCE - 1; time <= SILENCE; ++time) {
            warpTo(time);
            expectTooMany(0, 1);
        }
        warpTo(SILENCE + 1);
        expectTooMany(1, 2);
        asserts(1);
    }

    function test_TheLastUnitAFullSilenceAfterTheEnd() public {
        start(NATIVE);
        warpTo(ENDS + SILENCE - 1);
        expectTooMany(99, 100);
        warpTo(ENDS + SILENCE);
        expectTooMany(100, 101);
        asserts(100);
    }

    function test_NotWhatWouldHaveBeenWorkedAfterNotice() public {
        start(NATIVE);
        warpTo(10);
        vm.prank(poster.addr);
        escrow.giveNotice(offer, bid);
        warpTo(100);
        ends();
        expectTooMany(40, 41);
        asserts(40);
    }

    function test_AllOfItAtOnceWithoutAClock() public {
        Terms memory t = courtTerms(NATIVE);
        t.unitSeconds = 0;
        start(t);
        warpTo(SILENCE - 1);
        expectTooMany(0, 1);
        warpTo(SILENCE);
        expectTooMany(UNITS, UNITS + 1);
        asserts(UNITS);
    }

    function test_RightAwayWhereSilenceTakesNoTime() public {
        Terms memory t = nativeTerms();
        t.silenceSeconds = 0;
        start(t);
        warpTo(7);
        expectTooMany(7, 8);
        asserts(7);
    }

    function test_MoreThanIsPaid() public {
        start(NATIVE);
        warpTo(90);
        redeems(voucher(id, 10, 0));
        expectNothingNew(10, 9);
        expectNothingNew(10, 10);
        assertWith(runner.addr, 11, RATE);
        assertEq(asserted(), 11);
    }

    function test_RevertWhen_NothingIsAsserted() public {
        start(NATIVE);
        warpTo(90);
        expectNothingNew(0, 0);
    }

    function test_RevertWhen_AnAssertionIsOpen() public {
        start(NATIVE);
        warpTo(90);
        asserts(30);
        vm.expectRevert(abi.encodeWithSelector(IErrors.AssertionOpen.selector, 30));
        assertWith(runner.addr, 29, 0);
        // Also once it pays, and when it is contested.
        disputeAssertion(poster.addr, 0, 30);
        warpTo(120);
        vm.expectRevert(abi.encodeWithSelector(IErrors.AssertionOpen.selector, 30));
        assertWith(runner.addr, 60, 0);
    }

    function test_RevertWhen_AnyoneElseAsserts() public {
        start(NATIVE);
        warpTo(90);
        address[5] memory others = [poster.addr, verifier[0].addr, payee, arbiter, stranger];
        for (uint256 i = 0; i < 5; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IErrors.NotRunner.selector, runner.addr, others[i]));
            assertWith(others[i], 30, 0);
        }
    }

    function test_RevertWhen_NobodyWouldHaveTimeToContradict() public {
        Terms memory t = nativeTerms();
        t.challengeSeconds = 0;
        start(t);
        warpTo(90);
        vm.expectRevert(abi.encodeWithSelector(IErrors.InvalidTerms.selector, bytes32("challengeSeconds")));
        assertWith(runner.addr, 30, 0);
    }

    function test_RevertWhen_ItCanBeReclaimed() public {
        start(NATIVE);
        for (uint256 time = RECLAIM; time <= RECLAIM + 1; ++time) {
            warpTo(time);
            vm.expectRevert(abi.encodeWithSelector(IErrors.ChallengeClosed.selector, START + RECLAIM, START + time));
            assertWith(runner.addr, 30, 0);
        }
    }

    function test_NeverTooLateWhileItHasNoEnd() public {
        Terms memory t = courtTerms(NATIVE);
        t.unitSeconds = 0;
        start(t);
        warpTo(1_000_000);
        asserts(30);
        assertEq(asserted(), 30);
    }

    function test_RevertWhen_ItIsNotEngaged() public {
        start(NATIVE);
        warpTo(RECLAIM);
        ends();
        reclaims();
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEngaged.selector, id, Status.Closed));
        assertWith(runner.addr, 30, 0);
        bid.nonce = 1;
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEngaged.selector, Digests.bid(bid), Status.None));
        assertWith(runner.addr, 30, 0);
    }

    function test_RevertWhen_TermsOrVerifiersAreOthers() public {
        start(NATIVE);
        warpTo(90);
        VerifierSet memory set = VerifierSet(1, new address[](1));
        bytes32 actual = Digests.verifierSet(set);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongVerifierSet.selector, offer.verifierSet, actual));
        vm.prank(runner.addr);
        escrow.assertUnits(offer, set, bid, 30);
        offer.silenceSeconds = 0;
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongBounty.selector, bountyOf(offer), bid.bounty));
        assertWith(runner.addr, 30, 0);
    }

    function testFuzz_AcceptsExactlyWhatTheClockAllowed(uint64 units, uint256 time) public {
        start(NATIVE);
        time = bound(time, 0, RECLAIM - 1);
        units = uint64(bound(units, 1, 150));
        warpTo(time);
        uint256 most = time < SILENCE ? 0 : time - SILENCE;
        if (most > UNITS) most = UNITS;
        if (units > most) return expectTooMany(most, units);
        asserts(units);
        assertEq(asserted(), units);
    }
}
