// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Dispute, Status, Subject, Terms} from "../../src/interfaces/Types.sol";
import {Ledger} from "./Ledger.sol";

/// @notice The rules of money a second time, written from DESIGN §3: how each step changes the ledger.
abstract contract LedgerRules is Ledger {
    /// @dev What the verdicts of a voucher agree on.
    struct Finding {
        uint256 units;
        uint256 faults;
        uint256 attestedAt;
        uint256 signers;
    }

    uint256 internal steps;
    /// @dev The step that last had anything to do with an engagement.
    mapping(bytes32 id => uint256) internal touchedAt;

    function touch(Entry storage e) internal {
        touchedAt[e.id] = steps;
    }

    // ------------------------------------------------------------------------------------------------- what is so

    function lives(Entry storage e) internal view returns (bool) {
        return e.status == Status.Active || e.status == Status.Ended;
    }

    function works(Entry storage e) internal view returns (bool) {
        return e.status == Status.Active && (e.endsAt == 0 || time < e.endsAt);
    }

    function reclaimableAt(Entry storage e) internal view returns (uint256) {
        Terms storage t = offers[e.offer];
        return e.endsAt + t.epochSeconds + t.silenceSeconds + 2 * uint256(t.challengeSeconds);
    }

    /// @dev Whether questions can still be asked about it at that time.
    function asks(Entry storage e, uint256 moment) internal view returns (bool) {
        return lives(e) && (e.endsAt == 0 || moment < reclaimableAt(e));
    }

    /// @dev Seconds of work up to that time.
    function worked(Entry storage e, uint256 moment) internal view returns (uint256) {
        uint256 until = e.endsAt != 0 && e.endsAt < moment ? e.endsAt : moment;
        return until < e.startedAt ? 0 : until - e.startedAt;
    }

    function unitsCap(Entry storage e, uint256 moment) internal view returns (uint256) {
        uint256 unitSeconds = offers[e.offer].unitSeconds;
        if (moment < e.startedAt) return 0;
        return unitSeconds == 0 ? e.unitsMax : min(e.unitsMax, worked(e, moment) / unitSeconds);
    }

    function faultsCap(Entry storage e, uint256 moment) internal view returns (uint256) {
        return ceil(worked(e, moment), offers[e.offer].epochSeconds);
    }

    function epochsOver(Entry storage e, uint256 moment) internal view returns (uint256) {
        uint256 epoch = offers[e.offer].epochSeconds;
        return e.endsAt != 0 && moment >= e.endsAt ? ceil(worked(e, moment), epoch) : worked(e, moment) / epoch;
    }

    function epochs(Terms memory t, uint256 units) internal pure returns (uint256) {
        return t.unitSeconds == 0 ? units : ceil(units * t.unitSeconds, t.epochSeconds);
    }

    function feesFor(Terms memory t, uint256 units) internal pure returns (uint256) {
        return 3 * uint256(t.verifierFee) * epochs(t, units);
    }

    /// @dev A tenth of what a word is about, at least one piece of it, doubled with every one lost.
    function contestBond(uint256 pieces, uint256 price, uint256 lost) internal pure returns (uint256) {
        return max(pieces * price / 10, price) * 2 ** min(lost, 16);
    }

    // ------------------------------------------------------------------------------------------------- what happens

    /// @return redeemed false when the escrow must refuse
    function redeemed(Entry storage e, Finding memory f, address submitter) internal returns (bool) {
        // Whoever could not contest it while another dispute was open can from its resolution on.
        uint256 payableAt = max(f.attestedAt, e.resolvedAt) + offers[e.offer].challengeSeconds;
        if (!lives(e) || time < payableAt || f.signers & e.ejected != 0) return false;
        uint256 units = unfrozen(e.disputes[0], min(f.units, unitsCap(e, f.attestedAt)));
        uint256 faults = unfrozen(e.disputes[1], min(f.faults, faultsCap(e, f.attestedAt)));
        if (units <= e.units && faults <= e.faults) return false;
        prove(e, units, faults, submitter);
        return true;
    }

    /// @dev A dispute freezes what is above its floor.
    function unfrozen(Dispute storage d, uint256 proven) internal view returns (uint256) {
        return d.by == address(0) ? proven : min(proven, d.floor);
    }

    /// @param submitter who gets the relay fee; 0 when there is none
    function prove(Entry storage e, uint256 units, uint256 faults, address submitter) internal {
        Terms memory t = offers[e.offer];
        touch(e);
        if (units > e.units) {
            uint256 pay = (units - e.units) * e.bid.rate;
            uint256 relayFee = submitter == address(0) ? 0 : min(e.bid.relayFee, pay / 10);
            e.reserve -= pay;
            e.payouts += pay;
            e.units = units;
            paid(t.token, e.bid.payee, pay - relayFee);
            paid(t.token, submitter, relayFee);
        }
        if (faults > e.faults) {
            uint256 penalty = min(e.bond, (faults - e.faults) * t.faultPenalty);
            e.bond -= penalty;
            e.faults = faults;
            paid(t.token, t.poster, penalty);
        }
        if (t.faultsMax != 0 && e.faults >= t.faultsMax && works(e)) endForCause(e);
    }

    function endForCause(Entry storage e) internal {
        e.endsAt = time;
        books[e.offer].seats -= 1;
        books[e.offer].vacated += 1;
        endNow(e);
    }

    /// @dev What can no longer be earned is the bounty's again.
    function endNow(Entry storage e) internal {
        Terms memory t = offers[e.offer];
        touch(e);
        if (t.unitSeconds != 0) e.unitsMax = min(e.unitsMax, ceil(e.endsAt - e.startedAt, t.unitSeconds));
        uint256 keep = (e.unitsMax - e.units) * e.bid.rate + feesFor(t, e.unitsMax) - e.fees;
        books[e.offer].free += e.reserve - keep;
        e.reserve = keep;
        e.status = Status.Ended;
    }

    /// @return how many epochs the escrow must pay for, 0 when it must skip them
    function feeClaimed(Entry storage e, uint256 k, uint256[] memory judged, uint256 attestedAt)
        internal
        returns (uint256)
    {
        Terms memory t = offers[e.offer];
        if (!lives(e) || t.verifierFee == 0 || judged.length == 0 || e.ejected >> k & 1 != 0) return 0;
        if (time < attestedAt + t.challengeSeconds) return 0;
        (uint256 next, uint256 over) = (e.nextEpoch[k], epochsOver(e, attestedAt));
        for (uint256 i = 0; i < judged.length; ++i) {
            if (judged[i] < next || judged[i] >= over) return 0;
            next = judged[i] + 1;
        }
        if (e.epochsPaid[k] + judged.length > epochs(t, e.unitsMax)) return 0;
        touch(e);
        uint256 amount = judged.length * t.verifierFee;
        (e.nextEpoch[k], e.fees, e.reserve) = (next, e.fees + amount, e.reserve - amount);
        e.epochsPaid[k] += judged.length;
        paid(t.token, verifier[k].addr, amount);
        return judged.length;
    }

    /// @dev A question is over: bonds go where they belong, and what stands is carried out.
    function resolved(Entry storage e, Subject subject, uint256 outcome, bool disputerLost, bool claimantLost)
        internal
    {
        Terms memory t = offers[e.offer];
        Dispute memory d = e.disputes[uint256(subject)];
        delete e.disputes[uint256(subject)];
        touch(e);
        e.reclaimableFrom = time + t.challengeSeconds + t.silenceSeconds;
        if (subject != Subject.Assertion) e.resolvedAt = time;
        if (disputerLost && d.by == t.poster) e.lostByPoster += 1;
        if (disputerLost && d.by == e.bid.runner) e.lostByRunner += 1;
        if (disputerLost) paid(t.token, subject == Subject.Faults ? t.poster : e.bid.runner, d.bond);
        else if (d.by != address(0)) paid(t.token, d.by, d.bond);

        if (subject == Subject.Assertion) {
            uint256 bond = e.asserted.bond;
            delete e.asserted;
            if (claimantLost) e.lostByRunner += 1;
            if (claimantLost) {
                paid(t.token, d.by, bond / 2);
                paid(t.token, t.poster, bond - bond / 2);
            } else {
                paid(t.token, e.bid.runner, bond);
            }
        } else if (claimantLost) {
            e.ejected |= d.signers;
            for (uint256 k = 0; k < 3; ++k) {
                if (d.signers >> k & 1 != 0) slashed(k, t.token, t.verifierBondMin, d.by);
            }
        }
        if (subject == Subject.Faults) prove(e, 0, outcome, address(0));
        else prove(e, min(outcome, e.unitsMax), 0, address(0));
    }
}
