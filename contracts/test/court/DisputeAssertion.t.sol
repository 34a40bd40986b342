// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Dispute, Subject} from "../../src/interfaces/Types.sol";
import {Flags} from "../../src/libraries/Flags.sol";
import {CourtBase} from "./CourtBase.sol";

/// @notice The poster, or a verifier of the set, contests what the runner asserted.
contract DisputeAssertionTest is CourtBase {
    function begin(address token) private {
        start(token);
        warpTo(100);
        asserts(40);
    }

    function refused(uint64 floor) private {
        disputeWith(poster.addr, Subject.Assertion, floor, none(), 0);
    }

    function expectNothing(uint256 floor, uint256 claimed) private {
        vm.expectRevert(abi.encodeWithSelector(IErrors.NothingToContest.selector, floor, claimed));
    }

    function test_KeepsWhatIsContestedAndByWhom() public {
        begin(NATIVE);
        remember();
        warpTo(110);
        vm.expectEmit(address(escrow));
        emit IEvents.Disputed(id, poster.addr, Subject.Assertion, 10, 40, 0, uint64(START + 170), 1.5 ether);
        disputeAssertion(poster.addr, 10, 40);
        Dispute memory d = escrow.disputeOf(id, Subject.Assertion);
        assertEq(d.by, poster.addr);
        assertEq(d.openedAt, START + 110);
        assertEq(d.signers, 0);
        assertEq(d.floor, 10);
        assertEq(d.claimed, 40);
        assertEq(d.bond, 1.5 ether);
        assertFlags(Flags.ASSERTED);
        assertLost(poster.addr, 1.5 ether, "the bond");
        assertEq(escrow.assertion(id).units, 40);
    }

    function test_AnyVerifierOfTheSetContests() public {
        for (uint256 i = 0; i < 3; ++i) {
            setUp();
            begin(address(usd));
            remember();
            disputeAssertion(verifier[i].addr, 0, 40);
            assertEq(escrow.disputeOf(id, Subject.Assertion).by, verifier[i].addr);
            assertLost(verifier[i].addr, 2 ether, "the bond");
        }
    }

    function test_RevertWhen_AnyoneElseContests() public {
        begin(NATIVE);
        address[4] memory others = [runner.addr, payee, arbiter, stranger];
        for (uint256 i = 0; i < 4; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IErrors.NotParty.selector, others[i]));
            disputeWith(others[i], Subject.Assertion, 0, none(), 0);
        }
    }

    function test_UntilItPays() public {
        begin(NATIVE);
        for (uint256 time = 121; time >= 120; --time) {
            warpTo(time);
            vm.expectRevert(abi.encodeWithSelector(IErrors.ChallengeClosed.selector, START + 120, START + time));
            refused(0);
        }
        warpTo(119);
        disputeAssertion(poster.addr, 0, 40);
    }

    function test_RevertWhen_NothingIsAsserted() public {
        start(NATIVE);
        warpTo(100);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NoDispute.selector, Subject.Assertion));
        refused(0);
    }

    function test_RevertWhen_NothingIsAboveTheFloor() public {
        begin(NATIVE);
        expectNothing(40, 40);
        refused(40);
        expectNothing(41, 40);
        refused(41);
        disputeAssertion(poster.addr, 39, 40);
    }

    function test_RevertWhen_TheFloorIsPaidAlready() public {
        begin(NATIVE);
        redeems(voucher(id, 20, 0));
        expectNothing(20, 40);
        refused(19);
        disputeAssertion(poster.addr, 20, 40);
    }

    function test_RevertWhen_VouchersPaidItMeanwhile() public {
        begin(NATIVE);
        redeems(voucher(id, 40, 0));
        expectNothing(40, 40);
        refused(0);
        expectNothing(40, 40);
        refused(40);
    }

    function test_RevertWhen_ItIsContestedAlready() public {
        begin(NATIVE);
        disputeAssertion(poster.addr, 10, 40);
        vm.expectRevert(abi.encodeWithSelector(IErrors.DisputeOpen.selector, Subject.Assertion));
        disputeWith(verifier[0].addr, Subject.Assertion, 10, none(), 0);
        vm.expectRevert(abi.encodeWithSelector(IErrors.DisputeOpen.selector, Subject.Assertion));
        disputeWith(verifier[0].addr, Subject.Assertion, 11, none(), 0);
    }

    function test_WhoContestsMoreTakesOver() public {
        begin(NATIVE);
        remember();
        disputeAssertion(verifier[0].addr, 10, 40);
        warpTo(119);
        vm.expectEmit(address(escrow));
        emit IEvents.Disputed(id, poster.addr, Subject.Assertion, 9, 40, 0, uint64(START + 179), 1.55 ether);
        disputeAssertion(poster.addr, 9, 40);
        assertGained(verifier[0].addr, 0, "the bond came back");
        assertLost(poster.addr, 1.55 ether, "the bond");
        assertEq(escrow.disputeOf(id, Subject.Assertion).by, poster.addr);
        rules(Subject.Assertion, 9);
        assertGained(poster.addr, 2 ether, "the runner's bond");
        assertGained(verifier[0].addr, 0, "nothing");
    }

    function test_RevertWhen_WhoContestsMoreComesTooLate() public {
        begin(NATIVE);
        disputeAssertion(verifier[0].addr, 10, 40);
        warpTo(120);
        vm.expectRevert(abi.encodeWithSelector(IErrors.ChallengeClosed.selector, START + 120, START + 120));
        refused(0);
    }

    function test_VouchersGoOnPaying() public {
        begin(NATIVE);
        disputeAssertion(poster.addr, 0, 40);
        redeems(voucher(id, 60, 0));
        assertEq(payee.balance, 60 * uint256(RATE));
        rules(Subject.Assertion, 0);
        assertEq(payee.balance, 60 * uint256(RATE));
    }

    function test_VerdictsBroughtAlongChangeNothing() public {
        begin(NATIVE);
        disputeWith(poster.addr, Subject.Assertion, 0, fresh(5, 0), 2 ether);
        assertEq(escrow.disputeOf(id, Subject.Assertion).signers, 0);
        assertEq(escrow.disputeOf(id, Subject.Assertion).claimed, 40);
    }
}
