// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Dispute, SignedVerdict, Status, Subject, Terms, VerifierSet} from "../../src/interfaces/Types.sol";
import {Flags} from "../../src/libraries/Flags.sol";
import {Digests} from "../utils/Digests.sol";
import {CourtBase} from "./CourtBase.sol";

/// @notice The poster contests the units of a voucher.
contract DisputeUnitsTest is CourtBase {
    function begin(address token) private {
        start(token);
        warpTo(50);
    }

    function refused(uint64 floor, SignedVerdict[] memory verdicts) private {
        disputeWith(poster.addr, Subject.Units, floor, verdicts, 0);
    }

    function expectNothing(uint256 floor, uint256 claimed) private {
        vm.expectRevert(abi.encodeWithSelector(IErrors.NothingToContest.selector, floor, claimed));
    }

    function test_KeepsWhatIsContestedAndByWhom() public {
        begin(NATIVE);
        remember();
        vm.expectEmit(address(escrow));
        emit IEvents.Disputed(id, poster.addr, Subject.Units, 10, 50, 3, uint64(START + 110), 2 ether);
        disputeUnits(10, 50);
        Dispute memory d = escrow.disputeOf(id, Subject.Units);
        assertEq(d.by, poster.addr);
        assertEq(d.openedAt, START + 50);
        assertEq(d.signers, 3);
        assertEq(d.floor, 10);
        assertEq(d.claimed, 50);
        assertEq(d.bond, 2 ether);
        assertFlags(Flags.UNITS_DISPUTED);
        assertLost(poster.addr, 2 ether, "the bond");
        assertNoDispute(Subject.Faults);
        assertNoDispute(Subject.Assertion);
        assertRecord(0, 0, 0, 0);
    }

    function test_RemembersTheSigners() public {
        begin(NATIVE);
        disputeWith(poster.addr, Subject.Units, 49, voucherBy(0, 2, 50, 0, START + 50), RATE);
        assertEq(escrow.disputeOf(id, Subject.Units).signers, 5);
    }

    function test_TheVouchersLowestCountIsContested() public {
        begin(NATIVE);
        SignedVerdict[] memory v =
            voucher(id, [uint64(50), 30], [uint64(0), 0], [START + 50, START + 50], [uint256(0), 1]);
        disputeWith(poster.addr, Subject.Units, 10, v, contestBond(20, RATE, 0));
        assertEq(escrow.disputeOf(id, Subject.Units).claimed, 30);
    }

    function test_WhatTheClockForbidsIsNotClaimed() public {
        begin(NATIVE);
        disputeWith(poster.addr, Subject.Units, 10, voucher(id, 90, 0, START + 40), contestBond(30, RATE, 0));
        assertEq(escrow.disputeOf(id, Subject.Units).claimed, 40);
    }

    function test_NothingIsClaimedAheadOfTheClock() public {
        begin(NATIVE);
        disputeWith(poster.addr, Subject.Units, 10, voucher(id, 90, 0, START + 95), contestBond(40, RATE, 0));
        assertEq(escrow.disputeOf(id, Subject.Units).claimed, 50);
    }

    function test_FromTheAttestationUntilItPays() public {
        start(NATIVE);
        SignedVerdict[] memory v = voucher(id, 50, 0, START + 50);
        warpTo(69);
        disputeWith(poster.addr, Subject.Units, 40, v, RATE);
        assertEq(escrow.disputeOf(id, Subject.Units).by, poster.addr);
    }

    function test_RevertWhen_TheVoucherPays() public {
        start(NATIVE);
        SignedVerdict[] memory v = voucher(id, 50, 0, START + 50);
        for (uint256 time = 70; time <= 71; ++time) {
            warpTo(time);
            vm.expectRevert(abi.encodeWithSelector(IErrors.ChallengeClosed.selector, START + 70, START + time));
            refused(40, v);
        }
    }

    function test_RevertWhen_TheNewestAttestationPays() public {
        start(NATIVE);
        SignedVerdict[] memory v =
            voucher(id, [uint64(50), 50], [uint64(0), 0], [START + 50, START + 55], [uint256(0), 1]);
        warpTo(75);
        vm.expectRevert(abi.encodeWithSelector(IErrors.ChallengeClosed.selector, START + 75, START + 75));
        refused(40, v);
        warpTo(74);
        disputeWith(poster.addr, Subject.Units, 40, v, RATE);
    }

    function test_RevertWhen_NothingIsAboveTheFloor() public {
        begin(NATIVE);
        expectNothing(50, 50);
        refused(50, fresh(50, 0));
        expectNothing(51, 50);
        refused(51, fresh(50, 0));
        expectNothing(0, 0);
        refused(0, fresh(0, 3));
        disputeUnits(49, 50);
    }

    function test_RevertWhen_TheFloorIsPaidAlready() public {
        begin(NATIVE);
        redeems(voucher(id, 20, 0));
        expectNothing(20, 50);
        refused(19, fresh(50, 0));
        expectNothing(20, 15);
        refused(10, fresh(15, 0));
        disputeUnits(20, 50);
        assertEq(escrow.disputeOf(id, Subject.Units).floor, 20);
    }

    function test_RevertWhen_UnitsAreContestedAlready() public {
        begin(NATIVE);
        disputeUnits(10, 50);
        vm.expectRevert(abi.encodeWithSelector(IErrors.DisputeOpen.selector, Subject.Units));
        refused(0, fresh(50, 0));
        // Faults and assertions are questions of their own.
        disputeFaults(0, 2);
        assertFlags(Flags.UNITS_DISPUTED | Flags.FAULTS_DISPUTED);
    }

    function test_RevertWhen_AnyoneElseContests() public {
        begin(NATIVE);
        address[5] memory others = [runner.addr, verifier[2].addr, payee, arbiter, stranger];
        for (uint256 i = 0; i < 5; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IErrors.NotPoster.selector, poster.addr, others[i]));
            disputeWith(others[i], Subject.Units, 10, fresh(50, 0), 0);
        }
    }

    function test_RevertWhen_ItIsNoVoucher() public {
        begin(NATIVE);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongVerdictCount.selector, 2, 0));
        refused(10, none());
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongMember.selector, 3, 0));
        refused(10, voucherBy(1, 0, 50, 0, START + 50));
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongMember.selector, 3, 1));
        refused(10, voucherBy(1, 1, 50, 0, START + 50));
        SignedVerdict[] memory v = fresh(50, 0);
        v[1].evidence = 0;
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotAttested.selector, verifier[1].addr));
        refused(10, v);
    }

    function test_RevertWhen_ItIsNotEngaged() public {
        start(NATIVE);
        warpTo(RECLAIM);
        ends();
        reclaims();
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEngaged.selector, id, Status.Closed));
        refused(0, fresh(100, 0));
        bid.nonce = 1;
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEngaged.selector, Digests.bid(bid), Status.None));
        refused(0, fresh(100, 0));
    }

    function test_RevertWhen_TermsOrVerifiersAreOthers() public {
        begin(NATIVE);
        SignedVerdict[] memory v = fresh(50, 0);
        VerifierSet memory set = verifiers();
        set.threshold = 1;
        bytes32 actual = Digests.verifierSet(set);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongVerifierSet.selector, offer.verifierSet, actual));
        vm.prank(poster.addr);
        escrow.dispute(offer, set, bid, Subject.Units, 10, v);
        offer.arbiter = poster.addr;
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongBounty.selector, bountyOf(offer), bid.bounty));
        refused(10, v);
    }

    function test_AsLongAsItIsNotReclaimed() public {
        start(NATIVE);
        warpTo(RECLAIM + 1000);
        ends();
        disputeUnits(99, 100);
        assertEq(escrow.disputeOf(id, Subject.Units).openedAt, START + RECLAIM + 1000);
    }

    function test_AllWindowsBeginAnewWhenADisputeIsResolved() public {
        start(NATIVE);
        warpTo(50);
        SignedVerdict[] memory old = voucher(id, 25, 0, START + 25);
        disputeUnits(10, 20);
        warpTo(90);
        rules(Subject.Units, 20);
        for (uint256 time = 111; time >= 110; --time) {
            warpTo(time);
            vm.expectRevert(abi.encodeWithSelector(IErrors.ChallengeClosed.selector, START + 110, START + time));
            refused(20, old);
        }
        warpTo(109);
        vm.expectRevert(abi.encodeWithSelector(IErrors.ChallengeOpen.selector, START + 110, START + 109));
        redeems(old);
        disputeWith(poster.addr, Subject.Units, 20, old, 2 * uint256(RATE));
    }

    function test_WithoutAClockTheWholeReserveCanBeClaimed() public {
        Terms memory t = courtTerms(NATIVE);
        t.unitSeconds = 0;
        start(t);
        warpTo(1);
        disputeUnits(0, UNITS);
        assertEq(escrow.disputeOf(id, Subject.Units).claimed, UNITS);
    }
}
