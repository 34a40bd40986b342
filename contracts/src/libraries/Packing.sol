// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice A verdict's numbers in one word of calldata, from the high end: 16 bits 0, index 8, attestedAt 40, epoch 64, units 64,
/// faults 64. What the index points to is said where the type is used.
/// @dev Calldata is a third of what a redemption costs; five words for these would be four too many.
type PackedVerdict is uint256;

using Packing for PackedVerdict global;

library Packing {
    function index(PackedVerdict v) internal pure returns (uint256) {
        return PackedVerdict.unwrap(v) >> 232 & type(uint8).max;
    }

    function attestedAt(PackedVerdict v) internal pure returns (uint64) {
        return uint64(PackedVerdict.unwrap(v) >> 192 & type(uint40).max);
    }

    function epoch(PackedVerdict v) internal pure returns (uint64) {
        return uint64(PackedVerdict.unwrap(v) >> 128);
    }

    function units(PackedVerdict v) internal pure returns (uint64) {
        return uint64(PackedVerdict.unwrap(v) >> 64);
    }

    function faults(PackedVerdict v) internal pure returns (uint64) {
        return uint64(PackedVerdict.unwrap(v));
    }
}
