// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ICourt} from "../../src/interfaces/ICourt.sol";
import {IErrors} from "../../src/interfaces/IErrors.sol";
import {Dispute, Subject, Terms} from "../../src/interfaces/Types.sol";
import {HandlerDisputes} from "./HandlerDisputes.sol";

/// @notice Every question ends: by the arbiter, or by time.
abstract contract HandlerCourt is HandlerDisputes {
    /// @dev Something to decide, where there is nothing.
    function _ask(uint256 i, uint256 seed) private {
        if (i % 3 == 0) _disputeUnits(i, uint64(seed), seed >> 8, seed >> 16, seed >> 24);
        else if (i % 3 == 1) _disputeFaults(i, uint64(seed), seed >> 8, seed >> 16, seed >> 24);
        else _disputeAssertion(i, seed, seed >> 8, seed >> 16);
    }

    /// @param whole leave all that was claimed standing
    function decide(uint256 i, uint256 outcome, bool whole) external step {
        if (pick(i, _decidable) == NONE) _ask(i, outcome);
        uint256 picked = pick(i, _decidable);
        if (picked == NONE) return;
        Entry storage e = entries[picked];
        uint256 s = i % 3;
        while (!_isDecidable(e, s)) s = (s + 1) % 3;
        Dispute memory d = e.disputes[s];
        outcome = whole ? d.claimed : bound(outcome, d.floor, d.claimed - 1);
        bytes memory data =
            abi.encodeCall(ICourt.rule, (offers[e.offer], verifiers(), e.bid, Subject(s), uint64(outcome)));
        send(arbiter, 0, data);
        note(s == 0 ? "rule on units" : s == 1 ? "rule on faults" : "rule on an assertion");
        note(whole ? "ruling upholds" : "ruling cuts");
        resolved(e, Subject(s), outcome, whole, !whole);
    }

    function _decidable(Entry storage e) private view returns (bool) {
        return _isDecidable(e, 0) || _isDecidable(e, 1) || _isDecidable(e, 2);
    }

    function _isDecidable(Entry storage e, uint256 s) private view returns (bool) {
        Dispute storage d = e.disputes[s];
        return d.by != address(0) && time < d.openedAt + offers[e.offer].silenceSeconds;
    }

    /// @dev What nobody decided, after its time.
    function settleIt(uint256 i, uint256 s) external step {
        if (pick(i, _settleable) == NONE) _ask(s, i);
        uint256 picked = pick(i, _settleable);
        if (picked == NONE) return;
        Entry storage e = entries[picked];
        s %= 3;
        while (!_isSettleable(e, s)) s = (s + 1) % 3;
        Dispute memory d = e.disputes[s];
        Terms memory t = offers[e.offer];
        bool disputed = d.by != address(0);
        waitUntil(_dueAt(e, s));
        send(stranger, 0, abi.encodeCall(ICourt.settle, (t, verifiers(), e.bid, Subject(s))));
        note(s == 0 ? "settle units" : s == 1 ? "settle faults" : disputed ? "settle disputed assertion" : "settle");
        if (!disputed) return resolved(e, Subject.Assertion, e.asserted.units, false, false);
        // A voucher of signers that were found false since doesn't stand.
        bool stands = s != 2 && d.signers & e.ejected == 0;
        if (s != 2 && !stands) note("settle for the disputer");
        resolved(e, Subject(s), stands ? d.claimed : d.floor, stands, false);
    }

    function _settleable(Entry storage e) private view returns (bool) {
        return _isSettleable(e, 0) || _isSettleable(e, 1) || _isSettleable(e, 2);
    }

    function _isSettleable(Entry storage e, uint256 s) private view returns (bool) {
        if (s != 2) return e.disputes[s].by != address(0);
        return e.asserted.assertedAt != 0 && !_frozen(e);
    }

    /// @dev Whether an assertion would pay units that are in dispute. Until those are decided it must wait.
    function _frozen(Entry storage e) private view returns (bool) {
        if (e.asserted.assertedAt == 0 || e.disputes[0].by == address(0)) return false;
        return (e.disputes[2].by == address(0) ? e.asserted.units : e.disputes[2].floor) > e.disputes[0].floor;
    }

    function knockFrozen(uint256 i) external step {
        uint256 picked = pick(i, _frozen);
        if (picked == NONE) return;
        Entry storage e = entries[picked];
        Terms memory t = offers[e.offer];
        waitUntil(_dueAt(e, 2));
        bytes memory why = abi.encodeWithSelector(IErrors.Frozen.selector, uint256(e.disputes[0].floor));
        refused(stranger, abi.encodeCall(ICourt.settle, (t, verifiers(), e.bid, Subject.Assertion)), why);
        note("knock frozen");
    }

    /// @dev When an open question can be settled.
    function _dueAt(Entry storage e, uint256 s) private view returns (uint256) {
        Terms storage t = offers[e.offer];
        Dispute storage d = e.disputes[s];
        if (d.by != address(0)) return uint256(d.openedAt) + t.silenceSeconds;
        return uint256(e.asserted.assertedAt) + t.challengeSeconds;
    }
}
