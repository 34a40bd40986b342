// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Award, Bid, Terms, VerifierSet} from "../interfaces/IEscrow.sol";

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

    function verifierSet(VerifierSet calldata set) internal pure returns (bytes32) {
        return keccak256(abi.encode(set.threshold, set.members));
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

    function statement(bytes32 root, uint64 attestedAt) internal pure returns (bytes32) {
        return keccak256(abi.encode(STATEMENT_TYPEHASH, root, attestedAt));
    }

    /// @dev Merkle leaf: the struct hash, hashed once more, so that no inner node can pass for a leaf.
    function verdictLeaf(bytes32 engagement, uint64 epoch, uint64 units, uint64 faults, bytes32 evidence)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(
            bytes.concat(keccak256(abi.encode(VERDICT_TYPEHASH, engagement, epoch, units, faults, evidence)))
        );
    }
}
