// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Bid, Status, Terms, VerifierSet} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {Digests} from "../utils/Digests.sol";

contract ExtendTest is Base {
    uint256 private constant NOTICE = 30;

    function extend(Terms memory t, Bid memory b, uint64 units) private {
        vm.prank(poster.addr);
        escrow.extend(t, verifiers(), b, units);
    }

    function fund(Terms memory t, uint256 amount) private {
        ready(t.token, stranger, amount);
        vm.prank(stranger);
        escrow.fund{value: valueOf(t.token, amount)}(t, amount);
    }

    function expectExtended(bytes32 id, Bid memory b, uint64 units, uint256 endsAt, uint256 reserve, uint256 left)
        private
    {
        vm.expectEmit(address(escrow));
        emit IEvents.Extended(id, b.bounty, units, uint64(endsAt), reserve, left);
    }

    function test_MovesTheEndByTheTimeOfTheUnits() public {
        for (uint256 i = 0; i < 2; ++i) {
            warpTo(0);
            Terms memory t = i == 0 ? nativeTerms() : usdTerms();
            t.unitSeconds = 3;
            Bid memory b = bidFor(t, 0);
            bytes32 id = engage(t, b);
            fund(t, 20 * uint256(RATE) + 7);
            warpTo(269);
            expectExtended(id, b, 120, START + 360, 20 * uint256(RATE), 7);
            extend(t, b, 20);
            assertEngagement(id, Status.Active, 0, 120, 0);
            assertEq(escrow.engagement(id).endsAt, START + 360);
            assertEq(escrowOf(t), 7);
            assertEq(held(t.token, address(escrow)), 120 * uint256(RATE) + 7 + BOND);
        }
    }

    function test_MovesNoEndWithoutAClock() public {
        Terms memory t = nativeTerms();
        t.unitSeconds = 0;
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        fund(t, 5 * uint256(RATE));
        // Long after the bounty closed for new runners.
        vm.warp(OPEN_UNTIL + 1);
        expectExtended(id, b, 105, 0, 5 * uint256(RATE), 0);
        extend(t, b, 5);
        assertEq(escrow.engagement(id).endsAt, 0);
        redeem(t, b, voucher(id, 105, 0));
        assertEq(payee.balance, 105 * uint256(RATE));
    }

    function test_PaysUnitsBeyondTheOldMaximum() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        fund(t, 50 * uint256(RATE));
        extend(t, b, 50);
        warpTo(ENDS + CHALLENGE + 49);
        redeem(t, b, voucher(id, 150, 0));
        assertEngagement(id, Status.Active, 149, 150, 0);
        warpTo(ENDS + CHALLENGE + 50);
        redeem(t, b, voucher(id, 150, 0));
        assertEngagement(id, Status.Active, 150, 150, 0);
        assertEq(payee.balance, 150 * uint256(RATE));
    }

    function test_ExtendsAgainAndAgain() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        fund(t, 3 * uint256(RATE));
        for (uint64 i = 1; i <= 3; ++i) {
            warpTo(ENDS - NOTICE - 2 + i);
            expectExtended(id, b, UNITS + i, START + ENDS + i, RATE, (3 - i) * uint256(RATE));
            extend(t, b, 1);
        }
    }

    /// @dev What stays unearned is released like the rest.
    function test_NoticeReleasesTheNewUnitsToo() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        engage(t, b);
        fund(t, 50 * uint256(RATE));
        extend(t, b, 50);
        warpTo(10);
        vm.prank(runner.addr);
        escrow.giveNotice(t, b);
        warpTo(40);
        escrow.end(t, verifiers(), b);
        assertEq(escrowOf(t), 110 * uint256(RATE));
    }

    // ------------------------------------------------------------------------------------------- when

    /// @dev Whoever is extended can still leave: a poster could otherwise bind a runner to work it never agreed to, by the bond.
    function test_RevertWhen_NoticeWouldEndItNoEarlier() public {
        for (uint256 i = 0; i < 3; ++i) {
            warpTo(0);
            Terms memory t = nativeTerms();
            t.salt = i;
            Bid memory b = bidFor(t, 0);
            bytes32 id = engage(t, b);
            fund(t, RATE);
            warpTo(ENDS - NOTICE - 1 + i);
            if (i != 0) vm.expectRevert(abi.encodeWithSelector(IErrors.EndsAlready.selector, START + ENDS));
            extend(t, b, 1);
            assertEq(escrow.engagement(id).unitsMax, i == 0 ? 101 : 100);
        }
    }

    function test_RevertWhen_NoticeWasGiven() public {
        for (uint256 i = 0; i < 4; ++i) {
            warpTo(0);
            Terms memory t = nativeTerms();
            (t.salt, t.unitSeconds) = (i, uint32(i / 2));
            Bid memory b = bidFor(t, 0);
            engage(t, b);
            fund(t, RATE);
            vm.prank(i % 2 == 0 ? poster.addr : runner.addr);
            escrow.giveNotice(t, b);
            vm.expectRevert(abi.encodeWithSelector(IErrors.EndsAlready.selector, START + 30));
            extend(t, b, 1);
        }
    }

    function test_RevertWhen_ItIsNotActive() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEngaged.selector, Digests.bid(b), Status.None));
        extend(t, b, 1);
        engage(t, b);
        fund(t, RATE);
        warpTo(ENDS);
        escrow.end(t, verifiers(), b);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEngaged.selector, Digests.bid(b), Status.Ended));
        extend(t, b, 1);
        warpTo(RECLAIM);
        escrow.reclaim(t, verifiers(), b);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEngaged.selector, Digests.bid(b), Status.Closed));
        extend(t, b, 1);
        assertEq(escrowOf(t), RATE);
    }

    // ------------------------------------------------------------------------------------------- who and what

    function test_RevertWhen_AnyoneButThePosterExtends() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        engage(t, b);
        fund(t, RATE);
        address[3] memory callers = [runner.addr, stranger, verifier[0].addr];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IErrors.NotPoster.selector, poster.addr, callers[i]));
            vm.prank(callers[i]);
            escrow.extend(t, verifiers(), b, 1);
        }
    }

    function test_RevertWhen_NoUnitsAreAdded() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        engage(t, b);
        vm.expectRevert(abi.encodeWithSelector(IErrors.ZeroAmount.selector));
        extend(t, b, 0);
    }

    function test_RevertWhen_TheVerifierSetIsAnother() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        engage(t, b);
        fund(t, RATE);
        // Fewer members would mean less reserved for fees.
        VerifierSet memory set = verifiers();
        set.members = new address[](1);
        vm.expectRevert(
            abi.encodeWithSelector(IErrors.WrongVerifierSet.selector, t.verifierSet, Digests.verifierSet(set))
        );
        vm.prank(poster.addr);
        escrow.extend(t, set, b, 1);
    }

    function test_RevertWhen_TheTermsAreAnothers() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        engage(t, b);
        t.unitSeconds = 0;
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongBounty.selector, bountyOf(t), b.bounty));
        extend(t, b, 1);
    }
}
