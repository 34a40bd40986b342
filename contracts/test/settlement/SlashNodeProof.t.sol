// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {Bid, Status, Terms, VerifierSet} from "../../src/interfaces/Types.sol";
import {Digests} from "../utils/Digests.sol";
import {NodeBase} from "./NodeBase.sol";

/// @notice What proves no equivocation.
contract SlashNodeProofTest is NodeBase {
    Terms private t;
    Bid private b;
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        t = nativeTerms();
        b = nodeBid(t, 0);
        id = engage(t, b);
    }

    /// @dev In either place, and nothing has moved.
    function expectBadSignature(bytes memory wrong) private {
        uint256 before = address(escrow).balance;
        for (uint256 i = 0; i < 2; ++i) {
            bytes[2] memory signatures = proofOf(node, id);
            signatures[i] = wrong;
            vm.expectRevert(abi.encodeWithSelector(IErrors.BadSignature.selector, node.addr));
            slashNode(t, b, hashes(), signatures);
        }
        assertEngagement(id, Status.Active, 0, UNITS, 0);
        assertEq(address(escrow).balance, before);
    }

    function test_RevertWhen_TheHashesAreTheSame() public {
        bytes[2] memory signatures = proofOf(node, id);
        signatures[1] = signCompact(node, Digests.blockClaim(id, NUMBER, REVISION, hashes()[0]));
        bytes32[2] memory same = [hashes()[0], hashes()[0]];
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEquivocated.selector));
        slashNode(t, b, same, signatures);
    }

    function testFuzz_RevertWhen_TheNumberIsAnother(uint64 number) public {
        vm.assume(number != NUMBER);
        expectBadSignature(claimOf(node, id, number, REVISION, hashes()[0]));
        expectBadSignature(claimOf(node, id, number, REVISION, hashes()[1]));
    }

    /// @dev A block built again after a reorganisation is no lie.
    function testFuzz_RevertWhen_TheRevisionIsAnother(uint64 revision) public {
        vm.assume(revision != REVISION);
        expectBadSignature(claimOf(node, id, NUMBER, revision, hashes()[0]));
        expectBadSignature(claimOf(node, id, NUMBER, revision, hashes()[1]));
    }

    function test_RevertWhen_TheEngagementIsAnother() public {
        Bid memory second = nodeBid(t, 1);
        engageToo(second);
        bytes32 other = Digests.bid(second);
        expectBadSignature(claimOf(node, other, NUMBER, REVISION, hashes()[0]));
        expectBadSignature(claimOf(node, other, NUMBER, REVISION, hashes()[1]));
        // What convicts the node here leaves its other engagement alone.
        slashNode(t, b);
        assertEngagement(other, Status.Active, 0, UNITS, 0);
        vm.expectRevert(abi.encodeWithSelector(IErrors.BadSignature.selector, node.addr));
        slashNode(t, second, hashes(), proofOf(node, id));
    }

    function engageToo(Bid memory second) private {
        vm.deal(stranger, RESERVE);
        vm.prank(stranger);
        escrow.fund{value: RESERVE}(t, RESERVE);
        deposit(address(0), runner.addr, BOND);
        award(t, second);
    }

    function test_RevertWhen_TheKeyIsAnothers() public {
        expectBadSignature(claimOf(runner, id, NUMBER, REVISION, hashes()[0]));
        expectBadSignature(claimOf(runner, id, NUMBER, REVISION, hashes()[1]));
        expectBadSignature("");
    }

    function test_RevertWhen_ItIsSignedForAnotherEscrow() public {
        for (uint256 i = 0; i < 2; ++i) {
            bytes32 structHash = Digests.blockClaim(id, NUMBER, REVISION, hashes()[i]);
            bytes32 domain = Digests.domain("Piecework", stranger);
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(node.secret, Digests.typed(domain, structHash));
            expectBadSignature(abi.encodePacked(r, s, v));
        }
    }

    // ------------------------------------------------------------------------------------------- in which state

    function test_RevertWhen_ItWasSlashedBefore() public {
        slashNode(t, b);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NothingBonded.selector, runner.addr));
        slashNode(t, b);
        assertEq(stranger.balance, BOND / 2);
    }

    function test_RevertWhen_ItIsNotEngagedOrClosed() public {
        Bid memory never = nodeBid(t, 1);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEngaged.selector, Digests.bid(never), Status.None));
        slashNode(t, never);
        warpTo(RECLAIM);
        escrow.end(t, verifiers(), b);
        escrow.reclaim(t, verifiers(), b);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEngaged.selector, id, Status.Closed));
        slashNode(t, b);
        assertEq(runner.addr.balance, BOND);
    }

    function test_RevertWhen_TheTermsOrTheVerifierSetAreAnothers() public {
        VerifierSet memory set = VerifierSet(2, new address[](32));
        bytes[2] memory signatures = proofOf(node, id);
        vm.expectRevert(
            abi.encodeWithSelector(IErrors.WrongVerifierSet.selector, t.verifierSet, Digests.verifierSet(set))
        );
        escrow.slashNode(t, set, b, NUMBER, REVISION, hashes(), signatures);
        Terms memory others = t;
        others.poster = stranger;
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongBounty.selector, bountyOf(others), b.bounty));
        slashNode(others, b);
    }

    function test_TheEscrowHashesAClaimAsDesigned() public view {
        bytes32 expected = digest(Digests.blockClaim(id, NUMBER, REVISION, hashes()[0]));
        assertEq(escrow.blockClaimDigest(id, NUMBER, REVISION, hashes()[0]), expected);
    }
}
