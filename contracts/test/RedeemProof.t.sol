// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bid, IEscrow, ProvenVerdict, SignedStatement, Status, Terms, VerifierSet} from "../src/interfaces/IEscrow.sol";
import {Base} from "./utils/Base.sol";
import {Digests} from "./utils/Digests.sol";
import {Account1271} from "./utils/Hostile.sol";

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

    function good() private view returns (Voucher memory) {
        return voucher(id, 40, 0, START + 40);
    }

    function refused(Voucher memory v, bytes memory why) private {
        vm.expectRevert(why);
        redeem(t, b, v);
    }

    function test_HashesAsTheDesignSays() public view {
        assertEq(escrow.statementDigest(keccak256("r"), 5), digest(Digests.statement(keccak256("r"), 5)));
        assertEq(escrow.verdictLeaf(id, 7, 40, 1, keccak256("evidence")), leafOf(id, 40, 1));
    }

    function test_TakesLongSignaturesAsWellAsCompactOnes() public {
        Voucher memory v = good();
        SignedStatement memory s = v.statements[1];
        s.signature = sign(verifier[1], Digests.statement(s.root, s.attestedAt));
        assertEq(s.signature.length, 65);
        assertEq(v.statements[0].signature.length, 64);
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
        Voucher memory v = Voucher(statementsOver(leaves, START + 40), verdictsAt(leaves, mine, 40, 0));
        redeem(t, b, v);
        assertEq(payee.balance, 20 ether);
    }

    function test_IgnoresStatementsNoVerdictUses() public {
        Voucher memory v = good();
        SignedStatement[] memory more = new SignedStatement[](3);
        (more[0], more[1]) = (v.statements[0], v.statements[1]);
        more[2] = SignedStatement(stranger, 0, 0, "junk");
        v.statements = more;
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

        SignedStatement[] memory statements = new SignedStatement[](1);
        ProvenVerdict[] memory verdicts = new ProvenVerdict[](1);
        bytes32 root = leafOf(engaged, 10, 0);
        statements[0] = SignedStatement(address(wallet), root, uint64(START + 80), "by hand");
        verdicts[0] = ProvenVerdict(0, 7, 10, 0, keccak256("evidence"), new bytes32[](0));
        vm.expectRevert(abi.encodeWithSelector(IEscrow.BadSignature.selector, address(wallet)));
        escrow.redeem(terms, set, bid, statements, verdicts);
        wallet.approve(digest(Digests.statement(root, uint64(START + 80))));
        escrow.redeem(terms, set, bid, statements, verdicts);
        assertEq(payee.balance, 5 ether);
    }

    // ------------------------------------------------------------------------------------------- refusals

    function test_RevertWhen_TheCountOfVerdictsIsNotTheThreshold() public {
        Voucher memory v = good();
        ProvenVerdict[] memory all = new ProvenVerdict[](3);
        (all[0], all[1], all[2]) = (v.verdicts[0], v.verdicts[1], v.verdicts[1]);
        v.verdicts = all;
        refused(v, abi.encodeWithSelector(IEscrow.WrongVerdictCount.selector, 2, 3));
        v.verdicts = new ProvenVerdict[](1);
        v.verdicts[0] = all[0];
        refused(v, abi.encodeWithSelector(IEscrow.WrongVerdictCount.selector, 2, 1));
    }

    function test_RevertWhen_AVerifierCountsTwice() public {
        Voucher memory v = voucher(id, [uint64(40), 40], [uint64(0), 0], [START, START + 1], [uint256(1), 1]);
        refused(v, abi.encodeWithSelector(IEscrow.NotVerifier.selector, verifier[1].addr));
    }

    function test_RevertWhen_VerdictsAreNotAscending() public {
        Voucher memory v = voucher(id, [uint64(40), 40], [uint64(0), 0], [START, START], [uint256(2), 0]);
        refused(v, abi.encodeWithSelector(IEscrow.NotVerifier.selector, verifier[0].addr));
    }

    function test_RevertWhen_OneIsNoMember() public {
        Voucher memory v = good();
        v.statements[1] = signStatement(makeKey("outsider"), v.statements[1].root, START);
        refused(v, abi.encodeWithSelector(IEscrow.NotVerifier.selector, v.statements[1].verifier));
    }

    function test_RevertWhen_TheStatementIsMissing() public {
        Voucher memory v = good();
        v.verdicts[1].statement = 2;
        refused(v, abi.encodeWithSelector(IEscrow.NoSuchStatement.selector, 2, 2));
    }

    function test_RevertWhen_TheSignatureIsAnothers() public {
        Voucher memory v = good();
        v.statements[1].signature = v.statements[0].signature;
        refused(v, abi.encodeWithSelector(IEscrow.BadSignature.selector, verifier[1].addr));
    }

    function test_RevertWhen_TheTimeOfAttestationWasChanged() public {
        Voucher memory v = good();
        v.statements[0].attestedAt -= 1;
        refused(v, abi.encodeWithSelector(IEscrow.BadSignature.selector, verifier[0].addr));
    }

    function test_RevertWhen_TheVerdictIsNotWhatWasSigned() public {
        Voucher memory v = good();
        v.verdicts[0].units += 1;
        refused(v, abi.encodeWithSelector(IEscrow.VerdictNotProven.selector, verifier[0].addr));
        v = good();
        v.verdicts[1].faults += 1;
        refused(v, abi.encodeWithSelector(IEscrow.VerdictNotProven.selector, verifier[1].addr));
        v = good();
        v.verdicts[0].epoch += 1;
        refused(v, abi.encodeWithSelector(IEscrow.VerdictNotProven.selector, verifier[0].addr));
        v = good();
        v.verdicts[0].evidence = 0;
        refused(v, abi.encodeWithSelector(IEscrow.VerdictNotProven.selector, verifier[0].addr));
        v = good();
        v.verdicts[0].proof = new bytes32[](1);
        refused(v, abi.encodeWithSelector(IEscrow.VerdictNotProven.selector, verifier[0].addr));
    }

    function test_RevertWhen_TheVerdictIsAboutAnotherEngagement() public {
        Voucher memory v = voucher(keccak256("other"), 40, 0, START);
        refused(v, abi.encodeWithSelector(IEscrow.VerdictNotProven.selector, verifier[0].addr));
    }

    function test_RevertWhen_TheEngagementDoesNotExist() public {
        Bid memory other = bidFor(t, 1);
        Voucher memory v = voucher(Digests.bid(other), 40, 0, START);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.NotEngaged.selector, Digests.bid(other), Status.None));
        redeem(t, other, v);
    }

    function test_RevertWhen_TheTermsAreAnothers() public {
        Terms memory other = t;
        other.challengeSeconds = 0;
        vm.expectRevert(abi.encodeWithSelector(IEscrow.WrongBounty.selector, bountyOf(other), b.bounty));
        redeem(other, b, good());
    }

    function test_RevertWhen_TheVerifierSetIsAnother() public {
        Voucher memory v = good();
        VerifierSet memory set = verifiers();
        set.threshold = 1;
        vm.expectRevert(
            abi.encodeWithSelector(IEscrow.WrongVerifierSet.selector, t.verifierSet, Digests.verifierSet(set))
        );
        escrow.redeem(t, set, b, v.statements, v.verdicts);
    }

    function test_RevertWhen_ThePayeeIsChanged() public {
        Bid memory stolen = b;
        stolen.payee = stranger;
        vm.expectRevert(abi.encodeWithSelector(IEscrow.NotEngaged.selector, Digests.bid(stolen), Status.None));
        redeem(t, stolen, good());
    }
}
