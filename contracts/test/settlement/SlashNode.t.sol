// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBalanceEvents} from "../../src/interfaces/IBalances.sol";
import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Bid, EndReason, Status, Terms} from "../../src/interfaces/Types.sol";
import {Digests} from "../utils/Digests.sol";
import {Account1271, Refuser} from "../utils/Hostile.sol";
import {NodeBase} from "./NodeBase.sol";

/// @notice What an equivocation costs, and whom.
contract SlashNodeTest is NodeBase {
    function testFuzz_TheBondGoesHalfToTheReporterRoundedDownAndTheRestToThePoster(uint96 bond, bool inUsd) public {
        Terms memory t = inUsd ? usdTerms() : nativeTerms();
        t.bond = uint128(bound(bond, PENALTY, type(uint96).max));
        Bid memory b = nodeBid(t, 0);
        bytes32 id = engage(t, b);
        warpTo(40);
        expectSlashed(id, t.bond / 2, t.bond - t.bond / 2);
        vm.expectEmit(address(escrow));
        emit IEvents.Ended(
            id, b.bounty, EndReason.Equivocation, uint64(START + 40), 40, 60 * uint256(RATE), 60 * uint256(RATE)
        );
        slashNode(t, b);
        assertEq(held(t.token, stranger), t.bond / 2);
        assertEq(held(t.token, poster.addr), t.bond - t.bond / 2);
        assertEq(held(t.token, runner.addr), 0);
        assertEq(held(t.token, address(escrow)), RESERVE);
        assertEngagement(id, Status.Ended, 0, 40, 0);
        assertSeats(t, 0, 1);
    }

    /// @dev Work done before is still paid; the bond doesn't come back.
    function test_TheRestIsSettledAsAfterAnyEnd() public {
        Terms memory t = nativeTerms();
        Bid memory b = nodeBid(t, 0);
        bytes32 id = engage(t, b);
        warpTo(40);
        slashNode(t, b);
        warpTo(60);
        redeem(t, b, voucher(id, 35, 0));
        assertEq(payee.balance, 35 * uint256(RATE));
        warpTo(40 + 110);
        vm.expectEmit(address(escrow));
        emit IEvents.Reclaimed(id, 5 * uint256(RATE), 0);
        escrow.reclaim(t, verifiers(), b);
        assertEq(runner.addr.balance, 0);
        assertEq(poster.addr.balance, BOND / 2 + 5 * uint256(RATE));
        assertEq(address(escrow).balance, 60 * uint256(RATE));
    }

    function test_TakesWhatFaultsLeft() public {
        for (uint256 i = 1; i <= 2; ++i) {
            Terms memory t = nativeTerms();
            (t.salt, t.faultPenalty) = (i, i == 1 ? 1.5 ether : BOND);
            Bid memory b = nodeBid(t, 0);
            warpTo(0);
            bytes32 id = engage(t, b);
            warpTo(40);
            redeem(t, b, voucher(id, 10, 1));
            uint256 left = BOND - t.faultPenalty;
            uint256 before = poster.addr.balance;
            expectSlashed(id, left / 2, left - left / 2);
            slashNode(t, b);
            assertEq(poster.addr.balance - before, left - left / 2);
            assertEq(stranger.balance, i == 1 ? left / 2 : 1.75 ether);
            assertEngagement(id, Status.Ended, 10, 40, 1);
        }
    }

    function test_LaterFaultsTakeNothing() public {
        Terms memory t = nativeTerms();
        Bid memory b = nodeBid(t, 0);
        bytes32 id = engage(t, b);
        warpTo(40);
        slashNode(t, b);
        warpTo(60);
        vm.expectEmit(address(escrow));
        emit IEvents.Faulted(id, 4, 0, 0);
        redeem(t, b, voucher(id, 30, 4));
        assertEngagement(id, Status.Ended, 30, 40, 4);
        assertEq(poster.addr.balance, BOND / 2);
        assertSeats(t, 0, 1);
    }

    // ------------------------------------------------------------------------------------------- in which state

    function test_AfterTheEndOnlyTheBondMoves() public {
        Terms memory t = nativeTerms();
        Bid memory b = nodeBid(t, 0);
        bytes32 id = engage(t, b);
        warpTo(RECLAIM);
        escrow.end(t, verifiers(), b);
        slashNode(t, b);
        assertEngagement(id, Status.Ended, 0, UNITS, 0);
        assertEq(escrow.engagement(id).endsAt, START + ENDS);
        assertSeats(t, 1, 0);
        assertEq(stranger.balance + poster.addr.balance, BOND);
        escrow.reclaim(t, verifiers(), b);
        assertEq(runner.addr.balance, 0);
        assertEq(poster.addr.balance, BOND / 2 + RESERVE);
    }

    /// @dev −1, 0 and +1 of the end: from the end on there is no cause to end it, and the seat has been used.
    function test_OnceTheClockRanOutTheSeatStaysUsed() public {
        for (uint256 i = 0; i < 3; ++i) {
            warpTo(0);
            Terms memory t = nativeTerms();
            t.salt = i;
            Bid memory b = nodeBid(t, 0);
            bytes32 id = engage(t, b);
            warpTo(ENDS - 1 + i);
            slashNode(t, b);
            assertEngagement(id, i == 0 ? Status.Ended : Status.Active, 0, i == 0 ? 99 : 100, 0);
            assertSeats(t, i == 0 ? 0 : 1, i == 0 ? 1 : 0);
            if (i == 0) continue;
            vm.expectEmit(address(escrow));
            emit IEvents.Ended(id, b.bounty, EndReason.Elapsed, uint64(START + ENDS), UNITS, 0, 0);
            escrow.end(t, verifiers(), b);
        }
    }

    function test_CutsANoticePeriodShort() public {
        Terms memory t = nativeTerms();
        Bid memory b = nodeBid(t, 0);
        engage(t, b);
        vm.prank(poster.addr);
        escrow.giveNotice(t, b);
        warpTo(29);
        slashNode(t, b);
        assertSeats(t, 0, 1);
        assertEq(escrowOf(t), 71 * uint256(RATE));
    }

    function test_EndsAnEngagementWithoutAClock() public {
        Terms memory t = nativeTerms();
        t.unitSeconds = 0;
        Bid memory b = nodeBid(t, 0);
        bytes32 id = engage(t, b);
        warpTo(500);
        slashNode(t, b);
        assertEngagement(id, Status.Ended, 0, UNITS, 0);
        assertEq(escrow.engagement(id).endsAt, START + 500);
        assertSeats(t, 0, 1);
    }

    // ------------------------------------------------------------------------------------------- whose keys

    function test_TakesTheWordOfANodeThatIsASmartAccount() public {
        Account1271 account = new Account1271();
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        b.node = address(account);
        bytes32 id = engage(t, b);
        bytes[2] memory none;
        account.approve(digest(Digests.blockClaim(id, NUMBER, REVISION, hashes()[0])));
        vm.expectRevert(abi.encodeWithSelector(IErrors.BadSignature.selector, address(account)));
        slashNode(t, b, hashes(), none);
        account.approve(digest(Digests.blockClaim(id, NUMBER, REVISION, hashes()[1])));
        slashNode(t, b, hashes(), none);
        assertEq(stranger.balance, BOND / 2);
    }

    function test_CreditsWhoeverRefusesThePush() public {
        Refuser refuser = new Refuser();
        Terms memory t = nativeTerms();
        Bid memory b = nodeBid(t, 0);
        bytes[2] memory signatures = proofOf(node, engage(t, b));
        vm.expectEmit(address(escrow));
        emit IBalanceEvents.Credited(address(refuser), address(0), BOND / 2, BOND / 2);
        vm.prank(address(refuser));
        escrow.slashNode(t, verifiers(), b, NUMBER, REVISION, hashes(), signatures);
        assertEq(escrow.balances(address(refuser), address(0)), BOND / 2);
        assertEq(poster.addr.balance, BOND / 2);
    }
}
