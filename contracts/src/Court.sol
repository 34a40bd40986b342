// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {State} from "./State.sol";
import {Vouchers} from "./Vouchers.sol";
import {ICourt} from "./interfaces/ICourt.sol";
import {IVerifierBond} from "./interfaces/IVerifierBond.sol";
import {
    Assertion,
    Bid,
    Dispute,
    EngagementState,
    Record,
    SignedVerdict,
    Status,
    Subject,
    Terms,
    VerifierSet
} from "./interfaces/Types.sol";
import {Flags} from "./libraries/Flags.sol";
import {Hashing} from "./libraries/Hashing.sol";
import {Rules} from "./libraries/Rules.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice The third part of the escrow's code: what happens when somebody doesn't believe it. Every question ends by itself:
/// undisputed assertions after `challengeSeconds`, disputes after `silenceSeconds` without a ruling.
contract Court is Vouchers, ICourt {
    using SafeCast for uint256;

    constructor(IVerifierBond verifierBond_) State(verifierBond_) {}

    // ------------------------------------------------------------------------------------------------- asserting

    /// @inheritdoc ICourt
    function assertUnits(Terms calldata terms, VerifierSet calldata verifiers, Bid calldata bid, uint64 units)
        external
        payable
        nonReentrant
    {
        (bytes32 id, EngagementState memory e) = _loadRedeemable(terms, verifiers, bid);
        _requireBeforeReclaim(terms, e);
        require(msg.sender == bid.runner, NotRunner(bid.runner, msg.sender));
        // Without a window nobody could contradict.
        require(terms.challengeSeconds != 0, InvalidTerms("challengeSeconds"));
        require(e.flags & Flags.ASSERTED == 0, AssertionOpen(_assertions[id].units));
        require(units > e.unitsPaid, NothingNew(e.unitsPaid, units));
        // What verifiers had `silenceSeconds` to attest.
        uint256 most = Rules.unitsCap(terms, e, Math.saturatingSub(block.timestamp, terms.silenceSeconds));
        require(units <= most, TooManyUnits(most, units));

        uint128 bond = _contestBond(terms, bid, Subject.Units, units - e.unitsPaid, _records[id].lostByRunner);
        // Not above `unitsMax`, a uint56.
        _assertions[id] = Assertion(uint56(units), uint40(block.timestamp), bond);
        _engagements[id].flags = e.flags | Flags.ASSERTED;
        emit UnitsAsserted(id, msg.sender, units, uint64(block.timestamp + terms.challengeSeconds), bond);
        _takeBond(terms.token, msg.sender, bond);
    }

    // ------------------------------------------------------------------------------------------------- disputing

    /// @inheritdoc ICourt
    function dispute(
        Terms calldata terms,
        VerifierSet calldata verifiers,
        Bid calldata bid,
        Subject subject,
        uint64 floor,
        SignedVerdict[] calldata verdicts
    ) external payable nonReentrant {
        (bytes32 id, EngagementState memory e) = _loadRedeemable(terms, verifiers, bid);
        _requireDisputer(terms, verifiers, bid, subject);
        (uint256 claimed, uint256 signers) = subject == Subject.Assertion
            ? _contestAssertion(terms, id, e)
            : _contestVoucher(terms, verifiers, id, e, subject, verdicts);
        uint256 done = subject == Subject.Faults ? e.faults : e.unitsPaid;
        require(done <= floor && floor < claimed, NothingToContest(Math.max(done, floor), claimed));
        if (terms.arbiter == address(0)) return _lower(terms, verifiers, bid, id, e, subject, floor);

        Dispute memory d;
        (d.by, d.openedAt) = (msg.sender, uint40(block.timestamp));
        // Bits of at most 32 members; counts at most `unitsMax`, or 32 bits of faults.
        (d.signers, d.floor, d.claimed) = (uint32(signers), uint56(floor), uint56(claimed));
        d.bond = _contestBond(terms, bid, subject, claimed - floor, _lostBy(terms, bid, id, msg.sender));
        _engagements[id].flags = e.flags | _flag(subject);
        _open(terms, id, subject, d);
    }

    /// @dev Nobody can rule: one word against another, and the verdicts stand. What is left of the assertion waits out its window.
    function _lower(
        Terms calldata terms,
        VerifierSet calldata verifiers,
        Bid calldata bid,
        bytes32 id,
        EngagementState memory e,
        Subject subject,
        uint64 floor
    ) private {
        require(subject == Subject.Assertion, NoArbiter());
        require(msg.value == 0, WrongValue(0, msg.value));
        if (floor <= e.unitsPaid) return _resolve(terms, verifiers, bid, id, e, subject, floor, false, false);
        Assertion storage a = _assertions[id];
        // Below what was asserted.
        a.units = uint56(floor);
        emit UnitsAsserted(id, bid.runner, floor, uint64(uint256(a.assertedAt) + terms.challengeSeconds), a.bond);
    }

    /// @dev Several may doubt one assertion: who contests more takes over, so that a friend of the runner can't keep others out by
    /// contesting little. Nobody else can contest a voucher.
    function _open(Terms calldata terms, bytes32 id, Subject subject, Dispute memory d) private {
        Dispute memory before = _disputes[id][subject];
        require(
            before.by == address(0) || (subject == Subject.Assertion && d.floor < before.floor), DisputeOpen(subject)
        );
        _disputes[id][subject] = d;
        emit Disputed(id, d.by, subject, d.floor, d.claimed, d.signers, uint64(_ruleBefore(terms, d)), d.bond);
        _takeBond(terms.token, d.by, d.bond);
        _pay(terms.token, before.by, before.bond);
    }

    function _requireDisputer(Terms calldata terms, VerifierSet calldata verifiers, Bid calldata bid, Subject subject)
        private
        view
    {
        if (subject == Subject.Faults) {
            require(msg.sender == bid.runner, NotRunner(bid.runner, msg.sender));
        } else if (subject == Subject.Units) {
            require(msg.sender == terms.poster, NotPoster(terms.poster, msg.sender));
        } else {
            require(msg.sender == terms.poster || _isMember(verifiers, msg.sender), NotParty(msg.sender));
        }
    }

    /// @dev The voucher must be one that would pay once its window has passed.
    function _contestVoucher(
        Terms calldata terms,
        VerifierSet calldata verifiers,
        bytes32 id,
        EngagementState memory e,
        Subject subject,
        SignedVerdict[] calldata verdicts
    ) private view returns (uint256 claimed, uint256 signers) {
        Tally memory tally = _tally(verifiers, id, verdicts);
        uint256 ejected = tally.signers & _records[id].ejected;
        require(ejected == 0, Ejected(verifiers.members[Math.log2(ejected)]));
        // What could not be contested while another dispute was open can be from its resolution on.
        uint256 until = Math.max(tally.attestedAt, _records[id].resolvedAt) + terms.challengeSeconds;
        require(block.timestamp < until, ChallengeClosed(until, block.timestamp));
        // Nothing can have been done after now, whatever the statement says.
        uint256 time = Math.min(tally.attestedAt, block.timestamp);
        claimed = subject == Subject.Units
            ? Math.min(tally.units, Rules.unitsCap(terms, e, time))
            : Math.min(tally.faults, Rules.faultsCap(terms, e, time));
        signers = tally.signers;
    }

    function _contestAssertion(Terms calldata terms, bytes32 id, EngagementState memory e)
        private
        view
        returns (uint256 claimed, uint256 signers)
    {
        require(e.flags & Flags.ASSERTED != 0, NoDispute(Subject.Assertion));
        Assertion memory a = _assertions[id];
        uint256 until = uint256(a.assertedAt) + terms.challengeSeconds;
        require(block.timestamp < until, ChallengeClosed(until, block.timestamp));
        return (a.units, 0);
    }

    // ------------------------------------------------------------------------------------------------- deciding

    /// @inheritdoc ICourt
    function rule(
        Terms calldata terms,
        VerifierSet calldata verifiers,
        Bid calldata bid,
        Subject subject,
        uint64 outcome
    ) external nonReentrant {
        (bytes32 id, EngagementState memory e) = _loadWith(terms, verifiers, bid);
        require(msg.sender == terms.arbiter, NotArbiter(terms.arbiter, msg.sender));
        Dispute memory d = _disputes[id][subject];
        require(d.by != address(0), NoDispute(subject));
        uint256 until = _ruleBefore(terms, d);
        require(block.timestamp < until, RulingClosed(until, block.timestamp));
        require(d.floor <= outcome && outcome <= d.claimed, WrongOutcome(d.floor, d.claimed, outcome));
        bool upheld = outcome == d.claimed;
        _resolve(terms, verifiers, bid, id, e, subject, outcome, upheld, !upheld);
    }

    /// @inheritdoc ICourt
    function settle(Terms calldata terms, VerifierSet calldata verifiers, Bid calldata bid, Subject subject)
        external
        nonReentrant
    {
        (bytes32 id, EngagementState memory e) = _loadWith(terms, verifiers, bid);
        Dispute memory d = _disputes[id][subject];
        bool stands = false;
        uint256 outcome;
        if (d.by != address(0)) {
            uint256 until = _ruleBefore(terms, d);
            require(block.timestamp >= until, RulingOpen(until, block.timestamp));
            // The verdicts stand: a contested voucher pays, unless its signers were found false since; of a contested assertion only
            // what nobody contests.
            stands = subject != Subject.Assertion && d.signers & _records[id].ejected == 0;
            outcome = stands ? d.claimed : d.floor;
        } else {
            require(subject == Subject.Assertion && e.flags & Flags.ASSERTED != 0, NoDispute(subject));
            Assertion memory a = _assertions[id];
            uint256 payableAt = uint256(a.assertedAt) + terms.challengeSeconds;
            require(block.timestamp >= payableAt, ChallengeOpen(payableAt, block.timestamp));
            outcome = a.units;
        }
        if (subject == Subject.Assertion) _requireNotFrozen(id, e, outcome);
        _resolve(terms, verifiers, bid, id, e, subject, outcome, stands, false);
    }

    /// @dev While units are in dispute, nobody's silence pays what is above the floor.
    function _requireNotFrozen(bytes32 id, EngagementState memory e, uint256 units) private view {
        if (e.flags & Flags.UNITS_DISPUTED == 0) return;
        uint256 floor = _disputes[id][Subject.Units].floor;
        require(units <= floor, Frozen(floor));
    }

    /// @dev Closes the question, carries out what stands, and sends the bonds where they belong.
    function _resolve(
        Terms calldata terms,
        VerifierSet calldata verifiers,
        Bid calldata bid,
        bytes32 id,
        EngagementState memory e,
        Subject subject,
        uint256 outcome,
        bool disputerLost,
        bool claimantLost
    ) private {
        Dispute memory d = _disputes[id][subject];
        delete _disputes[id][subject];
        uint256 asserted = _assertions[id].bond;
        if (subject == Subject.Assertion) delete _assertions[id];
        else asserted = 0;
        e.flags &= ~_flag(subject);
        if (subject != Subject.Assertion) e.flags |= Flags.CONTESTED;
        _engagements[id].flags = e.flags;
        Record memory r = _note(terms, bid, id, subject, d, disputerLost, claimantLost);
        emit Resolved(id, subject, msg.sender, outcome, disputerLost, claimantLost, r);

        // Counts that were reached meanwhile by other vouchers change nothing here.
        bool aboutFaults = subject == Subject.Faults;
        uint256 units = aboutFaults ? 0 : Math.min(outcome, e.unitsMax);
        _apply(terms, verifiers, bid, id, e, units, aboutFaults ? outcome : 0, false);
        if (subject != Subject.Assertion && claimantLost) _slashSigners(terms, verifiers, d);
        address other = aboutFaults ? terms.poster : bid.runner;
        _pay(terms.token, disputerLost ? other : d.by, d.bond);
        if (claimantLost) {
            // Half to the poster: a runner's friend in the set who contests first must not win back all that the lie cost.
            _pay(terms.token, d.by, asserted / 2);
            _pay(terms.token, terms.poster, asserted - asserted / 2);
        } else {
            _pay(terms.token, bid.runner, asserted);
        }
    }

    /// @dev Keeps what later questions and the exit depend on.
    function _note(
        Terms calldata terms,
        Bid calldata bid,
        bytes32 id,
        Subject subject,
        Dispute memory d,
        bool disputerLost,
        bool claimantLost
    ) private returns (Record memory r) {
        r = _records[id];
        bool runnerLost = subject == Subject.Assertion ? claimantLost : disputerLost && d.by == bid.runner;
        bool posterLost = disputerLost && d.by == terms.poster;
        if (posterLost && r.lostByPoster != type(uint8).max) ++r.lostByPoster;
        if (runnerLost && r.lostByRunner != type(uint8).max) ++r.lostByRunner;
        if (subject != Subject.Assertion) {
            if (claimantLost) r.ejected |= d.signers;
            r.resolvedAt = uint40(block.timestamp);
        }
        // Whoever had to wait for this gets time to redeem before anything goes back. Block time plus 33 bits.
        r.reclaimableFrom = uint40(block.timestamp + terms.challengeSeconds + terms.silenceSeconds);
        _records[id] = r;
    }

    /// @dev What a false verdict costs is what its signer had to put up for this bounty.
    function _slashSigners(Terms calldata terms, VerifierSet calldata verifiers, Dispute memory d) private {
        if (terms.verifierBondMin == 0) return;
        for (uint256 i = 0; i < verifiers.members.length; ++i) {
            if (d.signers >> i & 1 == 0) continue;
            VERIFIER_BOND.slash(terms.token, verifiers.members[i], terms.verifierBondMin, d.by);
        }
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ICourt
    function assertion(bytes32 id) external view returns (Assertion memory) {
        return _assertions[id];
    }

    /// @inheritdoc ICourt
    function disputeOf(bytes32 id, Subject subject) external view returns (Dispute memory) {
        return _disputes[id][subject];
    }

    /// @inheritdoc ICourt
    function assertionBond(Terms calldata terms, Bid calldata bid, uint64 units) external view returns (uint256) {
        bytes32 id = Hashing.bid(bid);
        uint256 more = Math.saturatingSub(units, _engagements[id].unitsPaid);
        return _contestBond(terms, bid, Subject.Units, more, _records[id].lostByRunner);
    }

    /// @inheritdoc ICourt
    function disputeBond(Terms calldata terms, Bid calldata bid, Subject subject, address by, uint64 contested)
        external
        view
        returns (uint256)
    {
        return _contestBond(terms, bid, subject, contested, _lostBy(terms, bid, Hashing.bid(bid), by));
    }

    // ------------------------------------------------------------------------------------------------- shared

    function _loadRedeemable(Terms calldata terms, VerifierSet calldata verifiers, Bid calldata bid)
        private
        view
        returns (bytes32 id, EngagementState memory e)
    {
        (id, e) = _loadWith(terms, verifiers, bid);
        require(e.status == Status.Active || e.status == Status.Ended, NotEngaged(id, e.status));
    }

    /// @dev A runner's assertions can't hold back for ever what is not its own. Disputes need a new attestation or assertion each.
    function _requireBeforeReclaim(Terms calldata terms, EngagementState memory e) private view {
        if (e.endsAt == 0) return;
        uint256 until = Rules.reclaimableAt(terms, e.endsAt);
        require(block.timestamp < until, ChallengeClosed(until, block.timestamp));
    }

    function _loadWith(Terms calldata terms, VerifierSet calldata verifiers, Bid calldata bid)
        private
        view
        returns (bytes32 id, EngagementState memory e)
    {
        (id, e) = _load(terms, bid);
        _requireVerifiers(terms, verifiers);
    }

    function _isMember(VerifierSet calldata verifiers, address account) private pure returns (bool) {
        for (uint256 i = 0; i < verifiers.members.length; ++i) {
            if (verifiers.members[i] == account) return true;
        }
        return false;
    }

    function _ruleBefore(Terms calldata terms, Dispute memory d) private pure returns (uint256) {
        return uint256(d.openedAt) + terms.silenceSeconds;
    }

    function _lostBy(Terms calldata terms, Bid calldata bid, bytes32 id, address disputer)
        private
        view
        returns (uint256)
    {
        // A verifier's record is not kept: it can only contest assertions, and the runner can repeat those.
        if (disputer == terms.poster) return _records[id].lostByPoster;
        return disputer == bid.runner ? _records[id].lostByRunner : 0;
    }

    function _contestBond(Terms calldata terms, Bid calldata bid, Subject subject, uint256 count, uint256 lost)
        private
        pure
        returns (uint128)
    {
        // A fault that costs nothing can still be the last one allowed.
        uint256 price = subject == Subject.Faults ? Math.max(terms.faultPenalty, bid.rate) : bid.rate;
        return Rules.contestBond(count, price, lost).toUint128();
    }

    function _flag(Subject subject) private pure returns (uint8) {
        if (subject == Subject.Units) return Flags.UNITS_DISPUTED;
        return subject == Subject.Faults ? Flags.FAULTS_DISPUTED : Flags.ASSERTED;
    }
}
