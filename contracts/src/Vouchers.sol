// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {State} from "./State.sol";
import {
    Bid,
    BountyState,
    EndReason,
    EngagementState,
    SignedVerdict,
    Status,
    Subject,
    Terms,
    VerifierSet
} from "./interfaces/Types.sol";
import {Flags} from "./libraries/Flags.sol";
import {Hashing} from "./libraries/Hashing.sol";
import {PackedVerdict} from "./libraries/Packing.sol";
import {Rules} from "./libraries/Rules.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice What verdicts prove, and what proven units and faults do to money. Every part of the code needs it.
abstract contract Vouchers is State {
    /// @dev A relay fee is at most a tenth of the payout it comes from.
    uint256 private constant RELAY_FEE_DIVISOR = 10;

    /// @dev What the verdicts of one voucher agree on: the lowest counts, the newest attestation, and a bit per signer.
    struct Tally {
        uint256 units;
        uint256 faults;
        uint256 attestedAt;
        uint256 signers;
    }

    /// @dev The lowest counts among exactly `threshold` verdicts. Members ascend, so no two verdicts are one verifier's.
    function _tally(VerifierSet calldata verifiers, bytes32 id, SignedVerdict[] calldata verdicts)
        internal
        view
        returns (Tally memory tally)
    {
        require(verdicts.length == verifiers.threshold, WrongVerdictCount(verifiers.threshold, verdicts.length));
        address[] calldata members = verifiers.members;
        bytes32 domain = _domainSeparatorV4();
        tally.units = type(uint256).max;
        tally.faults = type(uint256).max;
        for (uint256 i = 0; i < verdicts.length; ++i) {
            SignedVerdict calldata v = verdicts[i];
            PackedVerdict packed = v.packed;
            uint256 member = packed.index();
            // No bit at or above the new one: members ascend.
            require(member < members.length && tally.signers >> member == 0, WrongMember(members.length, member));
            bytes32 root = Hashing.rootFrom(Hashing.verdictLeaf(id, packed, v.evidence), v.proof);
            bytes32 digest = MessageHashUtils.toTypedDataHash(domain, Hashing.statement(root, packed.attestedAt()));
            require(Signatures.isValid(members[member], digest, v.signature), NotAttested(members[member]));
            _count(tally, member, packed, packed.attestedAt());
        }
    }

    function _count(Tally memory tally, uint256 member, PackedVerdict packed, uint256 attestedAt) internal pure {
        (uint256 units, uint256 faults) = (packed.units(), packed.faults());
        if (units < tally.units) tally.units = units;
        if (faults < tally.faults) tally.faults = faults;
        if (attestedAt > tally.attestedAt) tally.attestedAt = attestedAt;
        tally.signers |= 1 << member;
    }

    /// @dev Moves what a voucher proves, or says why not without having changed anything.
    /// @return refusal the ABI-encoded error, empty on success
    /// @return relayFee still to be sent to the submitter
    function _redeemTally(
        Terms calldata terms,
        VerifierSet calldata verifiers,
        Bid calldata bid,
        bytes32 id,
        EngagementState memory e,
        Tally memory tally
    ) internal returns (bytes memory refusal, uint256 relayFee) {
        // The clock at the attestation, not now: a statement dated back to skip the challenge window proves that much less.
        uint256 units = Math.min(tally.units, Rules.unitsCap(terms, e, tally.attestedAt));
        uint256 faults = tally.faults;
        // Mostly there are none, and then no cap can matter.
        if (faults != 0) faults = Math.min(faults, Rules.faultsCap(terms, e, tally.attestedAt));
        uint256 payableAt = tally.attestedAt + terms.challengeSeconds;
        if (e.flags != 0) {
            (refusal, units, faults) = _contested(verifiers, id, e, tally.signers, units, faults);
            if (refusal.length != 0) return (refusal, 0);
            payableAt = Math.max(tally.attestedAt, _records[id].resolvedAt) + terms.challengeSeconds;
        }
        if (block.timestamp < payableAt) {
            return (_refuse(ChallengeOpen.selector, payableAt, block.timestamp), 0);
        }
        if (units <= e.unitsPaid && faults <= e.faults) {
            return (_refuse(NothingNew.selector, e.unitsPaid, units), 0);
        }
        relayFee = _apply(terms, verifiers, bid, id, e, units, faults, true);
    }

    /// @dev What disputes, open and resolved, leave of a voucher: nothing of ejected signers, and nothing above a floor.
    function _contested(
        VerifierSet calldata verifiers,
        bytes32 id,
        EngagementState memory e,
        uint256 signers,
        uint256 units,
        uint256 faults
    ) private view returns (bytes memory refusal, uint256, uint256) {
        uint256 ejected = signers & _records[id].ejected;
        if (ejected != 0) {
            return (abi.encodeWithSelector(Ejected.selector, verifiers.members[Math.log2(ejected)]), 0, 0);
        }
        uint256 unitsFloor = e.flags & Flags.UNITS_DISPUTED != 0 ? _disputes[id][Subject.Units].floor : units;
        uint256 faultsFloor = e.flags & Flags.FAULTS_DISPUTED != 0 ? _disputes[id][Subject.Faults].floor : faults;
        bool frozen = units > unitsFloor || faults > faultsFloor;
        if (frozen && Math.min(units, unitsFloor) <= e.unitsPaid && Math.min(faults, faultsFloor) <= e.faults) {
            return (abi.encodeWithSelector(Frozen.selector, units > unitsFloor ? unitsFloor : faultsFloor), 0, 0);
        }
        return ("", Math.min(units, unitsFloor), Math.min(faults, faultsFloor));
    }

    /// @dev Pays up to `units`, takes penalties up to `faults`, ends for cause at the last fault allowed. Lower counts change nothing.
    function _apply(
        Terms calldata terms,
        VerifierSet calldata verifiers,
        Bid calldata bid,
        bytes32 id,
        EngagementState memory e,
        uint256 units,
        uint256 faults,
        bool relayed
    ) internal returns (uint256 relayFee) {
        uint256 amount;
        if (units > e.unitsPaid) {
            amount = (units - e.unitsPaid) * bid.rate;
            // A share at most: redeeming in slices must never be worth more than the work.
            if (relayed && bid.relayFee != 0) relayFee = Math.min(bid.relayFee, amount / RELAY_FEE_DIVISOR);
            amount -= relayFee;
            // Capped by `unitsMax`, below 2^53.
            e.unitsPaid = uint56(units);
            _engagements[id].unitsPaid = e.unitsPaid;
            emit Redeemed(id, bid.payee, msg.sender, units, amount, relayFee);
        }
        uint256 penalty;
        if (faults > e.faults) {
            uint256 before = Rules.bondLeft(terms, e);
            // Capped to 32 bits by `faultsCap`.
            e.faults = uint32(faults);
            _engagements[id].faults = e.faults;
            uint256 bond = Rules.bondLeft(terms, e);
            penalty = before - bond;
            emit Faulted(id, faults, penalty, bond);
        }
        if (terms.faultsMax != 0 && e.faults >= terms.faultsMax && Rules.works(e, block.timestamp)) {
            e.endsAt = uint40(block.timestamp);
            _end(terms, verifiers, bid, id, e, EndReason.Faults);
        }
        _pay(terms.token, bid.payee, amount);
        _pay(terms.token, terms.poster, penalty);
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
    ) internal {
        uint56 units = Rules.unitsReachable(terms, e);
        uint256 released = uint256(e.unitsMax - units) * bid.rate
            + Rules.feeReserve(terms, verifiers.members.length, e.unitsMax)
            - Rules.feeReserve(terms, verifiers.members.length, units);
        e.unitsMax = units;
        e.status = Status.Ended;
        _engagements[id] = e;

        BountyState memory b = _bounties[bid.bounty];
        bool forCause = reason == EndReason.Faults || reason == EndReason.Equivocation;
        if (forCause || reason == EndReason.RunnerNotice) b.seatsTaken -= 1;
        if (forCause) b.seatsVacated += 1;
        // Only a worthless token can fill a uint128; ending must not fail even then.
        uint256 kept = Math.min(released, type(uint128).max - b.escrow);
        b.escrow += uint128(kept);
        _bounties[bid.bounty] = b;
        emit Ended(id, bid.bounty, reason, e.endsAt, units, released, b.escrow);
        if (kept != released) _credit(terms.poster, terms.token, released - kept);
    }
}
