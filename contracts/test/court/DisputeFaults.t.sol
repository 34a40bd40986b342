// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Dispute, SignedVerdict, Subject} from "../../src/interfaces/Types.sol";
import {Flags} from "../../src/libraries/Flags.sol";
import {CourtBase} from "./CourtBase.sol";

/// @notice The runner contests the faults of a voucher.
contract DisputeFaultsTest is CourtBase {
    function refused(uint64 floor, SignedVerdict[] memory verdicts) private {
        disputeWith(runner.addr, Subject.Faults, floor, verdicts, 0);
    }

    function expectNothing(uint256 floor, uint256 claimed) private {
        vm.expectRevert(abi.encodeWithSelector(IErrors.NothingToContest.selector, floor, claimed));
    }

    function test_KeepsWhatIsContestedAndByWhom() public {
        start(NATIVE);
        warpTo(50);
        remember();
        vm.expectEmit(address(escrow));
        emit IEvents.Disputed(id, runner.addr, Subject.Faults, 1, 3, 3, uint64(START + 110), PENALTY);
        disputeFaults(1, 3);
        Dispute memory d = escrow.disputeOf(id, Subject.Faults);
        assertEq(d.by, runner.addr);
        assertEq(d.openedAt, START + 50);
        assertEq(d.signers, 3);
        assertEq(d.floor, 1);
        assertEq(d.claimed, 3);
        assertEq(d.bond, PENALTY);
        assertFlags(Flags.FAULTS_DISPUTED);
        assertLost(runner.addr, PENALTY, "the bond");
        assertNoDispute(Subject.Units);
    }

    function test_AtMostOneFaultPerEpochIsClaimed() public {
        start(NATIVE);
        warpTo(41);
        disputeWith(runner.addr, Subject.Faults, 0, fresh(0, 99), PENALTY);
        assertEq(escrow.disputeOf(id, Subject.Faults).claimed, 5);
    }

    function test_NothingIsClaimedAheadOfTheClock() public {
        start(NATIVE);
        warpTo(40);
        disputeWith(runner.addr, Subject.Faults, 0, voucher(id, 0, 99, START + 95), PENALTY);
        assertEq(escrow.disputeOf(id, Subject.Faults).claimed, 4);
    }

    function test_FromTheAttestationUntilItPays() public {
        start(NATIVE);
        SignedVerdict[] memory v = voucher(id, 0, 2, START + 50);
        for (uint256 time = 71; time >= 70; --time) {
            warpTo(time);
            vm.expectRevert(abi.encodeWithSelector(IErrors.ChallengeClosed.selector, START + 70, START + time));
            refused(0, v);
        }
        warpTo(69);
        disputeWith(runner.addr, Subject.Faults, 0, v, PENALTY);
    }

    function test_RevertWhen_NothingIsAboveTheFloor() public {
        start(NATIVE);
        warpTo(50);
        expectNothing(2, 2);
        refused(2, fresh(0, 2));
        expectNothing(3, 2);
        refused(3, fresh(0, 2));
        expectNothing(0, 0);
        refused(0, fresh(50, 0));
        disputeFaults(1, 2);
    }

    function test_RevertWhen_TheFloorIsProvenAlready() public {
        start(NATIVE);
        warpTo(50);
        redeems(voucher(id, 0, 1));
        expectNothing(1, 3);
        refused(0, fresh(0, 3));
        disputeFaults(1, 3);
        assertEq(escrow.disputeOf(id, Subject.Faults).floor, 1);
    }

    function test_RevertWhen_FaultsAreContestedAlready() public {
        start(NATIVE);
        warpTo(50);
        disputeFaults(0, 2);
        vm.expectRevert(abi.encodeWithSelector(IErrors.DisputeOpen.selector, Subject.Faults));
        refused(0, fresh(0, 3));
    }

    function test_RevertWhen_AnyoneElseContests() public {
        start(NATIVE);
        warpTo(50);
        address[5] memory others = [poster.addr, verifier[2].addr, payee, arbiter, stranger];
        for (uint256 i = 0; i < 5; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IErrors.NotRunner.selector, runner.addr, others[i]));
            disputeWith(others[i], Subject.Faults, 0, fresh(0, 2), 0);
        }
    }

    function testFuzz_WhatItTakesInTestUSD(uint64 floor, uint64 claimed) public {
        start(address(usd));
        warpTo(50);
        claimed = uint64(bound(claimed, 1, 5));
        floor = uint64(bound(floor, 0, claimed - 1));
        remember();
        disputeFaults(floor, claimed);
        assertLost(runner.addr, PENALTY, "the bond");
        assertEq(escrow.disputeOf(id, Subject.Faults).bond, PENALTY);
    }
}
