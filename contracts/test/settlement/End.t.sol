// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Bid, EndReason, Status, Terms, VerifierSet} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {Digests} from "../utils/Digests.sol";

contract EndTest is Base {
    function end(Terms memory t, Bid memory b) private {
        vm.prank(stranger);
        escrow.end(t, verifiers(), b);
    }

    function expectEnded(bytes32 id, Bid memory b, EndReason reason, uint256 endedAt, uint64 units, uint256 released)
        private
    {
        vm.expectEmit(address(escrow));
        emit IEvents.Ended(id, b.bounty, reason, uint64(START + endedAt), units, released, released);
    }

    function test_AnyoneEndsItOnceTheClockRanOut() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        warpTo(ENDS - 1);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEnded.selector, START + ENDS, START + ENDS - 1));
        end(t, b);
        warpTo(ENDS);
        expectEnded(id, b, EndReason.Elapsed, ENDS, UNITS, 0);
        end(t, b);
        assertEngagement(id, Status.Ended, 0, UNITS, 0);
        assertSeats(t, 1, 0);
    }

    function test_ALateCallMovesNoDate() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        warpTo(ENDS + 1);
        expectEnded(id, b, EndReason.Elapsed, ENDS, UNITS, 0);
        end(t, b);
        assertEq(escrow.reclaimableAt(t, id), START + RECLAIM);
    }

    function test_ThePostersNoticeUsesTheSeatUpAndReleasesTheRest() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        warpTo(10);
        vm.prank(poster.addr);
        escrow.giveNotice(t, b);
        warpTo(39);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEnded.selector, START + 40, START + 39));
        end(t, b);
        warpTo(40);
        expectEnded(id, b, EndReason.PosterNotice, 40, 40, 60 * uint256(RATE));
        end(t, b);
        assertSeats(t, 1, 0);
        assertEq(escrowOf(t), 60 * uint256(RATE));
        assertEq(address(escrow).balance, RESERVE + BOND);
    }

    function test_TheRunnersNoticeOpensTheSeat() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        vm.prank(runner.addr);
        escrow.giveNotice(t, b);
        warpTo(31);
        expectEnded(id, b, EndReason.RunnerNotice, 30, 30, 70 * uint256(RATE));
        end(t, b);
        assertSeats(t, 0, 0);
    }

    function test_CompletesWithoutAClockOnceEveryUnitIsPaid() public {
        Terms memory t = nativeTerms();
        t.unitSeconds = 0;
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        warpTo(50);
        redeem(t, b, voucher(id, 99, 0));
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEnded.selector, 0, START + 50));
        end(t, b);
        redeem(t, b, voucher(id, 100, 0));
        expectEnded(id, b, EndReason.Completed, 50, UNITS, 0);
        end(t, b);
        assertEngagement(id, Status.Ended, UNITS, UNITS, 0);
        assertSeats(t, 1, 0);
    }

    function test_NoticeWithoutANoticePeriodReleasesEverythingAtOnce() public {
        Terms memory t = nativeTerms();
        t.noticeSeconds = 0;
        t.verifierFee = 1;
        post(t, RESERVE + 30);
        deposit(address(0), runner.addr, BOND);
        Bid memory b = bidFor(t, 0);
        bytes32 id = award(t, b);
        vm.prank(poster.addr);
        escrow.giveNotice(t, b);
        expectEnded(id, b, EndReason.PosterNotice, 0, 0, RESERVE + 30);
        end(t, b);
        assertEq(escrowOf(t), RESERVE + 30);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NothingNew.selector, 0, 0));
        warpTo(40);
        redeem(t, b, voucher(id, 10, 3));
    }

    /// @dev Written out once more: units begun stay reserved, epochs begun keep their fees, the rest is escrow again.
    function testFuzz_ReleasesExactlyWhatCanNoLongerBeEarned(
        uint32 unitSeconds,
        uint32 epochSeconds,
        uint64 fee,
        uint32 noticeAt,
        uint64 paid
    ) public {
        Terms memory t = nativeTerms();
        t.unitSeconds = uint32(bound(unitSeconds, 1, 1000));
        t.epochSeconds = uint32(bound(epochSeconds, 1, 100_000));
        t.verifierFee = fee;
        Bid memory b = bidFor(t, 0);
        uint256 reserve = kept(t, uint256(t.unitSeconds) * UNITS);
        post(t, reserve);
        deposit(address(0), runner.addr, BOND);
        award(t, b);
        uint256 worked = depart(t, b, noticeAt);
        warpTo(worked + CHALLENGE);
        paid = uint64(bound(paid, 0, worked / t.unitSeconds));
        if (paid != 0) redeem(t, b, voucher(Digests.bid(b), paid, 0));
        end(t, b);
        assertEq(escrowOf(t), reserve - kept(t, worked));
        warpTo(worked + 100 + t.epochSeconds);
        escrow.reclaim(t, verifiers(), b);
        assertEq(poster.addr.balance, kept(t, worked) - uint256(paid) * RATE);
        assertEq(runner.addr.balance, BOND);
        assertEq(address(escrow).balance, reserve - kept(t, worked));
    }

    /// @dev The runner gives notice at some time; says how long it works then.
    function depart(Terms memory t, Bid memory b, uint256 noticeAt) private returns (uint256) {
        uint256 length = uint256(t.unitSeconds) * UNITS;
        noticeAt = bound(noticeAt, 0, length - 31);
        warpTo(noticeAt);
        vm.prank(runner.addr);
        escrow.giveNotice(t, b);
        return noticeAt + 30;
    }

    /// @dev What has to stay reserved for work that lasted `worked` seconds.
    function kept(Terms memory t, uint256 worked) private pure returns (uint256) {
        uint256 units = ceil(worked, t.unitSeconds);
        return units * RATE + 3 * uint256(t.verifierFee) * ceil(units * t.unitSeconds, t.epochSeconds);
    }

    function ceil(uint256 a, uint256 b) private pure returns (uint256) {
        return (a + b - 1) / b;
    }

    function test_RevertWhen_ItIsNotActive() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEngaged.selector, Digests.bid(b), Status.None));
        end(t, b);
        engage(t, b);
        warpTo(ENDS);
        end(t, b);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEngaged.selector, Digests.bid(b), Status.Ended));
        end(t, b);
    }

    function test_RevertWhen_TheVerifierSetIsAnother() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        engage(t, b);
        warpTo(ENDS);
        VerifierSet memory set = VerifierSet(2, new address[](32));
        vm.expectRevert(
            abi.encodeWithSelector(IErrors.WrongVerifierSet.selector, t.verifierSet, Digests.verifierSet(set))
        );
        escrow.end(t, set, b);
    }

    function test_RevertWhen_TheTermsAreAnothers() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        engage(t, b);
        t.unitSeconds = 0;
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongBounty.selector, bountyOf(t), b.bounty));
        end(t, b);
    }
}
