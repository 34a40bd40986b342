// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Attestation, BatchEntry} from "../../src/interfaces/Types.sol";
import {Four} from "./Four.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

/// @notice Batches that are refused as a whole, and entries whose verdicts are not enough.
contract RedeemBatchRefusalsTest is Four {
    function malformed(Attestation memory first, bytes memory why) private {
        Attestation[] memory attested = new Attestation[](2);
        (attested[0], attested[1]) = (first, allOf(1, 0, 1));
        vm.expectRevert(why);
        escrow.redeemBatch(oneOffer(t), attested, entriesFor(2));
    }

    /// @dev Its submitter can see that beforehand; a skipped entry would hide it.
    function test_RevertWhen_AMultiproofIsMalformed() public {
        bytes memory invalid = abi.encodeWithSelector(MerkleProof.MerkleProofInvalidMultiproof.selector);
        Attestation memory a = allOf(0, 0, 1);
        a.proof = new bytes32[](1);
        malformed(a, invalid);
        // More leaves than steps can join.
        a = allOf(0, 0, 1);
        a.flags = new bool[](0);
        malformed(a, invalid);
        // A step too many.
        a = allOf(0, 0, 1);
        a.flags = new bool[](2);
        malformed(a, invalid);
        // A node that no step takes.
        (a.proof, a.flags[0], a.flags[1]) = (new bytes32[](1), true, true);
        malformed(a, invalid);
        // A step that takes a node too many.
        (a.flags[0], a.flags[1]) = (false, false);
        malformed(a, abi.encodeWithSignature("Panic(uint256)", 0x32));
    }

    function test_RevertWhen_AnAttestationHoldsNothing() public {
        Attestation[] memory attested = new Attestation[](3);
        (attested[0], attested[1]) = (allOf(0, 0, 1), allOf(1, 0, 1));
        vm.expectRevert(abi.encodeWithSelector(MerkleProof.MerkleProofInvalidMultiproof.selector));
        escrow.redeemBatch(oneOffer(t), attested, entriesFor(2));
        // One that holds a verdict nobody names is left alone.
        attested[2].proof = new bytes32[](1);
        assertEq(escrow.redeemBatch(oneOffer(t), attested, entriesFor(2)), 2);
    }

    function skipsFirst(Attestation[] memory attested, BatchEntry[] memory entries, bytes memory why) private {
        vm.expectEmit(address(escrow));
        emit IEvents.Skipped(ids[0], why);
        assertEq(escrow.redeemBatch(oneOffer(t), attested, entries), 0);
    }

    function alone(uint256 who, uint256 attestedAt) private view returns (Attestation memory) {
        bytes32[] memory leaves = new bytes32[](1);
        leaves[0] = leaf(0);
        return attestation(who, leaves, attestedAt);
    }

    function test_SkipsAVerifierThatCountsTwice() public {
        bytes memory why = abi.encodeWithSelector(IErrors.NotVerifier.selector, verifier[1].addr);
        Attestation[] memory attested = new Attestation[](2);
        (attested[0], attested[1]) = (alone(1, START + 30), alone(1, START + 29));
        skipsFirst(attested, entriesFor(1), why);
        // By one statement that holds the verdict twice.
        BatchEntry[] memory entries = entriesFor(1);
        entries[0].verdicts[1].packed = entries[0].verdicts[0].packed;
        attested = new Attestation[](1);
        attested[0] = allOf(1, 0, 0);
        skipsFirst(attested, entries, why);
    }

    function test_SkipsVerdictsThatAreNotAscending() public {
        Attestation[] memory attested = new Attestation[](2);
        (attested[0], attested[1]) = (alone(2, START + 30), alone(0, START + 30));
        skipsFirst(attested, entriesFor(1), abi.encodeWithSelector(IErrors.NotVerifier.selector, verifier[0].addr));
    }

    function testFuzz_SkipsAnAttestationThatIsNotThere(uint8 index) public {
        uint256 place = bound(index, 2, type(uint8).max);
        Attestation[] memory attested = new Attestation[](2);
        (attested[0], attested[1]) = (alone(0, START + 30), alone(1, START + 30));
        attested[1].proof = new bytes32[](1);
        attested[1].proof[0] = leaf(0);
        BatchEntry[] memory entries = entriesFor(1);
        entries[0].verdicts[1].packed = pack(place, 0, 7, 10, 0);
        // Unnamed, the second one's leaf must come as a node.
        skipsFirst(attested, entries, abi.encodeWithSelector(IErrors.NoSuchAttestation.selector, 2, place));
    }
}
