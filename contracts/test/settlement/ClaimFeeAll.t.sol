// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bid, Terms} from "../../src/interfaces/Types.sol";
import {Digests} from "../utils/Digests.sol";
import {FeeBase} from "./FeeBase.sol";

/// @notice All members claim all epochs, however the engagement ends: that is never more than was reserved for it.
contract ClaimFeeAllTest is FeeBase {
    enum Way {
        Elapsed,
        RunnerNotice,
        PosterNotice,
        Faults,
        Equivocation
    }

    Terms private t;
    Bid private b;
    /// @dev Seconds it worked, and epochs the first verifier was paid for before the end.
    uint256 private worked;
    uint64 private early;

    /// @dev The tightest case: verdicts pay at once, some are claimed in the very second of the end.
    function testFuzz_FeesNeverExceedTheReserve(
        uint32 unitSeconds,
        uint32 epochSeconds,
        uint64 fee,
        uint8 way,
        uint32 when
    ) public {
        agree(unitSeconds, epochSeconds, fee);
        worked = bound(when, 1, length() - 1);
        warpTo(worked);
        early = uint64(worked / t.epochSeconds);
        if (early != 0) claimFee(t, b, 0, START + worked, judged(0, early));
        endAs(Way(way % 5));
        claimAll();
        assertTheRestGoesHome();
    }

    function agree(uint32 unitSeconds, uint32 epochSeconds, uint64 fee) private {
        Terms memory m = feeTerms(false);
        (m.challengeSeconds, m.faultsMax, m.noticeSeconds) = (0, 1, 0);
        m.unitSeconds = uint32(bound(unitSeconds, 1, 1000));
        uint256 most = uint256(UNITS) * m.unitSeconds;
        m.epochSeconds = uint32(bound(epochSeconds, most / 8, 2 * most));
        m.verifierFee = uint64(bound(fee, 1, type(uint64).max));
        t = m;
        b = bidFor(m, 0);
        b.node = makeKey("node").addr;
        engageWith(t, b, kept(length()));
    }

    function endAs(Way way) private {
        if (way == Way.Faults) {
            redeem(t, b, voucher(Digests.bid(b), 0, 1, START + worked));
        } else if (way == Way.Equivocation) {
            equivocate();
        } else {
            if (way == Way.Elapsed) worked = length();
            warpTo(worked);
            if (way != Way.Elapsed) giveNotice(way == Way.RunnerNotice ? runner.addr : poster.addr);
            escrow.end(t, verifiers(), b);
        }
    }

    function giveNotice(address by) private {
        vm.prank(by);
        escrow.giveNotice(t, b);
    }

    function equivocate() private {
        bytes32[2] memory hashes = [keccak256("a"), keccak256("b")];
        bytes[2] memory signatures;
        for (uint256 i = 0; i < 2; ++i) {
            signatures[i] = sign(makeKey("node"), Digests.blockClaim(Digests.bid(b), 1, 0, hashes[i]));
        }
        vm.prank(stranger);
        escrow.slashNode(t, verifiers(), b, 1, 0, hashes, signatures);
    }

    function claimAll() private {
        uint64 all = uint64(epochs(worked));
        for (uint256 i = 0; i < 3; ++i) {
            uint64 done = i == 0 ? early : 0;
            if (all != done) assertEq(claimFee(t, b, i, START + worked, judged(done, all - done)), all - done);
            assertEq(verifier[i].addr.balance, uint256(all) * t.verifierFee);
        }
    }

    function assertTheRestGoesHome() private {
        uint256 released = kept(length()) - kept(worked);
        assertEq(escrowOf(t), released);
        uint256 before = poster.addr.balance;
        warpTo(worked + t.epochSeconds + t.silenceSeconds);
        escrow.reclaim(t, verifiers(), b);
        assertEq(poster.addr.balance - before, kept(worked) - 3 * epochs(worked) * t.verifierFee);
        assertEq(address(escrow).balance, released);
    }

    function length() private view returns (uint256) {
        return uint256(UNITS) * t.unitSeconds;
    }

    /// @dev What has to stay reserved for work that lasted `time` seconds: units begun, and epochs those take.
    function kept(uint256 time) private view returns (uint256) {
        uint256 units = ceil(time, t.unitSeconds);
        return units * RATE + 3 * uint256(t.verifierFee) * epochs(units * t.unitSeconds);
    }

    function epochs(uint256 time) private view returns (uint256) {
        return ceil(time, t.epochSeconds);
    }

    function ceil(uint256 n, uint256 d) private pure returns (uint256) {
        return (n + d - 1) / d;
    }
}
