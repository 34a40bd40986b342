// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Bid, NoticeBy, Status, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";

contract NoticeTest is Base {
    function notice(address by, Terms memory t, Bid memory b) private {
        vm.prank(by);
        escrow.giveNotice(t, b);
    }

    function assertNotice(bytes32 id, uint256 endsAt, NoticeBy by) private view {
        assertEq(escrow.engagement(id).endsAt, endsAt);
        assertEq(uint256(escrow.engagement(id).noticeBy), uint256(by));
        assertEq(uint256(escrow.engagement(id).status), uint256(Status.Active));
    }

    function test_EitherSideEndsItNoticeSecondsLater() public {
        for (uint256 i = 0; i < 2; ++i) {
            warpTo(0);
            Terms memory t = nativeTerms();
            t.salt = i;
            Bid memory b = bidFor(t, 0);
            bytes32 id = engage(t, b);
            warpTo(10);
            address by = i == 0 ? poster.addr : runner.addr;
            vm.expectEmit(address(escrow));
            emit IEvents.NoticeGiven(id, by, uint64(START + 40));
            notice(by, t, b);
            assertNotice(id, START + 40, i == 0 ? NoticeBy.Poster : NoticeBy.Runner);
            assertEq(escrow.reclaimableAt(t, id), START + 40 + 110);
        }
    }

    function test_MovesNoMoney() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        engage(t, b);
        notice(poster.addr, t, b);
        assertEq(address(escrow).balance, RESERVE + BOND);
        assertEq(escrowOf(t), 0);
    }

    function test_GivesAnEndlessEngagementItsEnd() public {
        Terms memory t = nativeTerms();
        t.unitSeconds = 0;
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        warpTo(900);
        notice(runner.addr, t, b);
        assertNotice(id, START + 930, NoticeBy.Runner);
    }

    function test_RevertWhen_ItWouldNotEndEarlier() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        for (uint256 time = 70; time <= 71; ++time) {
            warpTo(time);
            vm.expectRevert(abi.encodeWithSelector(IErrors.EndsAlready.selector, START + ENDS));
            notice(poster.addr, t, b);
        }
        warpTo(69);
        notice(poster.addr, t, b);
        assertNotice(id, START + 99, NoticeBy.Poster);
    }

    function test_RevertWhen_NoticeWasGivenAlready() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        notice(poster.addr, t, b);
        for (uint256 time = 0; time < 2; ++time) {
            warpTo(time);
            vm.expectRevert(abi.encodeWithSelector(IErrors.EndsAlready.selector, START + 30));
            notice(runner.addr, t, b);
        }
        assertNotice(id, START + 30, NoticeBy.Poster);
    }

    function test_RevertWhen_AStrangerGivesIt() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        engage(t, b);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotParty.selector, payee));
        notice(payee, t, b);
    }

    function test_RevertWhen_ItIsNotActive() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        bytes32 id = escrow.engagementId(b);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEngaged.selector, id, Status.None));
        notice(runner.addr, t, b);
        engage(t, b);
        warpTo(ENDS);
        escrow.end(t, verifiers(), b);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEngaged.selector, id, Status.Ended));
        notice(runner.addr, t, b);
        warpTo(RECLAIM);
        escrow.reclaim(t, verifiers(), b);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEngaged.selector, id, Status.Closed));
        notice(runner.addr, t, b);
    }

    function test_RevertWhen_TheTermsAreAnothers() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        engage(t, b);
        t.poster = stranger;
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongBounty.selector, bountyOf(t), b.bounty));
        notice(stranger, t, b);
    }
}
