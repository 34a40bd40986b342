// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEscrow} from "../../src/interfaces/IEscrow.sol";
import {Bid, SignedVerdict, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {Digests} from "../utils/Digests.sol";

/// @notice One signature that was worth something in two places.
contract ReplayedTest is Base {
    Terms private t;
    Bid private b;
    bytes32 private id;
    /// @dev Kept, because the optimizer may read the chain's id again after it was changed.
    bytes32 private domain;

    function setUp() public override {
        super.setUp();
        Terms memory terms = nativeTerms();
        terms.openClaim = true;
        Bid memory bid = bidFor(terms, 0);
        (t, b, id) = (terms, bid, engage(terms, bid));
        domain = Digests.domain("Piecework", address(escrow));
        warpTo(50);
    }

    /// @dev The same offer somewhere else, engaged without any signature.
    function engageAgain(IEscrow where, Terms memory terms) private returns (Bid memory bid, bytes32 engaged) {
        bid = b;
        bid.bounty = where.bountyId(terms);
        vm.deal(poster.addr, RESERVE);
        vm.prank(poster.addr);
        where.post{value: RESERVE}(terms, RESERVE);
        vm.deal(runner.addr, BOND);
        vm.prank(runner.addr);
        engaged = where.claim{value: BOND}(terms, verifiers(), bid);
        assertTrue(engaged != id);
        warpTo(90);
    }

    /// @dev Verdicts of ten units about any engagement, signed for the first escrow on the first chain.
    function signedHere(bytes32 about) private view returns (SignedVerdict[] memory v) {
        v = voucher(about, 10, 0, START + 60);
        bytes32 statement = Digests.typed(domain, Digests.statement(leafOf(about, 10, 0), uint64(START + 60)));
        for (uint256 i = 0; i < 2; ++i) {
            (uint8 parity, bytes32 r, bytes32 s) = vm.sign(verifier[i].secret, statement);
            v[i].signature = abi.encodePacked(r, s, parity);
        }
    }

    function assertWorthless(IEscrow where, Terms memory terms, Bid memory bid, bytes32 engaged) private {
        bytes memory why = abi.encodeWithSelector(IErrors.NotAttested.selector, verifier[0].addr);
        bytes32[2] memory about = [id, engaged];
        for (uint256 i = 0; i < 2; ++i) {
            SignedVerdict[] memory v = signedHere(about[i]);
            vm.expectRevert(why);
            where.redeem(terms, verifiers(), bid, v);
        }
        assertEq(payee.balance, 0);
        // It was good where it was given.
        if (address(where) != address(escrow)) escrow.redeem(t, verifiers(), b, signedHere(id));
    }

    function test_SignaturesWereReplayedOnAnotherChain_OPStack() public {
        SignedVerdict[] memory v = signedHere(id);
        vm.chainId(999);
        // After a fork the other chain has the same engagements, under ids that nothing there computes to.
        bytes32 there = escrow.bountyId(t);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongBounty.selector, there, b.bounty));
        redeem(t, b, v);
        (Bid memory bid, bytes32 engaged) = engageAgain(escrow, t);
        assertWorthless(escrow, t, bid, engaged);
    }

    function test_SignaturesWereReplayedOnAnotherContract_GraphTAP() public {
        IEscrow other = deployEscrow();
        (Bid memory bid, bytes32 engaged) = engageAgain(other, t);
        assertWorthless(other, t, bid, engaged);
        assertEq(payee.balance, 5 ether);
    }

    function test_SignaturesWereReplayedOnAnotherBounty_GraphTAP() public {
        Terms memory terms = t;
        terms.salt = 1;
        (Bid memory bid,) = engageAgain(escrow, terms);
        SignedVerdict[] memory v = signedHere(id);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotAttested.selector, verifier[0].addr));
        redeem(terms, bid, v);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongBounty.selector, bid.bounty, b.bounty));
        redeem(terms, b, v);
    }

    /// @dev The cheaper bounty's award, for a seat of the dearer one.
    function test_AnAwardWasReplayedOnAnotherBounty() public {
        Terms memory terms = t;
        terms.salt = 1;
        post(terms, RESERVE);
        deposit(address(0), runner.addr, BOND);
        Bid memory bid = bidFor(t, 1);
        bytes memory signed = sign(runner, Digests.bid(bid));
        bytes memory choice = sign(poster, Digests.award(awardFor(bid)));
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongBounty.selector, bountyOf(terms), bid.bounty));
        escrow.award(terms, verifiers(), bid, signed, awardFor(bid), choice);
        bid.bounty = bountyOf(terms);
        vm.expectRevert(abi.encodeWithSelector(IErrors.BadSignature.selector, runner.addr));
        escrow.award(terms, verifiers(), bid, signed, awardFor(bid), choice);
    }
}
