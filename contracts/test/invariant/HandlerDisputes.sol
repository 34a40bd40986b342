// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ICourt} from "../../src/interfaces/ICourt.sol";
import {Assertion, Bid, Dispute, SignedVerdict, Subject, Terms} from "../../src/interfaces/Types.sol";
import {HandlerSettlement} from "./HandlerSettlement.sol";

/// @notice Somebody says, or doesn't believe it.
abstract contract HandlerDisputes is HandlerSettlement {
    function assertWork(uint256 i, uint64 units, bool fresh) external step {
        _assertWork(i, units, fresh);
    }

    function _assertWork(uint256 i, uint64 units, bool fresh) internal {
        uint256 picked = pick(i, _assertable);
        if (picked == NONE) return;
        Entry storage e = entries[picked];
        Terms memory t = offers[e.offer];
        waitUntil(_assertAt(e));
        units = uint64(bound(units, e.units + 1, unitsCap(e, time - t.silenceSeconds)));
        uint256 bond = contestBond(units - e.units, e.bid.rate, e.lostByRunner);
        uint256 value = bondFrom(e.bid.runner, t.token, bond, fresh);
        send(e.bid.runner, value, abi.encodeCall(ICourt.assertUnits, (t, verifiers(), e.bid, units)));
        note("assert units");
        touch(e);
        e.asserted = Assertion(uint56(units), uint40(time), uint128(bond));
    }

    /// @dev The first moment from now on at which silence allows one more unit.
    function _assertAt(Entry storage e) private view returns (uint256) {
        Terms storage t = offers[e.offer];
        return max(time, e.startedAt + t.silenceSeconds + (e.units + 1) * t.unitSeconds);
    }

    function _assertable(Entry storage e) private view returns (bool) {
        Terms storage t = offers[e.offer];
        uint256 moment = _assertAt(e);
        if (e.asserted.assertedAt != 0 || t.challengeSeconds == 0 || !asks(e, moment)) return false;
        return e.units < unitsCap(e, moment - t.silenceSeconds);
    }

    // ------------------------------------------------------------------------------------------------- disputing

    function disputeUnits(uint256 i, uint64 units, uint256 floor, uint256 age, uint256 seed) external step {
        _disputeUnits(i, units, floor, age, seed);
    }

    function _disputeUnits(uint256 i, uint64 units, uint256 floor, uint256 age, uint256 seed) internal {
        uint256 picked = pickOrWait(i, _unitsContestable);
        if (picked == NONE) return;
        Entry storage e = entries[picked];
        uint256 attestedAt = bound(age, _contestableSince(e), time + 9);
        // Too long ago to have proven anything new.
        if (unitsCap(e, min(attestedAt, time)) <= e.units) attestedAt = time;
        uint256 cap = unitsCap(e, min(attestedAt, time));
        units = uint64(bound(units, e.units + 1, cap + 3));
        uint256[2] memory who = signersOf(e, seed);
        Dispute memory d;
        (d.by, d.floor, d.claimed) = (offers[e.offer].poster, uint56(e.units), uint56(min(units, cap)));
        d.signers = uint32(1 << who[0] | 1 << who[1]);
        d.floor = uint56(bound(floor, e.units, d.claimed - 1));
        d.bond = uint128(contestBond(d.claimed - d.floor, e.bid.rate, e.lostByPoster));
        note("dispute units");
        _open(
            e, Subject.Units, d, voucher(e.id, [units, units + 1], [uint64(0), 0], [attestedAt, attestedAt], who), seed
        );
    }

    function _unitsContestable(Entry storage e) private view returns (bool) {
        if (!_hasCourt(e) || e.disputes[0].by != address(0)) return false;
        return unitsCap(e, time) > e.units;
    }

    function disputeFaults(uint256 i, uint64 faults, uint256 floor, uint256 age, uint256 seed) external step {
        _disputeFaults(i, faults, floor, age, seed);
    }

    function _disputeFaults(uint256 i, uint64 faults, uint256 floor, uint256 age, uint256 seed) internal {
        uint256 picked = pickOrWait(i, _faultsContestable);
        if (picked == NONE) return;
        Entry storage e = entries[picked];
        Terms storage t = offers[e.offer];
        uint256 attestedAt = bound(age, _contestableSince(e), time + 9);
        if (faultsCap(e, min(attestedAt, time)) <= e.faults) attestedAt = time;
        uint256 cap = faultsCap(e, min(attestedAt, time));
        faults = uint64(bound(faults, e.faults + 1, min(cap, e.faults + 3)));
        uint256[2] memory who = signersOf(e, seed);
        Dispute memory d;
        (d.by, d.claimed, d.signers) = (e.bid.runner, uint56(faults), uint32(1 << who[0] | 1 << who[1]));
        d.floor = uint56(bound(floor, e.faults, faults - 1));
        d.bond = uint128(contestBond(faults - d.floor, max(t.faultPenalty, e.bid.rate), e.lostByRunner));
        note("dispute faults");
        _open(
            e, Subject.Faults, d, voucher(e.id, [uint64(7), 7], [faults, faults], [attestedAt, attestedAt], who), seed
        );
    }

    function _faultsContestable(Entry storage e) private view returns (bool) {
        if (!_hasCourt(e) || e.disputes[1].by != address(0)) return false;
        return faultsCap(e, time) > e.faults;
    }

    /// @dev Soon after another dispute was resolved, what is older can be contested too.
    function _contestableSince(Entry storage e) private view returns (uint256) {
        return time < e.resolvedAt + CHALLENGE ? time - 40 : time - CHALLENGE + 1;
    }

    function _hasCourt(Entry storage e) private view returns (bool) {
        return lives(e) && offers[e.offer].arbiter != address(0) && signersOf(e, 0)[1] != 0;
    }

    /// @param who 0: the poster, else a verifier
    function disputeAssertion(uint256 i, uint256 who, uint256 floor, uint256 seed) external step {
        _disputeAssertion(i, who, floor, seed);
    }

    function _disputeAssertion(uint256 i, uint256 who, uint256 floor, uint256 seed) internal {
        if (pick(i, _assertionContestable) == NONE) _assertWork(i, uint64(floor), who % 2 == 0);
        uint256 picked = pick(i, _assertionContestable);
        if (picked == NONE) return;
        Entry storage e = entries[picked];
        Terms storage t = offers[e.offer];
        Dispute memory d;
        d.by = who % 4 == 0 ? t.poster : verifier[who % 4 - 1].addr;
        d.claimed = e.asserted.units;
        // Who takes a dispute over contests more.
        Dispute memory before = e.disputes[2];
        d.floor = uint56(bound(floor, e.units, (before.by == address(0) ? d.claimed : before.floor) - 1));
        if (t.arbiter != address(0)) {
            // A verifier's lost disputes are not counted.
            uint256 lost = who % 4 == 0 ? e.lostByPoster : 0;
            d.bond = uint128(contestBond(d.claimed - d.floor, e.bid.rate, lost));
            note(before.by == address(0) ? "dispute assertion" : "dispute taken over");
            _open(e, Subject.Assertion, d, new SignedVerdict[](0), seed);
            if (before.by != address(0)) paid(t.token, before.by, before.bond);
            return;
        }
        _dispute(e, Subject.Assertion, d, new SignedVerdict[](0), 0);
        note(d.floor > e.units ? "assertion lowered" : "assertion lapses");
        if (d.floor <= e.units) return resolved(e, Subject.Assertion, d.floor, false, false);
        touch(e);
        e.asserted.units = d.floor;
    }

    function _assertionContestable(Entry storage e) private view returns (bool) {
        Assertion storage a = e.asserted;
        if (!lives(e) || a.assertedAt == 0 || a.units <= e.units) return false;
        if (e.disputes[2].by != address(0) && e.disputes[2].floor <= e.units) return false;
        return time < a.assertedAt + offers[e.offer].challengeSeconds;
    }

    function _open(Entry storage e, Subject subject, Dispute memory d, SignedVerdict[] memory verdicts, uint256 seed)
        private
    {
        d.openedAt = uint40(time);
        uint256 value = bondFrom(d.by, offers[e.offer].token, d.bond, seed / 3 % 2 == 0);
        _dispute(e, subject, d, verdicts, value);
        touch(e);
        e.disputes[uint256(subject)] = d;
    }

    function _dispute(
        Entry storage e,
        Subject subject,
        Dispute memory d,
        SignedVerdict[] memory verdicts,
        uint256 value
    ) private {
        (Terms memory t, Bid memory b) = (offers[e.offer], e.bid);
        send(d.by, value, abi.encodeCall(ICourt.dispute, (t, verifiers(), b, subject, d.floor, verdicts)));
    }
}
