// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice Merkle trees with OpenZeppelin's commutative hashing, built as a queue: the two front nodes become one at the back. Every
/// set of all leaves is proven by the same flags, and a leaf's path is what the queue pairs it with.
library Merkle {
    function root(bytes32[] memory leaves) internal pure returns (bytes32) {
        return _nodes(leaves)[2 * leaves.length - 2];
    }

    function proof(bytes32[] memory leaves, uint256 index) internal pure returns (bytes32[] memory path) {
        bytes32[] memory nodes = _nodes(leaves);
        bytes32[] memory longest = new bytes32[](32);
        uint256 length = 0;
        // Node i and its sibling i ^ 1 become node leaves.length + i / 2.
        while (index < nodes.length - 1) {
            longest[length++] = nodes[index ^ 1];
            index = leaves.length + index / 2;
        }
        path = new bytes32[](length);
        for (uint256 i = 0; i < length; ++i) {
            path[i] = longest[i];
        }
    }

    /// @notice The multiproof of all leaves at once takes no nodes, only "both from the queue" at every step.
    function allFlags(uint256 leaves) internal pure returns (bool[] memory flags) {
        flags = new bool[](leaves - 1);
        for (uint256 i = 0; i < flags.length; ++i) {
            flags[i] = true;
        }
    }

    /// @notice The multiproof of the leaves at `indexes`, ascending: a node's sibling comes from the queue if it is next there, else
    /// from the proof.
    function multiproof(bytes32[] memory leaves, uint256[] memory indexes)
        internal
        pure
        returns (bytes32[] memory path, bool[] memory flags)
    {
        bytes32[] memory nodes = _nodes(leaves);
        uint256[] memory queue = new uint256[](2 * nodes.length);
        for (uint256 i = 0; i < indexes.length; ++i) {
            queue[i] = indexes[i];
        }
        path = new bytes32[](nodes.length);
        flags = new bool[](nodes.length);
        (uint256 front, uint256 back, uint256 taken, uint256 step) = (0, indexes.length, 0, 0);
        while (queue[front] != nodes.length - 1) {
            uint256 node = queue[front++];
            if (front < back && queue[front] == node ^ 1) (flags[step], front) = (true, front + 1);
            else path[taken++] = nodes[node ^ 1];
            queue[back++] = leaves.length + node / 2;
            ++step;
        }
        assembly ("memory-safe") {
            mstore(path, taken)
            mstore(flags, step)
        }
    }

    function _nodes(bytes32[] memory leaves) private pure returns (bytes32[] memory nodes) {
        nodes = new bytes32[](2 * leaves.length - 1);
        for (uint256 i = 0; i < leaves.length; ++i) {
            nodes[i] = leaves[i];
        }
        for (uint256 i = leaves.length; i < nodes.length; ++i) {
            uint256 left = 2 * (i - leaves.length);
            nodes[i] = _pair(nodes[left], nodes[left + 1]);
        }
    }

    function _pair(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
    }
}
