// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ICourt} from "../../src/interfaces/ICourt.sol";
import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {Bid, SignedVerdict, Status, Subject, Terms} from "../../src/interfaces/Types.sol";
import {HandlerBonds} from "./HandlerBonds.sol";

/// @notice What anyone may do, at random, always validly: a call that reverts fails the run. And one thing nobody may: touch what
/// is closed.
contract Handler is HandlerBonds {
    constructor() {
        for (uint256 i = 0; i < OFFERS; ++i) {
            bondVerifiers(offers[i]);
        }
    }

    /// @notice Random runs begin where something can happen; three of the bounties are not posted yet.
    function begin() external step {
        _hire(1, RATE / 3, 1 ether, 1);
        _hire(2, 0, 1 ether, 3);
        _hire(4, 0, 0, 16);
    }

    /// @dev Closed absorbs: every verb is refused. (Batches skip it; those verbs see to that themselves.)
    function knock(uint256 i, uint64 units) external step {
        if (pick(i, _closed) == NONE) _reclaimIt(i);
        uint256 picked = pick(i, _closed);
        if (picked == NONE) return;
        Entry storage e = entries[picked];
        (Terms memory t, Bid memory b) = (offers[e.offer], e.bid);
        bytes memory why = abi.encodeWithSelector(IErrors.NotEngaged.selector, e.id, Status.Closed);
        units = uint64(bound(units, 1, 200));
        refused(stranger, abi.encodeCall(IMarket.redeem, (t, verifiers(), b, voucher(e.id, units, 1, time - 60))), why);
        refused(b.runner, abi.encodeCall(ISettlement.giveNotice, (t, b)), why);
        refused(t.poster, abi.encodeCall(ISettlement.extend, (t, verifiers(), b, units)), why);
        refused(stranger, abi.encodeCall(ISettlement.end, (t, verifiers(), b)), why);
        refused(stranger, abi.encodeCall(ISettlement.reclaim, (t, verifiers(), b)), why);
        refused(stranger, _conviction(t, b, e.id, units), why);
        refused(b.runner, abi.encodeCall(ICourt.assertUnits, (t, verifiers(), b, units)), why);
        for (uint256 s = 0; s < 3; ++s) {
            _knockAtCourt(e, t, b, Subject(s), why);
        }
        _knockAgain(e, t, b);
        note("knock");
    }

    function _closed(Entry storage e) private view returns (bool) {
        return e.status == Status.Closed;
    }

    function _knockAtCourt(Entry storage e, Terms memory t, Bid memory b, Subject s, bytes memory why) private {
        SignedVerdict[] memory verdicts = voucher(e.id, 90, 1, time);
        address by = s == Subject.Faults ? b.runner : t.poster;
        refused(by, abi.encodeCall(ICourt.dispute, (t, verifiers(), b, s, 0, verdicts)), why);
        why = abi.encodeWithSelector(IErrors.NoDispute.selector, s);
        refused(stranger, abi.encodeCall(ICourt.settle, (t, verifiers(), b, s)), why);
        if (t.arbiter != arbiter) why = abi.encodeWithSelector(IErrors.NotArbiter.selector, t.arbiter, arbiter);
        refused(arbiter, abi.encodeCall(ICourt.rule, (t, verifiers(), b, s, 0)), why);
    }

    /// @dev The same bid can't be engaged twice.
    function _knockAgain(Entry storage e, Terms memory t, Bid memory b) private {
        if (!t.openClaim || b.rate != t.rateMax || time >= t.openUntil) return;
        bondVerifiers(t);
        bytes memory why = abi.encodeWithSelector(IErrors.AlreadyEngaged.selector, e.id);
        refused(b.runner, abi.encodeCall(IMarket.claim, (t, verifiers(), b)), why);
    }
}
