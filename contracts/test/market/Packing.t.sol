// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {PackedVerdict} from "../../src/libraries/Packing.sol";
import {Test} from "../utils/Test.sol";

/// @notice One word of calldata, read back field by field.
contract PackingTest is Test {
    function testFuzz_EachFieldComesOutAsItWentIn(
        uint8 index,
        uint40 attestedAt,
        uint64 epoch,
        uint64 units,
        uint64 faults
    ) public pure {
        PackedVerdict v = PackedVerdict.wrap(
            uint256(bytes32(abi.encodePacked(uint16(0), index, attestedAt, epoch, units, faults)))
        );
        assertEq(v.index(), index);
        assertEq(v.attestedAt(), attestedAt);
        assertEq(v.epoch(), epoch);
        assertEq(v.units(), units);
        assertEq(v.faults(), faults);
    }

    /// @dev The highest sixteen bits mean nothing.
    function testFuzz_AnyWordHasFieldsWithinTheirBits(uint256 word) public pure {
        PackedVerdict v = PackedVerdict.wrap(word);
        bytes memory fields =
            abi.encodePacked(uint8(v.index()), uint40(v.attestedAt()), v.epoch(), v.units(), v.faults());
        assertLe(v.index(), type(uint8).max, "index");
        assertLe(v.attestedAt(), type(uint40).max, "attestedAt");
        assertEq(bytes.concat(bytes2(bytes32(word)), fields), abi.encode(word));
    }

    function test_OneBitMovesOneField() public pure {
        for (uint256 bit = 0; bit < 256; ++bit) {
            PackedVerdict v = PackedVerdict.wrap(1 << bit);
            assertEq(v.faults(), bit < 64 ? 1 << bit : 0);
            assertEq(v.units(), bit >= 64 && bit < 128 ? 1 << (bit - 64) : 0);
            assertEq(v.epoch(), bit >= 128 && bit < 192 ? 1 << (bit - 128) : 0);
            assertEq(v.attestedAt(), bit >= 192 && bit < 232 ? 1 << (bit - 192) : 0);
            assertEq(v.index(), bit >= 232 && bit < 240 ? 1 << (bit - 232) : 0);
        }
    }
}
