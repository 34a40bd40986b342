// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Attestation, BatchEntry, Status} from "../../src/interfaces/Types.sol";
import {Merkle} from "../utils/Merkle.sol";
import {Four} from "./Four.sol";

/// @notice What the attestations of a batch prove, and whom a wrong one costs.
contract RedeemBatchProofTest is Four {
    /// @dev What a verifier that judges more than this batch signed: the leaves at `places` are named, the others not.
    function partOf(uint256 who, bytes32[] memory leaves, uint256[] memory places)
        private
        view
        returns (Attestation memory a)
    {
        (a.verifier, a.attestedAt) = (verifier[who].addr, uint64(START + 30));
        a.signature = signStatement(verifier[who], Merkle.root(leaves), START + 30);
        (a.proof, a.flags) = Merkle.multiproof(leaves, places);
    }

    function expectSkipped(uint256 i, uint256 who) private {
        vm.expectEmit(address(escrow));
        emit IEvents.Skipped(ids[i], abi.encodeWithSelector(IErrors.NotAttested.selector, verifier[who].addr));
    }

    // ------------------------------------------------------------------------------------------- parts of trees

    function testFuzz_PaysPartOfABiggerTreePerVerifier(uint8 count, uint8[2] memory sizes, uint256 seed) public {
        uint256 engaged = bound(count, 1, 4);
        Attestation[] memory attested = new Attestation[](2);
        for (uint256 who = 0; who < 2; ++who) {
            seed = uint256(keccak256(abi.encode(seed)));
            attested[who] = scattered(who, engaged, bound(sizes[who], engaged, 70), seed);
        }
        assertEq(escrow.redeemBatch(oneOffer(t), attested, entriesFor(engaged)), engaged);
        assertEq(payee.balance, engaged * 10 * RATE);
    }

    function scattered(uint256 who, uint256 engaged, uint256 size, uint256 seed)
        private
        view
        returns (Attestation memory)
    {
        bytes32[] memory leaves = new bytes32[](size);
        for (uint256 i = 0; i < size; ++i) {
            leaves[i] = keccak256(abi.encode(seed, i));
        }
        uint256[] memory places = new uint256[](engaged);
        for (uint256 i = 0; i < engaged; ++i) {
            places[i] = i * (size / engaged) + (seed >> 8 * i) % (size / engaged);
            leaves[places[i]] = leaf(i);
        }
        return partOf(who, leaves, places);
    }

    function test_EntriesMayNameDifferentVerifiers() public {
        Attestation[] memory attested = new Attestation[](3);
        (attested[0], attested[1], attested[2]) = (allOf(0, 0, 2), allOf(1, 0, 1), allOf(2, 1, 2));
        BatchEntry[] memory entries = entriesFor(3);
        entries[1].verdicts[0].packed = pack(1, 0, 7, 10, 0);
        entries[1].verdicts[1].packed = pack(2, 0, 7, 10, 0);
        entries[2].verdicts[1].packed = pack(2, 0, 7, 10, 0);
        assertEq(escrow.redeemBatch(oneOffer(t), attested, entries), 3);
        assertEq(payee.balance, 30 * uint256(RATE));
    }

    /// @dev In a batch the attestation says when, for all its verdicts.
    function test_TheTimeInAVerdictIsNotRead() public {
        Attestation[] memory attested = new Attestation[](2);
        (attested[0], attested[1]) = (allOf(0, 0, 1), allOf(1, 0, 1));
        BatchEntry[] memory entries = entriesFor(2);
        entries[0].verdicts[0].packed = pack(0, type(uint40).max, 7, 10, 0);
        entries[1].verdicts[1].packed = pack(1, 1, 7, 10, 0);
        assertEq(escrow.redeemBatch(oneOffer(t), attested, entries), 2);
    }

    // ------------------------------------------------------------------------------------------- whom a lie costs

    function test_ATamperedVerdictSpoilsOnlyEntriesOfItsAttestation() public {
        Attestation[] memory attested = new Attestation[](4);
        (attested[0], attested[1]) = (allOf(0, 0, 1), allOf(1, 0, 1));
        (attested[2], attested[3]) = (allOf(0, 2, 3), allOf(1, 2, 3));
        BatchEntry[] memory entries = entriesFor(4);
        (entries[2], entries[3]) = (batchEntry(0, bids[2], 10, 0, 2), batchEntry(0, bids[3], 10, 0, 2));
        entries[0].verdicts[1].evidence = 0;
        expectSkipped(0, 1);
        expectSkipped(1, 1);
        assertEq(escrow.redeemBatch(oneOffer(t), attested, entries), 2);
        assertEngagement(ids[1], Status.Active, 0, UNITS, 0);
        assertEngagement(ids[2], Status.Active, 10, UNITS, 0);
        assertEngagement(ids[3], Status.Active, 10, UNITS, 0);
    }

    /// @dev A submitter that trusts one verdict less than the others gives the same statement a second time for it.
    function test_TheSameStatementGivenTwiceIsolates() public {
        bytes32[] memory leaves = new bytes32[](4);
        for (uint256 i = 0; i < 4; ++i) {
            leaves[i] = leaf(i);
        }
        (uint256[] memory one, uint256[] memory rest) = (new uint256[](1), new uint256[](3));
        (rest[0], rest[1], rest[2]) = (1, 2, 3);
        Attestation[] memory attested = new Attestation[](4);
        for (uint256 who = 0; who < 2; ++who) {
            attested[who] = partOf(who, leaves, one);
            attested[2 + who] = partOf(who, leaves, rest);
            assertEq(attested[who].signature, attested[2 + who].signature);
        }
        BatchEntry[] memory entries = entriesFor(4);
        for (uint256 i = 1; i < 4; ++i) {
            entries[i] = batchEntry(0, bids[i], 10, 0, 2);
        }
        entries[0].verdicts[0].packed = pack(0, 0, 7, 11, 0);
        expectSkipped(0, 0);
        assertEq(escrow.redeemBatch(oneOffer(t), attested, entries), 3);
        entries[0].verdicts[0].packed = pack(0, 0, 7, 10, 0);
        assertEq(escrow.redeemBatch(oneOffer(t), attested, entries), 1);
        assertEq(payee.balance, 40 * uint256(RATE));
    }

    function testFuzz_AnyChangeOfAVerdictSpoilsIt(uint8 bit, uint8 which) public {
        Attestation[] memory attested = new Attestation[](2);
        (attested[0], attested[1]) = (allOf(0, 0, 1), allOf(1, 0, 1));
        BatchEntry[] memory entries = entriesFor(2);
        uint256 counts = (7 << 128 | 10 << 64) ^ 1 << bit % 192;
        entries[which % 2].verdicts[0].packed = pack(0, 0, uint64(counts >> 128), uint64(counts >> 64), uint64(counts));
        expectSkipped(0, 0);
        expectSkipped(1, 0);
        assertEq(escrow.redeemBatch(oneOffer(t), attested, entries), 0);
    }
}
