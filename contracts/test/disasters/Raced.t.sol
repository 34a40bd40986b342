// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {Award, Bid, SignedVerdict, Subject, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {Digests} from "../utils/Digests.sol";

/// @notice Decided by who came first, or at the very second in which two rules held.
contract RacedTest is Base {
    address private arbiter;

    function setUp() public override {
        super.setUp();
        arbiter = makeAddr("arbiter");
    }

    function arbitrated() private returns (Terms memory t, Bid memory b, bytes32 id) {
        t = nativeTerms();
        t.arbiter = arbiter;
        b = bidFor(t, 0);
        id = engage(t, b);
    }

    function disputeUnits(Terms memory t, Bid memory b, SignedVerdict[] memory v) private {
        uint256 bond = escrow.disputeBond(t, b, Subject.Units, poster.addr, 30);
        vm.deal(poster.addr, bond);
        vm.prank(poster.addr);
        escrow.dispute{value: bond}(t, verifiers(), b, Subject.Units, 10, v);
    }

    /// @dev The recipient changed its proposal between the pool manager's decision and its execution.
    function test_ARecipientRaisedItsPriceBeforeTheAwardWasMined_AlloV2() public {
        Terms memory t = nativeTerms();
        post(t, RESERVE);
        deposit(address(0), runner.addr, BOND);
        (Bid memory cheap, Bid memory dear) = (bidFor(t, 0), bidFor(t, 0));
        cheap.rate = 0.3 ether;
        Award memory a = awardFor(cheap);
        bytes memory choice = sign(poster, Digests.award(a));
        bytes memory signed = sign(runner, Digests.bid(dear));

        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongBid.selector, Digests.bid(dear), a.bid));
        escrow.award(t, verifiers(), dear, signed, a, choice);
        a.bid = Digests.bid(dear);
        vm.expectRevert(abi.encodeWithSelector(IErrors.BadSignature.selector, poster.addr));
        escrow.award(t, verifiers(), dear, signed, a, choice);
        award(t, cheap);
        assertEq(escrowOf(t), RESERVE - 30 ether);
    }

    /// @dev Phases were closed on both sides, so that in the last second of one the next had begun.
    function test_OneTimestampWasInTwoPhases_OpenAndClosed_AlloV2() public {
        Terms memory t = nativeTerms();
        post(t, 2 * RESERVE + 1);
        deposit(address(0), runner.addr, 2 * uint256(BOND));
        (Bid memory b, Bid memory late) = (bidFor(t, 0), bidFor(t, 1));
        (b.expiresAt, late.expiresAt) = (OPEN_UNTIL + 9, OPEN_UNTIL + 9);
        Award memory a = awardFor(late);
        a.expiresAt = OPEN_UNTIL + 9;

        vm.warp(OPEN_UNTIL - 1);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotPoster.selector, poster.addr, stranger));
        vm.prank(stranger);
        escrow.reclaimEscrow(t);
        award(t, b);

        vm.warp(OPEN_UNTIL);
        vm.expectRevert(abi.encodeWithSelector(IErrors.Closed.selector, OPEN_UNTIL, OPEN_UNTIL));
        award(t, late, a);
        vm.prank(stranger);
        escrow.reclaimEscrow(t);
        assertEq(poster.addr.balance, RESERVE + 1);
    }

    function test_OneTimestampWasInTwoPhases_DisputableAndPayable_AlloV2() public {
        (Terms memory t, Bid memory b, bytes32 id) = arbitrated();
        SignedVerdict[] memory v = voucher(id, 40, 0, START + 40);
        warpTo(59);
        vm.expectRevert(abi.encodeWithSelector(IErrors.ChallengeOpen.selector, START + 60, START + 59));
        redeem(t, b, v);
        warpTo(60);
        vm.expectRevert(abi.encodeWithSelector(IErrors.ChallengeClosed.selector, START + 60, START + 60));
        vm.prank(poster.addr);
        escrow.dispute(t, verifiers(), b, Subject.Units, 10, v);
        redeem(t, b, v);
        assertEq(payee.balance, 20 ether);
    }

    function test_OneTimestampWasInTwoPhases_RulableAndSettleable_AlloV2() public {
        (Terms memory t, Bid memory b, bytes32 id) = arbitrated();
        warpTo(59);
        disputeUnits(t, b, voucher(id, 40, 0, START + 40));
        warpTo(118);
        vm.expectRevert(abi.encodeWithSelector(IErrors.RulingOpen.selector, START + 119, START + 118));
        escrow.settle(t, verifiers(), b, Subject.Units);
        warpTo(119);
        vm.expectRevert(abi.encodeWithSelector(IErrors.RulingClosed.selector, START + 119, START + 119));
        vm.prank(arbiter);
        escrow.rule(t, verifiers(), b, Subject.Units, 10);
        escrow.settle(t, verifiers(), b, Subject.Units);
        assertEq(payee.balance, 20 ether);
    }

    function test_OneTimestampWasInTwoPhases_AssertableAndReclaimable_AlloV2() public {
        (Terms memory t, Bid memory b,) = arbitrated();
        warpTo(RECLAIM - 1);
        escrow.end(t, verifiers(), b);
        vm.expectRevert(abi.encodeWithSelector(IErrors.RedemptionOpen.selector, START + RECLAIM, START + RECLAIM - 1));
        escrow.reclaim(t, verifiers(), b);
        warpTo(RECLAIM);
        vm.expectRevert(abi.encodeWithSelector(IErrors.ChallengeClosed.selector, START + RECLAIM, START + RECLAIM));
        vm.prank(runner.addr);
        escrow.assertUnits(t, verifiers(), b, 1);
        escrow.reclaim(t, verifiers(), b);
        assertEq(poster.addr.balance, RESERVE);
    }
}
