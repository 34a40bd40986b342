// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBalanceEvents} from "../../src/interfaces/IBalances.sol";
import {IErrors} from "../../src/interfaces/IErrors.sol";
import {Attestation, Bid, FeeEntry, Offer, Terms, Verdict, VerifierSet} from "../../src/interfaces/Types.sol";
import {Digests} from "../utils/Digests.sol";
import {MoodyToken, OddAccount1271} from "../utils/Hostile.sol";
import {FeeBase} from "./FeeBase.sol";

/// @notice Many epochs of many engagements in one statement.
contract ClaimFeeBatchTest is FeeBase {
    /// @dev Two offers in native coin and one in TestUSD.
    function agree() private returns (Offer[] memory offers, Bid[] memory bids) {
        (offers, bids) = (new Offer[](3), new Bid[](3));
        for (uint256 i = 0; i < 3; ++i) {
            Terms memory t = feeTerms(i == 1);
            t.salt = i;
            bids[i] = bidFor(t, 0);
            offers[i] = Offer(t, verifiers());
            engageForFees(t, bids[i]);
        }
    }

    function claim(Offer[] memory offers, FeeEntry[] memory entries) private returns (uint256) {
        Attestation memory a = attestation(0, leavesOf(entries), START + 30);
        return claimBy(offers, a, entries);
    }

    function test_PaysSeveralOffersAndTokensInOneCall() public {
        (Offer[] memory offers, Bid[] memory bids) = agree();
        FeeEntry[] memory entries = new FeeEntry[](3);
        for (uint32 i = 0; i < 3; ++i) {
            entries[i] = FeeEntry(i, bids[i], judged(0, i + 1));
        }
        warpTo(50);
        for (uint64 i = 0; i < 3; ++i) {
            expectClaimed(Digests.bid(bids[i]), verifier[0].addr, i + 1, i + 1, (i + 1) * FEE);
        }
        assertEq(claim(offers, entries), 6);
        assertEq(verifier[0].addr.balance, 4 * FEE);
        assertEq(usd.balanceOf(verifier[0].addr), 2 * FEE);
        assertEq(address(escrow).balance, 2 * (RESERVE + FEES + BOND) - 4 * FEE);
        assertEq(usd.balanceOf(address(escrow)), RESERVE + FEES + BOND - 2 * FEE);
    }

    function test_SkipsWhatIsRefusedAndPaysTheRest() public {
        (Offer[] memory offers, Bid[] memory bids) = agree();
        FeeEntry[] memory entries = new FeeEntry[](4);
        entries[0] = FeeEntry(0, bids[0], judged(0, 2));
        entries[1] = FeeEntry(1, bids[1], judged(0, 4));
        entries[2] = FeeEntry(2, bids[2], new Verdict[](0));
        entries[3] = FeeEntry(2, bids[2], judged(1, 1));
        warpTo(50);
        expectClaimed(Digests.bid(bids[0]), verifier[0].addr, 2, 2, 2 * FEE);
        expectSkipped(Digests.bid(bids[1]), IErrors.EpochOpen.selector, 3, 3);
        expectSkipped(Digests.bid(bids[2]), abi.encodeWithSelector(IErrors.ZeroAmount.selector));
        expectClaimed(Digests.bid(bids[2]), verifier[0].addr, 1, 2, FEE);
        assertEq(claim(offers, entries), 3);
        assertEq(verifier[0].addr.balance, 3 * FEE);
        assertEq(usd.balanceOf(verifier[0].addr), 0);
        assertEq(feesPaid(Digests.bid(bids[1])), 0);
        // Nothing of a refused entry is remembered.
        assertEq(escrow.nextFeeEpoch(Digests.bid(bids[1]), verifier[0].addr), 0);
    }

    /// @dev Two entries about one engagement are as good as one; an epoch named in both is paid once.
    function test_TakesOneEngagementInSeveralEntries() public {
        (Offer[] memory offers, Bid[] memory bids) = agree();
        bytes32 id = Digests.bid(bids[0]);
        FeeEntry[] memory entries = new FeeEntry[](3);
        entries[0] = FeeEntry(0, bids[0], judged(0, 2));
        entries[1] = FeeEntry(0, bids[0], judged(1, 2));
        entries[2] = FeeEntry(0, bids[0], judged(2, 1));
        warpTo(50);
        expectClaimed(id, verifier[0].addr, 2, 2, 2 * FEE);
        expectSkipped(id, IErrors.EpochClaimed.selector, 2, 1);
        expectClaimed(id, verifier[0].addr, 1, 3, FEE);
        assertEq(claim(offers, entries), 3);
        assertEq(verifier[0].addr.balance, 3 * FEE);
    }

    function test_PaysNothingForNothing() public {
        (Offer[] memory offers,) = agree();
        Attestation memory a;
        (a.verifier, a.attestedAt) = (verifier[0].addr, uint64(START));
        // A statement whose tree is a single node that no verdict stands for.
        a.proof = new bytes32[](1);
        a.signature = signStatement(verifier[0], 0, START);
        assertEq(claimBy(offers, a, new FeeEntry[](0)), 0);
    }

    // ------------------------------------------------------------------------------------------- refused pushes

    /// @dev An account without `receive`, which signs by ERC-1271, alone in its set.
    function test_CreditsAVerifierThatRefusesNative() public {
        OddAccount1271 odd = new OddAccount1271();
        Terms memory t = feeTerms(false);
        Offer[] memory offers = setOf(t, address(odd));
        Bid memory b = bidFor(t, 0);
        engageAlone(t, b, offers[0].verifiers);
        warpTo(50);
        expectClaimed(Digests.bid(b), address(odd), 3, 3, 3 * FEE);
        expectCredited(address(odd), address(0), 3 * FEE);
        claimAs(address(odd), offers, one(0, b, judged(0, 3)));
        assertEq(escrow.balances(address(odd), address(0)), 3 * FEE);
        vm.prank(address(odd));
        escrow.withdraw(address(0), payee, 3 * FEE);
        assertEq(payee.balance, 3 * FEE);
    }

    /// @dev One token refuses; what was earned in another still arrives.
    function test_CreditsAVerifierWhomATokenDenies() public {
        MoodyToken token = new MoodyToken();
        Terms memory t = feeTerms(false);
        t.token = address(token);
        Bid memory b = bidFor(t, 0);
        engageInMoody(t, b, token);
        token.deny(verifier[0].addr);
        Offer[] memory offers = new Offer[](2);
        offers[0] = Offer(t, verifiers());
        t = feeTerms(true);
        offers[1] = Offer(t, verifiers());
        engageForFees(t, bidFor(t, 0));
        FeeEntry[] memory entries = new FeeEntry[](2);
        entries[0] = FeeEntry(0, b, judged(0, 3));
        entries[1] = FeeEntry(1, bidFor(t, 0), judged(0, 1));
        warpTo(50);
        expectCredited(verifier[0].addr, address(token), 3 * FEE);
        assertEq(claim(offers, entries), 4);
        assertEq(escrow.balances(verifier[0].addr, address(token)), 3 * FEE);
        assertEq(usd.balanceOf(verifier[0].addr), FEE);
    }

    function expectCredited(address who, address token, uint256 amount) private {
        vm.expectEmit(address(escrow));
        emit IBalanceEvents.Credited(who, token, amount, amount);
    }

    function setOf(Terms memory t, address member) private pure returns (Offer[] memory offers) {
        offers = new Offer[](1);
        VerifierSet memory set = VerifierSet(1, new address[](1));
        set.members[0] = member;
        t.verifierSet = Digests.verifierSet(set);
        offers[0] = Offer(t, set);
    }

    /// @dev By an open claim, because `award` brings the usual set.
    function engageAlone(Terms memory t, Bid memory b, VerifierSet memory set) private {
        t.openClaim = true;
        b.bounty = bountyOf(t);
        post(t, RESERVE + 10 * FEE);
        vm.deal(runner.addr, BOND);
        vm.prank(runner.addr);
        escrow.claim{value: BOND}(t, set, b);
    }

    function engageInMoody(Terms memory t, Bid memory b, MoodyToken token) private {
        token.mint(poster.addr, RESERVE + FEES);
        token.mint(runner.addr, BOND);
        vm.prank(runner.addr);
        token.approve(address(escrow), BOND);
        vm.startPrank(poster.addr);
        token.approve(address(escrow), RESERVE + FEES);
        escrow.post(t, RESERVE + FEES);
        vm.stopPrank();
        award(t, b);
    }

    function claimAs(address who, Offer[] memory offers, FeeEntry[] memory entries) private {
        Attestation memory a = attestation(0, leavesOf(entries), START + 30);
        (a.verifier, a.signature) = (who, "");
        claimBy(offers, a, entries);
    }
}
