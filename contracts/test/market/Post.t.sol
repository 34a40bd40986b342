// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";

contract PostTest is Base {
    function test_CreatesTheBountyWithWhatWasPaidIn() public {
        Terms memory t = nativeTerms();
        vm.deal(poster.addr, 3 ether);
        vm.expectEmit(address(escrow));
        emit IEvents.Posted(bountyOf(t), poster.addr, t);
        vm.expectEmit(address(escrow));
        emit IEvents.Funded(bountyOf(t), poster.addr, 3 ether, 3 ether);
        vm.prank(poster.addr);
        bytes32 id = escrow.post{value: 3 ether}(t, 3 ether);

        assertEq(id, bountyOf(t));
        assertEq(escrow.bountyId(t), id);
        assertEq(escrow.bounty(id).postedAt, START);
        assertEq(escrow.bounty(id).escrow, 3 ether);
        assertSeats(t, 0, 0);
        assertEq(address(escrow).balance, 3 ether);
    }

    function testFuzz_TakesExactlyTheAmount(uint128 amount, bool inUsd) public {
        Terms memory t = inUsd ? usdTerms() : nativeTerms();
        post(t, amount);
        assertEq(escrowOf(t), amount);
        assertEq(held(t.token, address(escrow)), amount);
        assertEq(held(t.token, poster.addr), 0);
    }

    function test_NeedsNoMoney() public {
        post(nativeTerms(), 0);
        assertEq(escrow.bounty(bountyOf(nativeTerms())).postedAt, START);
    }

    function test_BindsTheIdToChainAndEscrow() public {
        bytes32 here = escrow.bountyId(nativeTerms());
        assertEq(here, keccak256(abi.encode(block.chainid, address(escrow), nativeTerms())));
        vm.chainId(5);
        assertTrue(escrow.bountyId(nativeTerms()) != here);
    }

    function test_PostsUntilTheLastOpenSecond() public {
        vm.warp(OPEN_UNTIL - 1);
        post(nativeTerms(), 0);
        assertEq(escrow.bounty(bountyOf(nativeTerms())).postedAt, OPEN_UNTIL - 1);
    }

    function test_RevertWhen_ItIsNoLongerOpen() public {
        for (uint256 late = 0; late < 2; ++late) {
            vm.warp(OPEN_UNTIL + late);
            vm.expectRevert(abi.encodeWithSelector(IErrors.Closed.selector, OPEN_UNTIL, OPEN_UNTIL + late));
            vm.prank(poster.addr);
            escrow.post(nativeTerms(), 0);
        }
    }

    function test_RevertWhen_SomeoneElsePosts() public {
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotPoster.selector, poster.addr, stranger));
        vm.prank(stranger);
        escrow.post(nativeTerms(), 0);
    }

    function test_RevertWhen_PostedTwice() public {
        Terms memory t = nativeTerms();
        post(t, 1 ether);
        vm.expectRevert(abi.encodeWithSelector(IErrors.AlreadyPosted.selector, bountyOf(t)));
        vm.prank(poster.addr);
        escrow.post(t, 0);
    }

    function test_RevertWhen_TheValueIsNotTheAmount() public {
        vm.deal(poster.addr, 10 ether);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongValue.selector, 2 ether, 1 ether));
        vm.prank(poster.addr);
        escrow.post{value: 1 ether}(nativeTerms(), 2 ether);
    }

    function test_RevertWhen_ATokenBountyIsPaidInNative() public {
        vm.deal(poster.addr, 1 ether);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongValue.selector, 0, 1 ether));
        vm.prank(poster.addr);
        escrow.post{value: 1 ether}(usdTerms(), 1 ether);
    }

    function test_RevertWhen_ATermMakesTheOfferImpossible() public {
        Terms memory t = nativeTerms();
        t.poster = address(0);
        refused(t, "poster");
        t = nativeTerms();
        t.rateMax = 0;
        refused(t, "rateMax");
        t = nativeTerms();
        t.unitsMax = 0;
        refused(t, "unitsMax");
        t = nativeTerms();
        t.epochSeconds = 0;
        refused(t, "epochSeconds");
        t = nativeTerms();
        t.seats = 0;
        refused(t, "seats");
        t = nativeTerms();
        t.faultPenalty = t.bond + 1;
        refused(t, "faultPenalty");
        t = nativeTerms();
        t.verifierSet = 0;
        refused(t, "verifierSet");
    }

    /// @dev Without a window nothing can be contested, and without time to answer nothing is ever ruled.
    function test_RevertWhen_AnArbiterHasNoTime() public {
        Terms memory t = nativeTerms();
        t.arbiter = stranger;
        t.challengeSeconds = 0;
        refused(t, "challengeSeconds");
        (t.challengeSeconds, t.silenceSeconds) = (1, 0);
        refused(t, "silenceSeconds");
        t.silenceSeconds = 1;
        post(t, 0);
        assertEq(escrow.bounty(bountyOf(t)).postedAt, START);
    }

    function test_NeedsNoTimesWithoutAnArbiter() public {
        Terms memory t = nativeTerms();
        (t.challengeSeconds, t.silenceSeconds) = (0, 0);
        post(t, 0);
        assertEq(escrow.bounty(bountyOf(t)).postedAt, START);
    }

    /// @dev notice + epoch + 3 × silence + 3 × challenge: the last ruling comes while thawing bonds can still be slashed.
    function test_RevertWhen_VerifiersBondsThawBeforeTheLastRuling() public {
        Terms memory t = nativeTerms();
        t.verifierBondMin = 1;
        uint32 most = 30 days - 10 - 3 * 60 - 3 * 20;
        for (uint32 less = 0; less < 2; ++less) {
            t.noticeSeconds = most - less;
            post(t, 0);
            assertEq(escrow.bounty(bountyOf(t)).postedAt, START);
        }
        t.noticeSeconds = most + 1;
        refused(t, "verifierBondMin");
        t.verifierBondMin = 0;
        post(t, 0);
        assertEq(escrow.bounty(bountyOf(t)).postedAt, START);
    }

    /// @dev Each of the four times counts, as often as it can pass on the way.
    function testFuzz_BondsOutlastEveryWayOut(uint32 notice, uint32 epoch, uint32 silence, uint32 challenge) public {
        Terms memory t = nativeTerms();
        t.verifierBondMin = 1;
        t.noticeSeconds = uint32(bound(notice, 0, 15 days));
        t.epochSeconds = uint32(bound(epoch, 1, 15 days));
        t.silenceSeconds = uint32(bound(silence, 0, 5 days));
        t.challengeSeconds = uint32(bound(challenge, 0, 5 days));
        uint256 exit = uint256(t.noticeSeconds) + t.epochSeconds + 3 * (uint256(t.silenceSeconds) + t.challengeSeconds);
        if (exit > 30 days) return refused(t, "verifierBondMin");
        post(t, 0);
        assertEq(escrow.bounty(bountyOf(t)).postedAt, START);
    }

    function test_RevertWhen_TheClockExceedsThirtyTwoBits() public {
        Terms memory t = nativeTerms();
        t.unitsMax = type(uint32).max;
        post(t, 0);
        t.unitsMax += 1;
        refused(t, "unitSeconds");
        t.unitsMax = type(uint64).max;
        t.unitSeconds = type(uint32).max;
        refused(t, "unitSeconds");
    }

    /// @dev Above that a mirror could not hold the count, and one bounty would stop it for everybody.
    function test_RevertWhen_UnitsExceedFiftyThreeBits() public {
        Terms memory t = nativeTerms();
        t.unitSeconds = 0;
        t.unitsMax = 2 ** 53 - 1;
        post(t, 0);
        t.unitsMax = 2 ** 53;
        refused(t, "unitsMax");
        t.unitsMax = type(uint64).max;
        refused(t, "unitsMax");
    }

    function test_AllowsAPenaltyOfTheWholeBond() public {
        Terms memory t = nativeTerms();
        t.faultPenalty = t.bond;
        post(t, 0);
    }

    /// @dev Ids are hashed straight from calldata: each narrow field with a bit too high must be refused, not hashed.
    function test_RevertWhen_AFieldHasDirtyHighBits() public {
        // poster, token, rateMax … openClaim, arbiter: every word but verifierSet, specHash and salt.
        for (uint256 word = 0; word < 19; ++word) {
            if (word == 17) continue;
            bytes memory call = abi.encodeCall(IMarket.post, (nativeTerms(), 0));
            // Byte 0 of the word is the highest one.
            call[4 + 32 * word] = 0x01;
            vm.prank(poster.addr);
            (bool ok, bytes memory data) = address(escrow).call(call);
            assertFalse(ok);
            assertEq(data.length, 0);
        }
    }

    function refused(Terms memory t, bytes32 field) private {
        vm.expectRevert(abi.encodeWithSelector(IErrors.InvalidTerms.selector, field));
        vm.prank(t.poster);
        escrow.post(t, 0);
    }
}
