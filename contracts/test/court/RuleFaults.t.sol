// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {EndReason, Record, Status, Subject, Terms} from "../../src/interfaces/Types.sol";
import {Flags} from "../../src/libraries/Flags.sol";
import {CourtBase} from "./CourtBase.sol";

/// @notice The arbiter decides about a voucher's faults.
contract RuleFaultsTest is CourtBase {
    function begin(address token, uint64 floor, uint64 claimed) private {
        start(token);
        warpTo(50);
        disputeFaults(floor, claimed);
        remember();
    }

    function expectResolved(uint256 outcome, bool upheld, Record memory r) private {
        vm.expectEmit(address(escrow));
        emit IEvents.Resolved(id, Subject.Faults, arbiter, outcome, upheld, !upheld, r);
    }

    function test_AcceptedFaultsCostTheRunnerPenaltiesAndBond() public {
        accepted(NATIVE);
    }

    function test_AcceptedFaultsCostTheRunnerPenaltiesAndBondInTestUSD() public {
        accepted(address(usd));
    }

    function accepted(address token) private {
        begin(token, 0, 2);
        expectResolved(2, true, contestedRecord(0, 0, 1, 50));
        vm.expectEmit(address(escrow));
        emit IEvents.Faulted(id, 2, 2 * uint256(PENALTY), BOND - 2 * uint256(PENALTY));
        rules(Subject.Faults, 2);
        assertGained(poster.addr, 3 * uint256(PENALTY), "two penalties and the bond");
        assertGained(runner.addr, 0, "nothing back");
        assertReleased(3 * uint256(PENALTY));
        assertEngagement(id, Status.Active, 0, UNITS, 2);
        assertRecord(0, 0, 1, 50);
        assertFlags(Flags.CONTESTED);
        assertNoDispute(Subject.Faults);
    }

    function test_CutFaultsCostNothingAndTheBondComesBack() public {
        cut(NATIVE);
    }

    function test_CutFaultsCostNothingAndTheBondComesBackInTestUSD() public {
        cut(address(usd));
    }

    function cut(address token) private {
        begin(token, 0, 2);
        expectResolved(0, false, contestedRecord(3, 0, 0, 50));
        rules(Subject.Faults, 0);
        assertGained(poster.addr, 0, "no penalty");
        assertGained(runner.addr, PENALTY, "the bond");
        assertReleased(PENALTY);
        assertEngagement(id, Status.Active, 0, UNITS, 0);
        assertRecord(3, 0, 0, 50);
        assertFlags(Flags.CONTESTED);
    }

    function test_APartCostsItsPenalties() public {
        begin(NATIVE, 0, 2);
        rules(Subject.Faults, 1);
        assertGained(poster.addr, PENALTY, "one penalty");
        assertGained(runner.addr, PENALTY, "the bond");
        assertEngagement(id, Status.Active, 0, UNITS, 1);
        assertRecord(3, 0, 0, 50);
    }

    function test_RevertWhen_TheOutcomeIsOutsideWhatIsContested() public {
        begin(NATIVE, 1, 2);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongOutcome.selector, 1, 2, 0));
        rules(Subject.Faults, 0);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongOutcome.selector, 1, 2, 3));
        rules(Subject.Faults, 3);
    }

    function test_UntilTheArbitersTimeIsOver() public {
        begin(NATIVE, 0, 2);
        for (uint256 time = 111; time >= 110; --time) {
            warpTo(time);
            vm.expectRevert(abi.encodeWithSelector(IErrors.RulingClosed.selector, START + 110, START + time));
            rules(Subject.Faults, 2);
        }
        warpTo(109);
        rules(Subject.Faults, 2);
    }

    function test_TheLastFaultAllowedEndsItForCause() public {
        begin(NATIVE, 0, 3);
        warpTo(55);
        vm.expectEmit(address(escrow));
        emit IEvents.Faulted(id, 3, 3 * uint256(PENALTY), BOND - 3 * uint256(PENALTY));
        vm.expectEmit(address(escrow));
        uint256 released = 45 * uint256(RATE);
        emit IEvents.Ended(id, bid.bounty, EndReason.Faults, uint64(START + 55), 55, released, released);
        rules(Subject.Faults, 3);
        assertEngagement(id, Status.Ended, 0, 55, 3);
        assertEq(escrow.engagement(id).endsAt, START + 55);
        assertSeats(offer, 0, 1);
        assertFlags(Flags.CONTESTED);
        assertEq(escrow.reclaimableAt(offer, id), START + 55 + 110);
    }

    function test_OneFaultLessDoesNot() public {
        begin(NATIVE, 0, 3);
        rules(Subject.Faults, 2);
        assertEngagement(id, Status.Active, 0, UNITS, 2);
        assertSeats(offer, 1, 0);
    }

    function test_ACutThatStillReachesTheLastFaultEndsItAndKeepsTheSignersOut() public {
        Terms memory t = courtTerms(NATIVE);
        t.faultsMax = 2;
        start(t);
        warpTo(50);
        disputeFaults(0, 3);
        rules(Subject.Faults, 2);
        assertEngagement(id, Status.Ended, 0, 50, 2);
        // Ending writes the whole slot.
        assertFlags(Flags.CONTESTED);
    }

    function test_OnlyTheMissingPenaltiesAreTaken() public {
        begin(NATIVE, 1, 3);
        redeems(voucher(id, 0, 2, START + 30));
        assertGained(poster.addr, PENALTY, "the floor");
        rules(Subject.Faults, 2);
        assertGained(poster.addr, 2 * uint256(PENALTY), "and one more");
        assertEngagement(id, Status.Active, 0, UNITS, 2);
    }

    function test_TheFloorIsTakenOnce() public {
        begin(NATIVE, 1, 3);
        redeems(voucher(id, 0, 2, START + 30));
        rules(Subject.Faults, 1);
        assertEngagement(id, Status.Active, 0, UNITS, 1);
        assertGained(poster.addr, PENALTY, "and no more");
    }

    function test_NoMoreThanIsLeftOfTheBond() public {
        Terms memory t = courtTerms(NATIVE);
        t.faultPenalty = BOND / 2 + 1;
        t.faultsMax = 0;
        start(t);
        warpTo(50);
        disputeFaults(0, 4);
        remember();
        rules(Subject.Faults, 4);
        assertGained(poster.addr, BOND + BOND / 2 + 1, "the runner's bond and the dispute's");
        assertEngagement(id, Status.Active, 0, UNITS, 4);
        assertReleased(BOND + BOND / 2 + 1);
    }

    function test_AfterTheEndTheyCostButEndNothing() public {
        start(NATIVE);
        warpTo(ENDS);
        disputeFaults(0, 3);
        ends();
        remember();
        rules(Subject.Faults, 3);
        assertGained(poster.addr, 4 * uint256(PENALTY), "penalties and bond");
        assertEngagement(id, Status.Ended, 0, UNITS, 3);
        assertSeats(offer, 1, 0);
    }
}
