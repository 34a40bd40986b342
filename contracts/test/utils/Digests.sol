// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Award, Bid, Terms, VerifierSet} from "../../src/interfaces/Types.sol";

/// @notice Ids and EIP-712 digests written from DESIGN §3 a second time, so that a test never asks the escrow what is right.
library Digests {
    function domain(string memory name, address verifying) internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256("1"),
                block.chainid,
                verifying
            )
        );
    }

    function typed(bytes32 separator, bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", separator, structHash));
    }

    function bounty(address escrow, Terms memory t) internal view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, escrow, t));
    }

    function verifierSet(VerifierSet memory set) internal pure returns (bytes32) {
        return keccak256(abi.encode(set.threshold, set.members));
    }

    function bid(Bid memory b) internal pure returns (bytes32) {
        bytes32 typehash = keccak256(
            "Bid(bytes32 bounty,address runner,address payee,address node,uint128 rate,uint128 relayFee,uint64 expiresAt,uint256 nonce)"
        );
        return keccak256(abi.encode(typehash, b));
    }

    function award(Award memory a) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Award(bytes32 bounty,bytes32 bid,uint64 expiresAt,bool spare)"), a));
    }

    function statement(bytes32 root, uint64 attestedAt) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Statement(bytes32 root,uint64 attestedAt)"), root, attestedAt));
    }

    function blockClaim(bytes32 engagement, uint64 number, uint64 revision, bytes32 blockHash)
        internal
        pure
        returns (bytes32)
    {
        bytes32 typehash = keccak256("BlockClaim(bytes32 engagement,uint64 number,uint64 revision,bytes32 blockHash)");
        return keccak256(abi.encode(typehash, engagement, number, revision, blockHash));
    }

    function leaf(bytes32 engagement, uint64 epoch, uint64 units, uint64 faults, bytes32 evidence)
        internal
        pure
        returns (bytes32)
    {
        bytes32 typehash =
            keccak256("Verdict(bytes32 engagement,uint64 epoch,uint64 units,uint64 faults,bytes32 evidence)");
        return keccak256(bytes.concat(keccak256(abi.encode(typehash, engagement, epoch, units, faults, evidence))));
    }
}
