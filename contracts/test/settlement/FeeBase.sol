// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IEvents} from "../../src/interfaces/IEvents.sol";
import {
    Attestation,
    Bid,
    FeeEntry,
    Offer,
    SignedVerdict,
    Subject,
    Terms,
    Verdict
} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {Digests} from "../utils/Digests.sol";

/// @notice What tests of verifiers' fees do.
/// @dev Helpers make exactly one call to the escrow, so `vm.expectRevert` and `vm.expectEmit` may stand right before them.
abstract contract FeeBase is Base {
    uint128 internal constant FEE = 0.01 ether;
    /// @dev Of an undisturbed engagement: ten epochs of three verifiers.
    uint256 internal constant FEES = 30 * uint256(FEE);

    function feeTerms(bool inUsd) internal view returns (Terms memory t) {
        t = inUsd ? usdTerms() : nativeTerms();
        t.verifierFee = FEE;
    }

    /// @notice Posts with exactly `reserve`, deposits the bond and awards.
    function engageWith(Terms memory t, Bid memory b, uint256 reserve) internal returns (bytes32) {
        post(t, reserve);
        deposit(t.token, b.runner, t.bond);
        return award(t, b);
    }

    function engageForFees(Terms memory t, Bid memory b) internal returns (bytes32) {
        return engageWith(t, b, RESERVE + FEES);
    }

    // ------------------------------------------------------------------------------------------- entries

    /// @notice Verdicts about `count` epochs from `first` on.
    function judged(uint64 first, uint64 count) internal pure returns (Verdict[] memory verdicts) {
        verdicts = new Verdict[](count);
        for (uint64 i = 0; i < count; ++i) {
            verdicts[i] = Verdict({epoch: first + i, units: 10 * (first + i + 1), faults: 0, evidence: EVIDENCE});
        }
    }

    function judged(uint64 epoch) internal pure returns (Verdict[] memory) {
        return judged(epoch, 1);
    }

    function one(uint32 offer, Bid memory b, Verdict[] memory verdicts) internal pure returns (FeeEntry[] memory all) {
        all = new FeeEntry[](1);
        all[0] = FeeEntry(offer, b, verdicts);
    }

    function leavesOf(FeeEntry[] memory entries) internal pure returns (bytes32[] memory leaves) {
        uint256 count = 0;
        for (uint256 i = 0; i < entries.length; ++i) {
            count += entries[i].verdicts.length;
        }
        leaves = new bytes32[](count);
        uint256 next = 0;
        for (uint256 i = 0; i < entries.length; ++i) {
            bytes32 id = Digests.bid(entries[i].bid);
            for (uint256 j = 0; j < entries[i].verdicts.length; ++j) {
                Verdict memory v = entries[i].verdicts[j];
                leaves[next++] = Digests.leaf(id, v.epoch, v.units, v.faults, v.evidence);
            }
        }
    }

    // ------------------------------------------------------------------------------------------- calls

    function claimFee(Terms memory t, uint256 who, uint256 attestedAt, FeeEntry[] memory entries)
        internal
        returns (uint256)
    {
        Attestation memory a = attestation(who, leavesOf(entries), attestedAt);
        return claimBy(oneOffer(t), a, entries);
    }

    /// @notice The verifier sends it itself.
    function claimBy(Offer[] memory offers, Attestation memory a, FeeEntry[] memory entries)
        internal
        returns (uint256)
    {
        vm.prank(a.verifier);
        return escrow.claimFee(offers, a, entries);
    }

    function claimFee(Terms memory t, Bid memory b, uint256 who, uint256 attestedAt, Verdict[] memory verdicts)
        internal
        returns (uint256)
    {
        return claimFee(t, who, attestedAt, one(0, b, verdicts));
    }

    /// @notice The arbiter, a stranger, finds that verifiers 0 and 1 approved one unit too many. Starts at second 50.
    function eject(Terms memory t, Bid memory b) internal {
        warpTo(50);
        SignedVerdict[] memory verdicts = voucher(Digests.bid(b), 40, 0, START + 45);
        deposit(t.token, poster.addr, 40 * uint256(RATE));
        vm.prank(poster.addr);
        escrow.dispute(t, verifiers(), b, Subject.Units, 0, verdicts);
        vm.prank(stranger);
        escrow.rule(t, verifiers(), b, Subject.Units, 39);
    }

    // ------------------------------------------------------------------------------------------- what is so

    function expectClaimed(bytes32 id, address who, uint256 epochs, uint64 next, uint256 amount) internal {
        vm.expectEmit(address(escrow));
        emit IEvents.FeeClaimed(id, who, epochs, next, amount);
    }

    function expectSkipped(bytes32 id, bytes memory reason) internal {
        vm.expectEmit(address(escrow));
        emit IEvents.Skipped(id, reason);
    }

    function expectSkipped(bytes32 id, bytes4 selector, uint256 expected, uint256 actual) internal {
        expectSkipped(id, abi.encodeWithSelector(selector, expected, actual));
    }

    function feesPaid(bytes32 id) internal view returns (uint256) {
        return escrow.record(id).feesPaid;
    }
}
