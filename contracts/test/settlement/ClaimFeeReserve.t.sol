// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bid, Terms} from "../../src/interfaces/Types.sol";
import {Digests} from "../utils/Digests.sol";
import {FeeBase} from "./FeeBase.sol";

/// @notice Fees are in the reserve from the beginning, and what nobody claims goes home.
contract ClaimFeeReserveTest is FeeBase {
    Terms private t;
    Bid private b;
    uint256 private paid;

    function testFuzz_ReclaimReturnsTheReserveWithoutTheFeesPaid(uint8[3] memory counts, uint64 fee, bool inUsd)
        public
    {
        t = feeTerms(inUsd);
        t.verifierFee = uint64(bound(fee, 1, type(uint64).max));
        b = bidFor(t, 0);
        engageWith(t, b, reserve());
        warpTo(RECLAIM);
        claim(0, counts[0]);
        claim(1, counts[1]);
        claim(2, counts[2]);
        escrow.end(t, verifiers(), b);
        escrow.reclaim(t, verifiers(), b);
        assertEq(feesPaid(Digests.bid(b)), paid);
        assertEq(held(t.token, poster.addr), reserve() - paid);
        assertEq(held(t.token, runner.addr), BOND);
        assertEq(held(t.token, address(escrow)), 0);
    }

    function claim(uint256 who, uint256 count) private {
        count = bound(count, 0, 10);
        paid += count * t.verifierFee;
        if (count != 0) claimFee(t, b, who, START + ENDS, judged(0, uint64(count)));
    }

    function reserve() private view returns (uint256) {
        return RESERVE + 30 * uint256(t.verifierFee);
    }
}
