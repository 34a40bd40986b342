// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bounties} from "./Bounties.sol";
import {
    Award,
    BatchEntry,
    Bid,
    BountyState,
    EndReason,
    EngagementState,
    IEscrow,
    NoticeBy,
    Offer,
    ProvenVerdict,
    SignedStatement,
    Status,
    Terms,
    VerifierSet
} from "./interfaces/IEscrow.sol";
import {Hashing} from "./libraries/Hashing.sol";
import {Rules} from "./libraries/Rules.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice The life of an engagement: claim or award, redeem, notice, end, reclaim.
contract Escrow is Bounties, EIP712("Piecework", "1") {
    uint256 private constant BATCH_MAX = 100;
    /// @dev A relay fee is at most a tenth of the payout it comes from.
    uint256 private constant RELAY_FEE_DIVISOR = 10;

    mapping(bytes32 engagement => EngagementState) internal _engagements;

    /// @dev What the verdicts of one voucher agree on: the lowest counts, and the newest attestation.
    struct Tally {
        uint256 units;
        uint256 faults;
        uint256 attestedAt;
    }

    // ------------------------------------------------------------------------------------------------- engaging

    /// @inheritdoc IEscrow
    function claim(Terms calldata terms, VerifierSet calldata verifiers, Bid calldata bid)
        external
        payable
        nonReentrant
        returns (bytes32 id)
    {
        require(msg.sender == bid.runner, NotRunner(bid.runner, msg.sender));
        require(terms.openClaim, ClaimNotOpen(bid.bounty));
        require(bid.rate == terms.rateMax, WrongRate(terms.rateMax, bid.rate));
        id = Hashing.bid(bid);
        _engage(terms, verifiers, bid, id, false);
    }

    /// @inheritdoc IEscrow
    function award(
        Terms calldata terms,
        VerifierSet calldata verifiers,
        Bid calldata bid,
        bytes calldata bidSignature,
        Award calldata choice,
        bytes calldata awardSignature
    ) external payable nonReentrant returns (bytes32 id) {
        id = Hashing.bid(bid);
        require(choice.bid == id, WrongBid(id, choice.bid));
        require(choice.bounty == bid.bounty, WrongBounty(bid.bounty, choice.bounty));
        require(block.timestamp < choice.expiresAt, AwardExpired(choice.expiresAt, block.timestamp));
        require(bid.rate <= terms.rateMax, RateTooHigh(terms.rateMax, bid.rate));
        require(Signatures.isValid(bid.runner, _hashTypedDataV4(id), bidSignature), BadSignature(bid.runner));
        require(
            Signatures.isValid(terms.poster, _hashTypedDataV4(Hashing.award(choice)), awardSignature),
            BadSignature(terms.poster)
        );
        _engage(terms, verifiers, bid, id, choice.spare);
    }

    function _engage(Terms calldata terms, VerifierSet calldata verifiers, Bid calldata bid, bytes32 id, bool spare)
        private
    {
        bytes32 bountyId_ = Hashing.bountyId(terms);
        require(bid.bounty == bountyId_, WrongBounty(bountyId_, bid.bounty));
        require(block.timestamp < terms.openUntil, Closed(terms.openUntil, block.timestamp));
        require(block.timestamp < bid.expiresAt, BidExpired(bid.expiresAt, block.timestamp));
        _requireVerifiers(terms, verifiers);
        require(Rules.isValid(verifiers), InvalidVerifierSet());
        require(_engagements[id].status == Status.None, AlreadyEngaged(id));

        BountyState memory b = _bounties[bountyId_];
        require(b.postedAt != 0, NotPosted(bountyId_));
        require(b.seatsTaken < terms.seats, SeatsTaken(terms.seats));
        if (spare) {
            require(b.seatsVacated != 0, NoSeatVacated(bountyId_));
            b.seatsVacated -= 1;
        }
        uint256 reserve = reserveFor(terms, verifiers.members.length, bid.rate);
        require(reserve <= b.escrow, Underfunded(reserve, b.escrow));
        b.seatsTaken += 1;
        // Any award may fill a vacated seat; then no spare can.
        if (b.seatsVacated > terms.seats - b.seatsTaken) b.seatsVacated = terms.seats - b.seatsTaken;
        // The require above makes the cast exact.
        b.escrow -= uint128(reserve);
        _bounties[bountyId_] = b;

        EngagementState memory e;
        e.status = Status.Active;
        e.unitsMax = terms.unitsMax;
        e.startedAt = uint40(block.timestamp);
        // `Rules.firstInvalid` keeps the product within 32 bits.
        if (terms.unitSeconds != 0) e.endsAt = uint40(block.timestamp + uint256(terms.unitsMax) * terms.unitSeconds);
        _engagements[id] = e;

        emit Engaged(
            id, bountyId_, bid.runner, bid, verifiers, e.unitsMax, e.startedAt, e.endsAt, reserve, spare, b.escrow
        );
        _takeBond(terms.token, bid.runner, terms.bond);
    }

    /// @dev The call's value if there is any, else the free balance, and what that lacks from the allowance.
    function _takeBond(address token, address runner, uint256 bond) private {
        if (msg.value != 0) {
            uint256 expected = token == NATIVE ? bond : 0;
            require(msg.value == expected, WrongValue(expected, msg.value));
            return;
        }
        uint256 free = balances[runner][token];
        uint256 fromBalance = free < bond ? free : bond;
        require(fromBalance == bond || token != NATIVE, BalanceTooLow(free, bond));
        if (fromBalance != 0) _debit(runner, token, fromBalance);
        if (fromBalance < bond) _pullToken(token, runner, bond - fromBalance);
    }

    // ------------------------------------------------------------------------------------------------- redeeming

    /// @inheritdoc IEscrow
    function redeem(
        Terms calldata terms,
        VerifierSet calldata verifiers,
        Bid calldata bid,
        SignedStatement[] calldata statements,
        ProvenVerdict[] calldata verdicts
    ) external nonReentrant {
        _requireVerifiers(terms, verifiers);
        (bytes memory refusal, uint256 relayFee) = _redeem(
            terms,
            Hashing.bountyId(terms),
            verifiers,
            bid,
            Hashing.bid(bid),
            statements,
            _checkSignatures(statements),
            verdicts
        );
        if (refusal.length != 0) _revertWith(refusal);
        _pay(terms.token, msg.sender, relayFee);
    }

    /// @inheritdoc IEscrow
    function redeemBatch(Offer[] calldata offers, SignedStatement[] calldata statements, BatchEntry[] calldata entries)
        external
        nonReentrant
        returns (uint256 redeemed)
    {
        require(entries.length <= BATCH_MAX, BatchTooLong(BATCH_MAX, entries.length));
        bool[] memory signed = _checkSignatures(statements);
        bytes32[] memory bounties = new bytes32[](offers.length);
        for (uint256 i = 0; i < offers.length; ++i) {
            _requireVerifiers(offers[i].terms, offers[i].verifiers);
            bounties[i] = Hashing.bountyId(offers[i].terms);
        }

        // Relay fees of one token are sent together.
        address feeToken;
        uint256 fees;
        for (uint256 i = 0; i < entries.length; ++i) {
            BatchEntry calldata entry = entries[i];
            require(entry.offer < offers.length, NoSuchOffer(offers.length, entry.offer));
            Offer calldata offer = offers[entry.offer];
            bytes32 id = Hashing.bid(entry.bid);
            (bytes memory refusal, uint256 relayFee) = _redeem(
                offer.terms, bounties[entry.offer], offer.verifiers, entry.bid, id, statements, signed, entry.verdicts
            );
            if (refusal.length != 0) {
                emit Skipped(id, refusal);
                continue;
            }
            ++redeemed;
            if (offer.terms.token != feeToken) {
                _pay(feeToken, msg.sender, fees);
                feeToken = offer.terms.token;
                fees = 0;
            }
            fees += relayFee;
        }
        _pay(feeToken, msg.sender, fees);
    }

    /// @dev Redeems one voucher, or says why not without having changed anything.
    /// @return refusal the ABI-encoded error, empty on success
    /// @return relayFee still to be sent to the submitter
    function _redeem(
        Terms calldata terms,
        bytes32 bountyId_,
        VerifierSet calldata verifiers,
        Bid calldata bid,
        bytes32 id,
        SignedStatement[] calldata statements,
        bool[] memory signed,
        ProvenVerdict[] calldata verdicts
    ) private returns (bytes memory refusal, uint256 relayFee) {
        if (bid.bounty != bountyId_) {
            return (_refuse(WrongBounty.selector, bountyId_, bid.bounty), 0);
        }
        EngagementState memory e = _engagements[id];
        if (e.status != Status.Active && e.status != Status.Ended) {
            return (abi.encodeWithSelector(NotEngaged.selector, id, e.status), 0);
        }
        Tally memory tally;
        (refusal, tally) = _tally(verifiers, id, statements, signed, verdicts);
        if (refusal.length != 0) return (refusal, 0);
        uint256 payableAt = tally.attestedAt + terms.challengeSeconds;
        if (block.timestamp < payableAt) {
            return (_refuse(ChallengeOpen.selector, bytes32(payableAt), bytes32(block.timestamp)), 0);
        }

        // The clock at the attestation, not now: a statement dated back to skip the challenge window proves that much less.
        uint256 units = Math.min(tally.units, Rules.unitsCap(terms, e, tally.attestedAt));
        uint256 faults = Math.min(tally.faults, Rules.faultsCap(terms, e, tally.attestedAt));
        if (units <= e.unitsPaid && faults <= e.faults) {
            return (_refuse(NothingNew.selector, bytes32(uint256(e.unitsPaid)), bytes32(units)), 0);
        }

        uint256 amount;
        if (units > e.unitsPaid) {
            amount = (units - e.unitsPaid) * bid.rate;
            // A share at most: redeeming in slices must never be worth more than the work.
            relayFee = Math.min(bid.relayFee, amount / RELAY_FEE_DIVISOR);
            amount -= relayFee;
            // Capped by `unitsMax`, a uint64.
            e.unitsPaid = uint64(units);
            emit Redeemed(id, bid.payee, msg.sender, units, amount, relayFee);
        }
        uint256 penalty;
        if (faults > e.faults) {
            uint256 bond = Rules.bondLeft(terms, faults);
            penalty = Rules.bondLeft(terms, e.faults) - bond;
            // Capped to 32 bits by `faultsCap`.
            e.faults = uint32(faults);
            emit Faulted(id, faults, penalty, bond);
        }
        _engagements[id] = e;
        if (terms.faultsMax != 0 && e.faults >= terms.faultsMax && Rules.works(e, block.timestamp)) {
            e.endsAt = uint40(block.timestamp);
            _end(terms, verifiers, bid, id, e, EndReason.Faults);
        }
        _pay(terms.token, bid.payee, amount);
        _pay(terms.token, terms.poster, penalty);
    }

    /// @dev The lowest counts among exactly `threshold` verdicts of distinct members. Verdicts come ascending by verifier,
    /// so one walk over the sorted set proves membership and distinctness.
    function _tally(
        VerifierSet calldata verifiers,
        bytes32 id,
        SignedStatement[] calldata statements,
        bool[] memory signed,
        ProvenVerdict[] calldata verdicts
    ) private pure returns (bytes memory refusal, Tally memory tally) {
        if (verdicts.length != verifiers.threshold) {
            return (
                _refuse(WrongVerdictCount.selector, bytes32(uint256(verifiers.threshold)), bytes32(verdicts.length)),
                tally
            );
        }
        tally.units = type(uint256).max;
        tally.faults = type(uint256).max;
        uint256 member = 0;
        for (uint256 i = 0; i < verdicts.length; ++i) {
            ProvenVerdict calldata v = verdicts[i];
            if (v.statement >= statements.length) {
                return
                    (
                        _refuse(NoSuchStatement.selector, bytes32(statements.length), bytes32(uint256(v.statement))),
                        tally
                    );
            }
            SignedStatement calldata s = statements[v.statement];
            while (member < verifiers.members.length && verifiers.members[member] != s.verifier) ++member;
            if (member++ >= verifiers.members.length) {
                return (abi.encodeWithSelector(NotVerifier.selector, s.verifier), tally);
            }
            if (!signed[v.statement]) return (abi.encodeWithSelector(BadSignature.selector, s.verifier), tally);
            bytes32 leaf = Hashing.verdictLeaf(id, v.epoch, v.units, v.faults, v.evidence);
            if (MerkleProof.processProofCalldata(v.proof, leaf) != s.root) {
                return (abi.encodeWithSelector(VerdictNotProven.selector, s.verifier), tally);
            }
            tally.units = Math.min(tally.units, v.units);
            tally.faults = Math.min(tally.faults, v.faults);
            tally.attestedAt = Math.max(tally.attestedAt, s.attestedAt);
        }
    }

    function _checkSignatures(SignedStatement[] calldata statements) private view returns (bool[] memory signed) {
        signed = new bool[](statements.length);
        for (uint256 i = 0; i < statements.length; ++i) {
            SignedStatement calldata s = statements[i];
            bytes32 digest = _hashTypedDataV4(Hashing.statement(s.root, s.attestedAt));
            signed[i] = Signatures.isValid(s.verifier, digest, s.signature);
        }
    }

    // ------------------------------------------------------------------------------------------------- leaving

    /// @inheritdoc IEscrow
    function giveNotice(Terms calldata terms, Bid calldata bid) external nonReentrant {
        (bytes32 id, EngagementState memory e) = _load(terms, bid);
        require(msg.sender == terms.poster || msg.sender == bid.runner, NotParty(msg.sender));
        require(e.status == Status.Active, NotEngaged(id, e.status));
        uint256 endsAt = block.timestamp + terms.noticeSeconds;
        require(e.endsAt == 0 || endsAt < e.endsAt, EndsAlready(e.endsAt));
        // Only ever earlier than a 40-bit time, or block time plus 32 bits.
        e.endsAt = uint40(endsAt);
        e.noticeBy = msg.sender == bid.runner ? NoticeBy.Runner : NoticeBy.Poster;
        _engagements[id] = e;
        emit NoticeGiven(id, msg.sender, e.endsAt);
    }

    /// @inheritdoc IEscrow
    function end(Terms calldata terms, VerifierSet calldata verifiers, Bid calldata bid) external nonReentrant {
        (bytes32 id, EngagementState memory e) = _load(terms, bid);
        _requireVerifiers(terms, verifiers);
        require(e.status == Status.Active, NotEngaged(id, e.status));
        EndReason reason = EndReason.Elapsed;
        if (!Rules.works(e, block.timestamp)) {
            if (e.noticeBy == NoticeBy.Poster) reason = EndReason.PosterNotice;
            if (e.noticeBy == NoticeBy.Runner) reason = EndReason.RunnerNotice;
        } else {
            require(e.unitsPaid == e.unitsMax, NotEnded(e.endsAt, block.timestamp));
            reason = EndReason.Completed;
            e.endsAt = uint40(block.timestamp);
        }
        _end(terms, verifiers, bid, id, e, reason);
    }

    /// @dev What can no longer be earned stops being reserve and is escrow again, so that a successor can be paid from it.
    /// A runner who left early, or was ended for cause, vacates the seat; otherwise the seat has been used.
    function _end(
        Terms calldata terms,
        VerifierSet calldata verifiers,
        Bid calldata bid,
        bytes32 id,
        EngagementState memory e,
        EndReason reason
    ) private {
        uint64 units = Rules.unitsReachable(terms, e);
        uint256 released = uint256(e.unitsMax - units) * bid.rate
            + Rules.feeReserve(terms, verifiers.members.length, e.unitsMax)
            - Rules.feeReserve(terms, verifiers.members.length, units);
        e.unitsMax = units;
        e.status = Status.Ended;
        _engagements[id] = e;

        BountyState memory b = _bounties[bid.bounty];
        if (reason == EndReason.Faults || reason == EndReason.RunnerNotice) b.seatsTaken -= 1;
        if (reason == EndReason.Faults) b.seatsVacated += 1;
        // Only a worthless token can fill a uint128; ending must not fail even then.
        uint256 kept = Math.min(released, type(uint128).max - b.escrow);
        b.escrow += uint128(kept);
        _bounties[bid.bounty] = b;
        emit Ended(id, bid.bounty, reason, e.endsAt, units, released, b.escrow);
        if (kept != released) _credit(terms.poster, terms.token, released - kept);
    }

    /// @inheritdoc IEscrow
    function reclaim(Terms calldata terms, VerifierSet calldata verifiers, Bid calldata bid) external nonReentrant {
        (bytes32 id, EngagementState memory e) = _load(terms, bid);
        _requireVerifiers(terms, verifiers);
        require(e.status == Status.Ended, NotEngaged(id, e.status));
        uint256 until = Rules.reclaimableAt(terms, e.endsAt);
        require(block.timestamp >= until, RedemptionOpen(until, block.timestamp));

        uint256 reserve = uint256(e.unitsMax - e.unitsPaid) * bid.rate
            + Rules.feeReserve(terms, verifiers.members.length, e.unitsMax);
        uint256 bond = Rules.bondLeft(terms, e.faults);
        _engagements[id].status = Status.Closed;
        emit Reclaimed(id, reserve, bond);
        _pay(terms.token, terms.poster, reserve);
        _pay(terms.token, bid.runner, bond);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IEscrow
    function engagement(bytes32 id) external view returns (EngagementState memory) {
        return _engagements[id];
    }

    /// @inheritdoc IEscrow
    function engagementId(Bid calldata bid) external pure returns (bytes32) {
        return Hashing.bid(bid);
    }

    /// @inheritdoc IEscrow
    function bidDigest(Bid calldata bid) external view returns (bytes32) {
        return _hashTypedDataV4(Hashing.bid(bid));
    }

    /// @inheritdoc IEscrow
    function awardDigest(Award calldata choice) external view returns (bytes32) {
        return _hashTypedDataV4(Hashing.award(choice));
    }

    /// @inheritdoc IEscrow
    function statementDigest(bytes32 root, uint64 attestedAt) external view returns (bytes32) {
        return _hashTypedDataV4(Hashing.statement(root, attestedAt));
    }

    /// @inheritdoc IEscrow
    function verdictLeaf(bytes32 id, uint64 epoch, uint64 units, uint64 faults, bytes32 evidence)
        external
        pure
        returns (bytes32)
    {
        return Hashing.verdictLeaf(id, epoch, units, faults, evidence);
    }

    /// @inheritdoc IEscrow
    function unitsCap(Terms calldata terms, bytes32 id, uint64 time) external view returns (uint256) {
        EngagementState memory e = _engagements[id];
        return Rules.unitsCap(terms, e, time);
    }

    /// @inheritdoc IEscrow
    function reserveFor(Terms calldata terms, uint256 verifiers, uint256 rate) public pure returns (uint256) {
        return terms.unitsMax * rate + Rules.feeReserve(terms, verifiers, terms.unitsMax);
    }

    /// @inheritdoc IEscrow
    function reclaimableAt(Terms calldata terms, bytes32 id) external view returns (uint256) {
        uint256 endsAt = _engagements[id].endsAt;
        return endsAt == 0 ? 0 : Rules.reclaimableAt(terms, endsAt);
    }

    // ------------------------------------------------------------------------------------------------- shared

    function _load(Terms calldata terms, Bid calldata bid) private view returns (bytes32 id, EngagementState memory e) {
        bytes32 bountyId_ = Hashing.bountyId(terms);
        require(bid.bounty == bountyId_, WrongBounty(bountyId_, bid.bounty));
        id = Hashing.bid(bid);
        e = _engagements[id];
    }

    function _requireVerifiers(Terms calldata terms, VerifierSet calldata verifiers) private pure {
        bytes32 actual = Hashing.verifierSet(verifiers);
        require(actual == terms.verifierSet, WrongVerifierSet(terms.verifierSet, actual));
    }

    function _refuse(bytes4 selector, bytes32 expected, bytes32 actual) private pure returns (bytes memory) {
        return abi.encodeWithSelector(selector, expected, actual);
    }

    function _revertWith(bytes memory refusal) private pure {
        assembly ("memory-safe") {
            revert(add(refusal, 0x20), mload(refusal))
        }
    }
}
