// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {Attestation, Bid, FeeEntry, Offer, Terms, VerifierSet} from "../../src/interfaces/Types.sol";
import {Digests} from "../utils/Digests.sol";
import {Merkle} from "../utils/Merkle.sol";
import {FeeBase} from "./FeeBase.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

/// @notice Who is paid nothing, and what makes the whole call fail.
contract ClaimFeeRefusedTest is FeeBase {
    Terms private t;
    Bid private b;
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        t = feeTerms(false);
        t.arbiter = stranger;
        b = bidFor(t, 0);
        id = engageForFees(t, b);
        warpTo(50);
    }

    function entries() private view returns (FeeEntry[] memory) {
        return one(0, b, judged(0, 2));
    }

    // ------------------------------------------------------------------------------------------- skipped

    function test_SkipsAStrangersVerdicts() public {
        Attestation memory a = attestation(0, leavesOf(entries()), START + 30);
        a.verifier = runner.addr;
        a.signature = signCompact(runner, Digests.statement(rootOf(entries()), uint64(START + 30)));
        expectSkipped(id, abi.encodeWithSelector(IErrors.NotVerifier.selector, runner.addr));
        assertEq(claimBy(oneOffer(t), a, entries()), 0);
        assertEq(runner.addr.balance, 0);
    }

    function test_SkipsWhomARulingEjected() public {
        claimFee(t, b, 1, START + 30, judged(0));
        eject(t, b);
        for (uint256 i = 0; i < 2; ++i) {
            expectSkipped(id, abi.encodeWithSelector(IErrors.Ejected.selector, verifier[i].addr));
            assertEq(claimFee(t, b, i, START + 30, judged(1)), 0);
        }
        assertEq(verifier[0].addr.balance, 0);
        // What was paid before stays paid; who said nothing false is paid on.
        assertEq(verifier[1].addr.balance, FEE);
        assertEq(claimFee(t, b, 2, START + 30, judged(0)), 1);
    }

    function test_SkipsAnEngagementThatNeverWas() public {
        b.nonce = 1;
        expectSkipped(Digests.bid(b), abi.encodeWithSelector(IErrors.NotEngaged.selector, Digests.bid(b), 0));
        assertEq(claimFee(t, b, 0, START + 30, judged(0)), 0);
    }

    function test_SkipsTermsWithoutAFee() public {
        Terms memory free = nativeTerms();
        Bid memory bid = bidFor(free, 0);
        engage(free, bid);
        warpTo(100);
        expectSkipped(Digests.bid(bid), abi.encodeWithSelector(IErrors.ZeroAmount.selector));
        assertEq(claimFee(free, bid, 0, START + 80, judged(0)), 0);
    }

    // ------------------------------------------------------------------------------------------- reverted

    /// @dev Verdicts are public: who could claim the newest epoch's fee for a verifier would leave it without all before.
    function test_RevertWhen_AnybodyElseSendsIt() public {
        FeeEntry[] memory newest = one(0, b, judged(1));
        Attestation memory a = attestation(0, leavesOf(newest), START + 30);
        Offer[] memory offers = oneOffer(t);
        address[4] memory others = [poster.addr, runner.addr, stranger, verifier[1].addr];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IErrors.NotVerifier.selector, others[i]));
            vm.prank(others[i]);
            escrow.claimFee(offers, a, newest);
        }
        assertEq(claimFee(t, b, 0, START + 30, judged(0, 2)), 2);
    }

    function test_RevertWhen_TheStatementIsNotTheVerifiers() public {
        Attestation memory a = attestation(0, leavesOf(entries()), START + 30);
        a.verifier = verifier[1].addr;
        expectNotAttested(verifier[1].addr, a, entries());
        a = attestation(0, leavesOf(entries()), START + 30);
        ++a.attestedAt;
        expectNotAttested(verifier[0].addr, a, entries());
    }

    function test_RevertWhen_TheStatementIsOverOtherVerdicts() public {
        Attestation memory a = attestation(0, leavesOf(entries()), START + 30);
        for (uint256 i = 0; i < 5; ++i) {
            FeeEntry[] memory changed = entries();
            if (i == 0) changed[0].verdicts[1].epoch = 2;
            if (i == 1) changed[0].verdicts[1].units += 1;
            if (i == 2) changed[0].verdicts[1].faults += 1;
            if (i == 3) changed[0].verdicts[1].evidence = 0;
            if (i == 4) changed[0].bid.nonce = 1;
            expectNotAttested(verifier[0].addr, a, changed);
        }
        assertEq(claimBy(oneOffer(t), a, entries()), 2);
    }

    /// @dev The other leaf may be anything else the verifier said.
    function test_TakesAPartOfAStatement() public {
        bytes32[] memory leaves = new bytes32[](2);
        (leaves[0], leaves[1]) = (leavesOf(one(0, b, judged(0)))[0], keccak256("another verdict"));
        Attestation memory a = attestation(0, leaves, START + 30);
        (a.proof, a.flags) = (Merkle.proof(leaves, 0), new bool[](1));
        expectClaimed(id, verifier[0].addr, 1, 1, FEE);
        assertEq(claimBy(oneOffer(t), a, one(0, b, judged(0))), 1);
        expectNotAttested(verifier[0].addr, a, one(0, b, judged(1)));
    }

    function test_RevertWhen_TheProofIsOfAnotherShape() public {
        Attestation memory a = attestation(0, leavesOf(entries()), START + 30);
        for (uint64 count = 1; count <= 3; count += 2) {
            FeeEntry[] memory other = one(0, b, judged(0, count));
            vm.expectRevert(abi.encodeWithSelector(MerkleProof.MerkleProofInvalidMultiproof.selector));
            claimBy(oneOffer(t), a, other);
        }
    }

    function test_RevertWhen_TheOfferIsMissing() public {
        FeeEntry[] memory wrong = one(1, b, judged(0, 2));
        Attestation memory a = attestation(0, leavesOf(wrong), START + 30);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NoSuchOffer.selector, 1, 1));
        claimBy(oneOffer(t), a, wrong);
    }

    function test_RevertWhen_TheOfferIsAnothers() public {
        Terms memory others = t;
        others.verifierFee = 1 ether;
        Attestation memory a = attestation(0, leavesOf(entries()), START + 30);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongBounty.selector, bountyOf(others), bountyOf(t)));
        claimBy(oneOffer(others), a, entries());
        Offer[] memory offers = oneOffer(t);
        offers[0].verifiers = VerifierSet(1, new address[](1));
        offers[0].verifiers.members[0] = verifier[0].addr;
        bytes32 actual = Digests.verifierSet(offers[0].verifiers);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongVerifierSet.selector, t.verifierSet, actual));
        claimBy(offers, a, entries());
    }

    function test_RevertWhen_ThereAreTooManyEntries() public {
        for (uint256 i = 100; i <= 101; ++i) {
            FeeEntry[] memory many = new FeeEntry[](i);
            for (uint64 j = 0; j < i; ++j) {
                many[j] = FeeEntry(0, b, judged(j));
            }
            Attestation memory a = attestation(0, leavesOf(many), START + 30);
            if (i == 101) vm.expectRevert(abi.encodeWithSelector(IErrors.BatchTooLong.selector, 100, 101));
            uint256 paid = claimBy(oneOffer(t), a, many);
            if (i == 100) assertEq(paid, 3);
        }
    }

    function expectNotAttested(address who, Attestation memory a, FeeEntry[] memory all) private {
        Offer[] memory offers = oneOffer(t);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotAttested.selector, who));
        claimBy(offers, a, all);
    }

    function rootOf(FeeEntry[] memory all) private pure returns (bytes32) {
        return Merkle.root(leavesOf(all));
    }
}
