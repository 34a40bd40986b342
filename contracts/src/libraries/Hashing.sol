// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Award, Bid, Terms, VerifierSet} from "../interfaces/Types.sol";
import {PackedVerdict} from "./Packing.sol";

/// @notice Ids and EIP-712 struct hashes. `domain` in Rust computes the same ones.
library Hashing {
    bytes32 internal constant BID_TYPEHASH = keccak256(
        "Bid(bytes32 bounty,address runner,address payee,address node,uint128 rate,uint128 relayFee,uint64 expiresAt,uint256 nonce)"
    );
    bytes32 internal constant AWARD_TYPEHASH =
        keccak256("Award(bytes32 bounty,bytes32 bid,uint64 expiresAt,bool spare)");
    bytes32 internal constant VERDICT_TYPEHASH =
        keccak256("Verdict(bytes32 engagement,uint64 epoch,uint64 units,uint64 faults,bytes32 evidence)");
    bytes32 internal constant STATEMENT_TYPEHASH = keccak256("Statement(bytes32 root,uint64 attestedAt)");
    bytes32 internal constant BLOCK_CLAIM_TYPEHASH =
        keccak256("BlockClaim(bytes32 engagement,uint64 number,uint64 revision,bytes32 blockHash)");
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");

    uint256 private constant TERMS_BYTES = 21 * 32;
    uint256 private constant BID_BYTES = 8 * 32;

    /// @dev `keccak256(abi.encode(block.chainid, address(this), terms))`, hashed straight from calldata. Words with dirty high
    /// bits give an id that was never posted, because emitting `Posted` checks every field.
    function bountyId(Terms calldata terms) internal view returns (bytes32 id) {
        assembly ("memory-safe") {
            let start := mload(0x40)
            mstore(start, chainid())
            mstore(add(start, 0x20), address())
            calldatacopy(add(start, 0x40), terms, TERMS_BYTES)
            id := keccak256(start, add(0x40, TERMS_BYTES))
        }
    }

    /// @dev `keccak256(abi.encode(set.threshold, set.members))`; dirty high bits give a hash that no terms name.
    function verifierSet(VerifierSet calldata set) internal pure returns (bytes32 hash) {
        uint256 threshold = set.threshold;
        address[] calldata members = set.members;
        assembly ("memory-safe") {
            let start := mload(0x40)
            let size := mul(members.length, 0x20)
            mstore(start, threshold)
            mstore(add(start, 0x20), 0x40)
            mstore(add(start, 0x40), members.length)
            calldatacopy(add(start, 0x60), members.offset, size)
            hash := keccak256(start, add(0x60, size))
        }
    }

    /// @dev `keccak256(abi.encode(BID_TYPEHASH, b))`; dirty high bits: as in `bountyId`, with `Engaged`.
    function bid(Bid calldata b) internal pure returns (bytes32 hash) {
        bytes32 typehash = BID_TYPEHASH;
        assembly ("memory-safe") {
            let start := mload(0x40)
            mstore(start, typehash)
            calldatacopy(add(start, 0x20), b, BID_BYTES)
            hash := keccak256(start, add(0x20, BID_BYTES))
        }
    }

    function award(Award calldata a) internal pure returns (bytes32) {
        return keccak256(abi.encode(AWARD_TYPEHASH, a));
    }

    /// @dev `keccak256(abi.encode(STATEMENT_TYPEHASH, root, attestedAt))`
    function statement(bytes32 root, uint64 attestedAt) internal pure returns (bytes32 hash) {
        bytes32 typehash = STATEMENT_TYPEHASH;
        assembly ("memory-safe") {
            let start := mload(0x40)
            mstore(start, typehash)
            mstore(add(start, 0x20), root)
            mstore(add(start, 0x40), and(attestedAt, 0xffffffffffffffff))
            hash := keccak256(start, 0x60)
        }
    }

    function blockClaim(bytes32 engagement, uint64 number, uint64 revision, bytes32 blockHash)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(BLOCK_CLAIM_TYPEHASH, engagement, number, revision, blockHash));
    }

    /// @notice The EIP-712 domain of an escrow on this chain, for contracts other than the escrow itself.
    function domainOf(address escrow) internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPEHASH, keccak256("Piecework"), keccak256("1"), block.chainid, escrow));
    }

    function verdictLeaf(bytes32 engagement, PackedVerdict packed, bytes32 evidence) internal pure returns (bytes32) {
        return verdictLeaf(engagement, packed.epoch(), packed.units(), packed.faults(), evidence);
    }

    /// @dev Merkle leaf: the struct hash, hashed once more, so that no inner node can pass for a leaf.
    function verdictLeaf(bytes32 engagement, uint64 epoch, uint64 units, uint64 faults, bytes32 evidence)
        internal
        pure
        returns (bytes32 leaf)
    {
        bytes32 typehash = VERDICT_TYPEHASH;
        assembly ("memory-safe") {
            let start := mload(0x40)
            mstore(start, typehash)
            mstore(add(start, 0x20), engagement)
            mstore(add(start, 0x40), and(epoch, 0xffffffffffffffff))
            mstore(add(start, 0x60), and(units, 0xffffffffffffffff))
            mstore(add(start, 0x80), and(faults, 0xffffffffffffffff))
            mstore(add(start, 0xa0), evidence)
            mstore(0, keccak256(start, 0xc0))
            leaf := keccak256(0, 0x20)
        }
    }

    /// @notice The root that `proof` leads to from `leaf`.
    /// @dev OpenZeppelin's `MerkleProof.processProofCalldata` in one loop: a redemption walks two paths, which is a fiftieth of its
    /// cost. A test compares the two.
    function rootFrom(bytes32 leaf, bytes32[] calldata proof) internal pure returns (bytes32 root) {
        assembly ("memory-safe") {
            root := leaf
            let end := add(proof.offset, mul(proof.length, 0x20))
            for { let at := proof.offset } lt(at, end) { at := add(at, 0x20) } {
                let sibling := calldataload(at)
                // The lower of the two comes first.
                let second := mul(lt(root, sibling), 0x20)
                mstore(second, sibling)
                mstore(xor(second, 0x20), root)
                root := keccak256(0, 0x40)
            }
        }
    }
}
