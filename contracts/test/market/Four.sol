// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Attestation, BatchEntry, Bid, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";

/// @notice Four engagements of one bounty, each with ten units to redeem.
abstract contract Four is Base {
    Terms internal t;
    Bid[4] internal bids;
    bytes32[4] internal ids;

    function setUp() public virtual override {
        super.setUp();
        Terms memory terms = nativeTerms();
        terms.seats = 4;
        post(terms, 4 * RESERVE);
        deposit(address(0), runner.addr, 4 * BOND);
        for (uint256 i = 0; i < 4; ++i) {
            Bid memory b = bidFor(terms, i);
            (bids[i], ids[i]) = (b, award(terms, b));
        }
        t = terms;
        warpTo(50);
    }

    /// @dev Ten units of every engagement.
    function leaf(uint256 i) internal view returns (bytes32) {
        return leafOf(ids[i], 10, 0);
    }

    function entriesFor(uint256 count) internal view returns (BatchEntry[] memory entries) {
        entries = new BatchEntry[](count);
        for (uint256 i = 0; i < count; ++i) {
            entries[i] = batchEntry(0, bids[i], 10, 0);
        }
    }

    function allOf(uint256 who, uint256 first, uint256 second) internal view returns (Attestation memory) {
        bytes32[] memory leaves = new bytes32[](2);
        (leaves[0], leaves[1]) = (leaf(first), leaf(second));
        return attestation(who, leaves, START + 30);
    }
}
