// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {Bid, SignedVerdict, Status, Terms, VerifierSet} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {Digests} from "../utils/Digests.sol";
import {Account1271} from "../utils/Hostile.sol";

/// @notice Which vouchers prove something, and how the others are refused.
contract RedeemProofTest is Base {
    Terms private t;
    Bid private b;
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        Terms memory terms = nativeTerms();
        Bid memory bid = bidFor(terms, 0);
        (t, b) = (terms, bid);
        id = engage(terms, bid);
        warpTo(60);
    }

    function good() private view returns (SignedVerdict[] memory) {
        return voucher(id, 40, 0, START + 40);
    }

    function refused(SignedVerdict[] memory v, bytes memory why) private {
        vm.expectRevert(why);
        redeem(t, b, v);
    }

    function notAttested(SignedVerdict[] memory v, uint256 who) private {
        refused(v, abi.encodeWithSelector(IErrors.NotAttested.selector, verifier[who].addr));
    }

    function test_HashesAsTheDesignSays() public view {
        assertEq(escrow.statementDigest(keccak256("r"), 5), digest(Digests.statement(keccak256("r"), 5)));
        assertEq(escrow.verdictLeaf(id, 7, 40, 1, keccak256("evidence")), leafOf(id, 40, 1));
    }

    function test_TakesLongSignaturesAsWellAsCompactOnes() public {
        SignedVerdict[] memory v = good();
        v[1].signature = sign(verifier[1], Digests.statement(leafOf(id, 40, 0), uint64(START + 40)));
        assertEq(v[1].signature.length, 65);
        assertEq(v[0].signature.length, 64);
        redeem(t, b, v);
        assertEq(payee.balance, 20 ether);
    }

    function testFuzz_ProvesAVerdictInATreeOfAnySize(uint8 size, uint8 index) public {
        bytes32[] memory leaves = new bytes32[](bound(size, 1, 40));
        for (uint256 i = 0; i < leaves.length; ++i) {
            leaves[i] = keccak256(abi.encode(i));
        }
        uint256 mine = bound(index, 0, leaves.length - 1);
        leaves[mine] = leafOf(id, 40, 0);
        redeem(t, b, voucherAt(leaves, mine, 40, 0, START + 40));
        assertEq(payee.balance, 20 ether);
    }

    /// @dev Verifiers need not judge at the same time, nor name one tree.
    function test_EachVerifierHasATreeOfItsOwn() public {
        bytes32[] memory leaves = new bytes32[](3);
        (leaves[0], leaves[1], leaves[2]) = (keccak256("x"), leafOf(id, 40, 0), keccak256("y"));
        SignedVerdict[] memory v = good();
        v[0] = voucherAt(leaves, 1, 40, 0, START + 35)[0];
        redeem(t, b, v);
        assertEq(payee.balance, 20 ether);
    }

    function test_AsksAnERC1271Verifier() public {
        Account1271 wallet = new Account1271();
        VerifierSet memory set = VerifierSet(1, new address[](1));
        set.members[0] = address(wallet);
        Terms memory terms = t;
        terms.verifierSet = Digests.verifierSet(set);
        post(terms, RESERVE);
        deposit(address(0), runner.addr, BOND);
        Bid memory bid = bidFor(terms, 0);
        bytes memory choice = sign(poster, Digests.award(awardFor(bid)));
        bytes32 engaged = escrow.award(terms, set, bid, sign(runner, Digests.bid(bid)), awardFor(bid), choice);
        warpTo(100);

        SignedVerdict[] memory v = new SignedVerdict[](1);
        v[0] = SignedVerdict(pack(0, START + 80, 7, 10, 0), EVIDENCE, "by hand", new bytes32[](0));
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotAttested.selector, address(wallet)));
        escrow.redeem(terms, set, bid, v);
        wallet.approve(digest(Digests.statement(leafOf(engaged, 10, 0), uint64(START + 80))));
        escrow.redeem(terms, set, bid, v);
        assertEq(payee.balance, 5 ether);
    }

    // ------------------------------------------------------------------------------------------- refusals

    function test_RevertWhen_TheCountOfVerdictsIsNotTheThreshold() public {
        SignedVerdict[] memory v = good();
        SignedVerdict[] memory all = new SignedVerdict[](3);
        (all[0], all[1], all[2]) = (v[0], v[1], signedVerdict(2, id, 40, 0, START + 40));
        refused(all, abi.encodeWithSelector(IErrors.WrongVerdictCount.selector, 2, 3));
        all = new SignedVerdict[](1);
        all[0] = v[0];
        refused(all, abi.encodeWithSelector(IErrors.WrongVerdictCount.selector, 2, 1));
        refused(new SignedVerdict[](0), abi.encodeWithSelector(IErrors.WrongVerdictCount.selector, 2, 0));
    }

    function test_RevertWhen_AVerifierCountsTwice() public {
        SignedVerdict[] memory v = voucher(id, [uint64(40), 40], [uint64(0), 0], [START, START + 1], [uint256(1), 1]);
        refused(v, abi.encodeWithSelector(IErrors.WrongMember.selector, 3, 1));
    }

    function test_RevertWhen_VerdictsAreNotAscending() public {
        SignedVerdict[] memory v = voucher(id, [uint64(40), 40], [uint64(0), 0], [START, START], [uint256(2), 0]);
        refused(v, abi.encodeWithSelector(IErrors.WrongMember.selector, 3, 0));
    }

    /// @dev Up to the highest place that a packed verdict can name.
    function testFuzz_RevertWhen_OneIsNoMember(uint8 index) public {
        uint256 place = bound(index, 3, type(uint8).max);
        SignedVerdict[] memory v = good();
        v[1].packed = pack(place, START + 40, 7, 40, 0);
        refused(v, abi.encodeWithSelector(IErrors.WrongMember.selector, 3, place));
    }

    function test_RevertWhen_AnOutsiderSigned() public {
        SignedVerdict[] memory v = good();
        v[1].signature = signStatement(makeKey("outsider"), leafOf(id, 40, 0), START + 40);
        notAttested(v, 1);
    }

    function test_RevertWhen_TheSignatureIsAnothers() public {
        SignedVerdict[] memory v = good();
        v[1].signature = v[0].signature;
        notAttested(v, 1);
    }

    function test_RevertWhen_TheTimeOfAttestationWasChanged() public {
        SignedVerdict[] memory v = good();
        v[0].packed = pack(0, START + 39, 7, 40, 0);
        notAttested(v, 0);
    }

    function test_RevertWhen_TheVerdictIsNotWhatWasSigned() public {
        SignedVerdict[] memory v = good();
        v[0].packed = pack(0, START + 40, 7, 41, 0);
        notAttested(v, 0);
        v = good();
        v[1].packed = pack(1, START + 40, 7, 40, 1);
        notAttested(v, 1);
        v = good();
        v[0].packed = pack(0, START + 40, 8, 40, 0);
        notAttested(v, 0);
        v = good();
        v[0].evidence = 0;
        notAttested(v, 0);
        v = good();
        v[0].proof = new bytes32[](1);
        notAttested(v, 0);
    }

    function test_RevertWhen_TheVerdictIsAboutAnotherEngagement() public {
        notAttested(voucher(keccak256("other"), 40, 0, START), 0);
    }

    function test_RevertWhen_TheEngagementDoesNotExist() public {
        Bid memory other = bidFor(t, 1);
        SignedVerdict[] memory v = voucher(Digests.bid(other), 40, 0, START);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEngaged.selector, Digests.bid(other), Status.None));
        redeem(t, other, v);
    }

    function test_RevertWhen_TheTermsAreAnothers() public {
        Terms memory other = t;
        other.challengeSeconds = 0;
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongBounty.selector, bountyOf(other), b.bounty));
        redeem(other, b, good());
    }

    function test_RevertWhen_TheVerifierSetIsAnother() public {
        SignedVerdict[] memory v = good();
        VerifierSet memory set = verifiers();
        set.threshold = 1;
        vm.expectRevert(
            abi.encodeWithSelector(IErrors.WrongVerifierSet.selector, t.verifierSet, Digests.verifierSet(set))
        );
        escrow.redeem(t, set, b, v);
    }

    function test_RevertWhen_ThePayeeIsChanged() public {
        Bid memory stolen = b;
        stolen.payee = stranger;
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEngaged.selector, Digests.bid(stolen), Status.None));
        redeem(t, stolen, good());
    }
}
