// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {Bid, NoticeBy, Status, Terms} from "../../src/interfaces/Types.sol";
import {HandlerVouchers} from "./HandlerVouchers.sol";

/// @notice Longer, shorter, and every way out.
abstract contract HandlerSettlement is HandlerVouchers {
    function extendBy(uint256 i, uint64 units) external step {
        uint256 picked = pick(i, _extendable);
        if (picked == NONE) return;
        Entry storage e = entries[picked];
        Terms memory t = offers[e.offer];
        units = uint64(bound(units, 1, 60));
        uint256 more = units * uint256(e.bid.rate) + feesFor(t, e.unitsMax + units) - feesFor(t, e.unitsMax);
        Book storage b = books[e.offer];
        if (b.free < more) _fund(e.offer, more - b.free, units % 2 == 0);
        send(t.poster, 0, abi.encodeCall(ISettlement.extend, (t, verifiers(), e.bid, units)));
        note("extend");
        touch(e);
        b.free -= more;
        (e.reserve, e.locked, e.unitsMax) = (e.reserve + more, e.locked + more, e.unitsMax + units);
        if (t.unitSeconds != 0) e.endsAt += uint256(units) * t.unitSeconds;
    }

    function _extendable(Entry storage e) private view returns (bool) {
        return works(e) && e.noticeBy == NoticeBy.Nobody && _noticeable(e);
    }

    function notice(uint256 i, bool byRunner) external step {
        uint256 picked = pick(i, _noticeable);
        if (picked == NONE) return;
        Entry storage e = entries[picked];
        Terms memory t = offers[e.offer];
        send(byRunner ? e.bid.runner : t.poster, 0, abi.encodeCall(ISettlement.giveNotice, (t, e.bid)));
        note(byRunner ? "runner's notice" : "poster's notice");
        touch(e);
        (e.endsAt, e.noticeBy) = (time + t.noticeSeconds, byRunner ? NoticeBy.Runner : NoticeBy.Poster);
    }

    function _noticeable(Entry storage e) private view returns (bool) {
        return e.status == Status.Active && (e.endsAt == 0 || time + offers[e.offer].noticeSeconds < e.endsAt);
    }

    /// @param patient wait until its time is over; a clockless one needs notice for that
    function endIt(uint256 i, bool patient) external step {
        _endIt(i, patient);
    }

    function _endIt(uint256 i, bool patient) private {
        uint256 picked = patient ? pick(i, _clocked) : pick(i, _endable);
        if (picked == NONE) return;
        Entry storage e = entries[picked];
        if (patient) waitUntil(e.endsAt);
        bool completed = works(e);
        send(stranger, 0, abi.encodeCall(ISettlement.end, (offers[e.offer], verifiers(), e.bid)));
        note(completed ? "end completed" : "end");
        if (completed) e.endsAt = time;
        else if (e.noticeBy == NoticeBy.Runner) books[e.offer].seats -= 1;
        endNow(e);
    }

    function _clocked(Entry storage e) private view returns (bool) {
        return e.status == Status.Active && e.endsAt != 0;
    }

    function _endable(Entry storage e) private view returns (bool) {
        return e.status == Status.Active && (!works(e) || e.units == e.unitsMax);
    }

    /// @dev What is over; if nothing is, something ends first.
    function reclaimIt(uint256 i) external step {
        _reclaimIt(i);
    }

    function _reclaimIt(uint256 i) internal {
        if (pick(i, _reclaimable) == NONE) _endIt(i, true);
        uint256 picked = pick(i, _reclaimable);
        if (picked == NONE) return;
        Entry storage e = entries[picked];
        Terms memory t = offers[e.offer];
        waitUntil(max(reclaimableAt(e), e.reclaimableFrom));
        send(stranger, 0, abi.encodeCall(ISettlement.reclaim, (t, verifiers(), e.bid)));
        note("reclaim");
        touch(e);
        paid(t.token, t.poster, e.reserve);
        paid(t.token, e.bid.runner, e.bond);
        books[e.offer].refunded += e.reserve;
        (e.reserve, e.bond, e.status) = (0, 0, Status.Closed);
    }

    function _reclaimable(Entry storage e) private view returns (bool) {
        if (e.status != Status.Ended || e.asserted.assertedAt != 0) return false;
        return e.disputes[0].by == address(0) && e.disputes[1].by == address(0);
    }

    function convictNode(uint256 i, uint64 number, bool byRefuser) external step {
        uint256 picked = pick(i, _slashable);
        if (picked == NONE) return;
        Entry storage e = entries[picked];
        Terms memory t = offers[e.offer];
        address reporter = byRefuser ? refuser : stranger;
        send(reporter, 0, _conviction(t, e.bid, e.id, number));
        note("slash node");
        touch(e);
        uint256 bond = e.bond;
        (e.bond, e.slashed) = (0, true);
        paid(t.token, reporter, bond / 2);
        paid(t.token, t.poster, bond - bond / 2);
        if (works(e)) endForCause(e);
    }

    function _slashable(Entry storage e) private view returns (bool) {
        return lives(e) && !e.slashed;
    }

    /// @dev The call that shows two blocks of one node for one place.
    function _conviction(Terms memory t, Bid memory b, bytes32 id, uint64 number) internal view returns (bytes memory) {
        bytes32[2] memory blocks = [keccak256("one"), keccak256("another")];
        bytes[2] memory signatures = [_signBlock(id, number, blocks[0]), _signBlock(id, number, blocks[1])];
        return abi.encodeCall(ISettlement.slashNode, (t, verifiers(), b, number, 2, blocks, signatures));
    }

    function _signBlock(bytes32 id, uint64 number, bytes32 blockHash) private view returns (bytes memory) {
        bytes32 typehash = keccak256("BlockClaim(bytes32 engagement,uint64 number,uint64 revision,bytes32 blockHash)");
        return signCompact(node, keccak256(abi.encode(typehash, id, number, uint64(2), blockHash)));
    }
}
