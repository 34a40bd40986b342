// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {PackedVerdict} from "../../src/libraries/Packing.sol";

/// @notice For every verdict there is: what was packed is what comes out.
contract PackingCheck {
    function check_GettersRoundTrip(uint8 index, uint40 attestedAt, uint64 epoch, uint64 units, uint64 faults)
        external
        pure
    {
        uint256 counts = uint256(epoch) << 128 | uint256(units) << 64 | faults;
        PackedVerdict v = PackedVerdict.wrap(uint256(index) << 232 | uint256(attestedAt) << 192 | counts);
        assert(v.index() == index);
        assert(v.attestedAt() == attestedAt);
        assert(v.epoch() == epoch);
        assert(v.units() == units);
        assert(v.faults() == faults);
    }

    /// @dev Sixteen bits mean nothing; a verdict with dirt there says the same.
    function check_TheTopBitsMeanNothing(uint256 word, uint16 dirt) external pure {
        PackedVerdict v = PackedVerdict.wrap(word);
        PackedVerdict other = PackedVerdict.wrap(word << 16 >> 16 | uint256(dirt) << 240);
        assert(v.index() == other.index());
        assert(v.attestedAt() == other.attestedAt());
        assert(v.epoch() == other.epoch());
        assert(v.units() == other.units());
        assert(v.faults() == other.faults());
    }
}
