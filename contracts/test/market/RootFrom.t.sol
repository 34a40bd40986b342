// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Hashing} from "../../src/libraries/Hashing.sol";
import {Merkle} from "../utils/Merkle.sol";
import {Test} from "../utils/Test.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

contract Roots {
    function ours(bytes32 leaf, bytes32[] calldata proof) external pure returns (bytes32) {
        return Hashing.rootFrom(leaf, proof);
    }

    function theirs(bytes32 leaf, bytes32[] calldata proof) external pure returns (bytes32) {
        return MerkleProof.processProofCalldata(proof, leaf);
    }
}

/// @notice The escrow walks Merkle paths with code of its own: it must go where OpenZeppelin's goes.
contract RootFromTest is Test {
    Roots private roots;

    function setUp() public {
        roots = new Roots();
    }

    function testFuzz_LeadsWhereOpenZeppelinsDoes(bytes32 leaf, bytes32[] calldata proof) public view {
        assertEq(roots.ours(leaf, proof), roots.theirs(leaf, proof));
    }

    /// @dev Random words are never equal and rarely close.
    function testFuzz_AlsoWhereSiblingsAreEqualOrNext(bytes32 leaf, uint8 length, uint256 seed) public view {
        bytes32[] memory proof = new bytes32[](bound(length, 0, 32));
        bytes32 node = leaf;
        for (uint256 i = 0; i < proof.length; ++i) {
            uint256 near = uint256(node);
            unchecked {
                near = near + (seed >> 2 * i & 3) - 1;
            }
            proof[i] = bytes32(near);
            bytes32[] memory one = new bytes32[](1);
            one[0] = proof[i];
            node = roots.theirs(node, one);
        }
        assertEq(roots.ours(leaf, proof), node);
    }

    function test_AtTheEndsOfTheRange() public view {
        bytes32[2] memory ends = [bytes32(0), bytes32(type(uint256).max)];
        bytes32[] memory proof = new bytes32[](2);
        for (uint256 i = 0; i < 8; ++i) {
            (proof[0], proof[1]) = (ends[i & 1], ends[i >> 1 & 1]);
            assertEq(roots.ours(ends[i >> 2], proof), roots.theirs(ends[i >> 2], proof));
        }
    }

    function testFuzz_IsTheLeafWithoutAPath(bytes32 leaf) public view {
        assertEq(roots.ours(leaf, new bytes32[](0)), leaf);
    }

    function testFuzz_LeadsFromEveryLeafToTheRoot(uint8 size, uint8 index, bytes32 seed) public view {
        bytes32[] memory leaves = new bytes32[](bound(size, 1, 70));
        for (uint256 i = 0; i < leaves.length; ++i) {
            leaves[i] = keccak256(abi.encode(seed, i));
        }
        uint256 mine = bound(index, 0, leaves.length - 1);
        assertEq(roots.ours(leaves[mine], Merkle.proof(leaves, mine)), Merkle.root(leaves));
    }
}
