// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../../src/interfaces/IMarket.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {Attestation, BatchEntry, FeeEntry, Offer, Terms, Verdict} from "../../src/interfaces/Types.sol";
import {Digests} from "../utils/Digests.sol";
import {HandlerMarket} from "./HandlerMarket.sol";

/// @notice Verdicts become pay, penalties and fees, one at a time and many.
abstract contract HandlerVouchers is HandlerMarket {
    /// @dev Two verdicts that need not agree: the lower counts, the later attestation.
    /// @param ages how much longer ago than the challenge window they were attested
    function redeemOne(uint256 i, uint64[2] memory units, uint64[2] memory faults, uint256[2] memory ages)
        external
        step
    {
        uint256 picked = pickOrWait(i, _provable);
        if (picked == NONE) return;
        Entry storage e = entries[picked];
        uint256[2] memory who = signersOf(e, ages[0]);
        uint256 latest = time - offers[e.offer].challengeSeconds;
        for (uint256 k = 0; k < 2; ++k) {
            ages[k] = latest - bound(ages[k], 0, 12);
            // Often all of them: that ends it too.
            units[k] = uint64(bound(units[k], 0, 2 * e.unitsMax));
            // Mostly none: three of them end it.
            faults[k] = uint64(bound(faults[k], 0, 12));
            if (faults[k] > 4) faults[k] = 0;
        }
        Finding memory f;
        (f.units, f.faults) = (min(units[0], units[1]), min(faults[0], faults[1]));
        (f.attestedAt, f.signers) = (max(ages[0], ages[1]), 1 << who[0] | 1 << who[1]);
        bytes memory data = abi.encodeCall(
            IMarket.redeem, (offers[e.offer], verifiers(), e.bid, voucher(e.id, units, faults, ages, who))
        );
        if (!redeemed(e, f, relayer)) return;
        note("redeem");
        send(relayer, 0, data);
    }

    function _provable(Entry storage e) private view returns (bool) {
        if (!lives(e) || signersOf(e, 0)[1] == 0) return false;
        uint256 latest = time - offers[e.offer].challengeSeconds;
        return latest >= e.resolvedAt && unitsCap(e, latest) > e.units;
    }

    /// @dev Everything there is, in one tree and one batch; what can't be redeemed must be skipped.
    function redeemAll(uint64 units, uint64 faults) external step {
        uint256 length = entries.length;
        if (length == 0) return;
        units = uint64(bound(units, 0, 150));
        faults = uint64(bound(faults, 0, 9));
        if (faults > 2) faults = 0;
        bytes32[] memory leaves = new bytes32[](length);
        BatchEntry[] memory batch = new BatchEntry[](length);
        uint256 expected = 0;
        for (uint256 i = 0; i < length; ++i) {
            leaves[i] = leafOf(entries[i].id, units, faults);
            batch[i] = batchEntry(uint32(entries[i].offer), entries[i].bid, units, faults);
            if (redeemed(entries[i], Finding(units, faults, time - CHALLENGE, 3), refuser)) ++expected;
        }
        if (expected > 1) note("redeem several");
        if (expected < length) note("redeem skips");
        Attestation[] memory by = attestations(leaves, time - CHALLENGE);
        bytes memory answer = send(refuser, 0, abi.encodeCall(IMarket.redeemBatch, (_allOffers(), by, batch)));
        require(abi.decode(answer, (uint256)) == expected, "redeemed");
    }

    function _allOffers() internal view returns (Offer[] memory all) {
        all = new Offer[](OFFERS);
        for (uint256 i = 0; i < OFFERS; ++i) {
            all[i] = Offer(offers[i], verifiers());
        }
    }

    // ------------------------------------------------------------------------------------------------- fees

    /// @param gap epochs left out between those that are claimed
    function claimFees(uint256 i, uint256 k, uint256 judged, uint256 gap) external step {
        uint256 picked = pickOrWait(i, _owesFees);
        if (picked == NONE) return;
        Entry storage e = entries[picked];
        for (k %= 3; e.ejected >> k & 1 != 0; k = (k + 1) % 3) {}
        uint256 attestedAt = time - offers[e.offer].challengeSeconds;
        (uint256 next, uint256 over) = (e.nextEpoch[k], epochsOver(e, attestedAt));
        uint256 left = epochs(offers[e.offer], e.unitsMax) - e.epochsPaid[k];
        if (next >= over || left == 0) return;
        gap = bound(gap, 1, 3);
        uint256[] memory chosen = new uint256[](bound(judged, 1, min(6, min(left, ceil(over - next, gap)))));
        for (uint256 j = 0; j < chosen.length; ++j) {
            chosen[j] = next + j * gap;
        }
        FeeEntry[] memory claims = new FeeEntry[](1);
        claims[0] = _feeEntry(e, chosen);
        uint256 expected = feeClaimed(e, k, chosen, attestedAt);
        require(expected == chosen.length, "valid");
        note("claim fee");
        _claim(k, claims, attestedAt, expected);
    }

    /// @dev The next two epochs of everything there is; what can't be claimed must be skipped.
    function claimAllFees(uint256 k, bool second) external step {
        k %= 3;
        if (entries.length == 0) return;
        FeeEntry[] memory claims = new FeeEntry[](entries.length);
        uint256 expected = 0;
        uint256 several = 0;
        for (uint256 i = 0; i < entries.length; ++i) {
            uint256[] memory chosen = new uint256[](second ? 2 : 1);
            chosen[0] = entries[i].nextEpoch[k];
            if (second) chosen[1] = chosen[0] + 1;
            claims[i] = _feeEntry(entries[i], chosen);
            uint256 now_ = feeClaimed(entries[i], k, chosen, time - CHALLENGE);
            if (now_ != 0) ++several;
            expected += now_;
        }
        if (several > 1) note("claim several fees");
        if (several < entries.length) note("claim skips");
        _claim(k, claims, time - CHALLENGE, expected);
    }

    function _owesFees(Entry storage e) private view returns (bool) {
        Terms storage t = offers[e.offer];
        if (!lives(e) || t.verifierFee == 0 || e.ejected == 7) return false;
        uint256 next = max(e.nextEpoch[0], max(e.nextEpoch[1], e.nextEpoch[2]));
        return epochsOver(e, time - t.challengeSeconds) > next;
    }

    function _feeEntry(Entry storage e, uint256[] memory chosen) private view returns (FeeEntry memory claim) {
        (claim.offer, claim.bid, claim.verdicts) = (uint32(e.offer), e.bid, new Verdict[](chosen.length));
        for (uint256 j = 0; j < chosen.length; ++j) {
            claim.verdicts[j] = Verdict(uint64(chosen[j]), uint64(chosen[j]), 0, EVIDENCE);
        }
    }

    function _claim(uint256 k, FeeEntry[] memory claims, uint256 attestedAt, uint256 expected) private {
        uint256 each = claims[0].verdicts.length;
        bytes32[] memory leaves = new bytes32[](claims.length * each);
        for (uint256 j = 0; j < leaves.length; ++j) {
            Verdict memory v = claims[j / each].verdicts[j % each];
            leaves[j] = Digests.leaf(Digests.bid(claims[j / each].bid), v.epoch, v.units, v.faults, v.evidence);
        }
        Attestation memory by = attestation(k, leaves, attestedAt);
        bytes memory answer = send(by.verifier, 0, abi.encodeCall(ISettlement.claimFee, (_allOffers(), by, claims)));
        require(abi.decode(answer, (uint256)) == expected, "epochs paid");
    }
}
