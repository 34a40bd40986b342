// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Vouchers} from "./Vouchers.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {
    Attestation,
    EngagementState,
    FeeEntry,
    Offer,
    Status,
    Terms,
    Verdict,
    VerifierSet
} from "./interfaces/Types.sol";
import {Hashing} from "./libraries/Hashing.sol";
import {Rules} from "./libraries/Rules.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice What verifiers earn: the same for yes and no, so that nobody gains by approving more.
/// @dev The contract can't see whether a verifier looked; it pays for a signed verdict per epoch, which can convict its signer.
abstract contract Fees is Vouchers, ISettlement {
    uint256 private constant BATCH_MAX = 100;

    /// @dev Fees of one token are sent together.
    struct Payout {
        address token;
        uint256 amount;
    }

    /// @inheritdoc ISettlement
    function claimFee(Offer[] calldata offers, Attestation calldata attestation, FeeEntry[] calldata entries)
        external
        nonReentrant
        returns (uint256 paid)
    {
        // Verdicts are public, and a claim passes over the epochs before those it names: nobody else may choose them.
        require(msg.sender == attestation.verifier, NotVerifier(msg.sender));
        require(entries.length <= BATCH_MAX, BatchTooLong(BATCH_MAX, entries.length));
        _requireAttested(attestation, entries);
        Payout memory out;
        for (uint256 i = 0; i < entries.length; ++i) {
            require(entries[i].offer < offers.length, NoSuchOffer(offers.length, entries[i].offer));
            paid += _claimEntry(offers[entries[i].offer], attestation, entries[i], out);
        }
        _pay(out.token, attestation.verifier, out.amount);
    }

    /// @return paid epochs paid for, 0 when the entry was skipped
    function _claimEntry(
        Offer calldata offer,
        Attestation calldata attestation,
        FeeEntry calldata entry,
        Payout memory out
    ) private returns (uint256 paid) {
        (bytes32 id, EngagementState memory e) = _load(offer.terms, entry.bid);
        _requireVerifiers(offer.terms, offer.verifiers);
        bytes memory refusal = _refusal(offer, attestation, entry.verdicts, id, e);
        if (refusal.length != 0) {
            emit Skipped(id, refusal);
            return 0;
        }
        if (offer.terms.token != out.token) {
            _pay(out.token, attestation.verifier, out.amount);
            (out.token, out.amount) = (offer.terms.token, 0);
        }
        out.amount += _claim(offer.terms, attestation.verifier, entry.verdicts, id);
        return entry.verdicts.length;
    }

    function _claim(Terms calldata terms, address verifier, Verdict[] calldata verdicts, bytes32 id)
        private
        returns (uint256 amount)
    {
        amount = verdicts.length * terms.verifierFee;
        // Epochs are below 2^53, and all fees of an engagement fit a uint128: they came from an escrow, or `extend` checked them.
        FeeMark storage mark = _feeMarks[id][verifier];
        mark.nextEpoch = verdicts[verdicts.length - 1].epoch + 1;
        mark.epochsPaid += uint64(verdicts.length);
        _records[id].feesPaid += uint128(amount);
        emit FeeClaimed(id, verifier, verdicts.length, mark.nextEpoch, amount);
    }

    /// @return refusal why nothing is paid, ABI-encoded; empty if all is well
    function _refusal(
        Offer calldata offer,
        Attestation calldata attestation,
        Verdict[] calldata verdicts,
        bytes32 id,
        EngagementState memory e
    ) private view returns (bytes memory) {
        Terms calldata terms = offer.terms;
        if (e.status != Status.Active && e.status != Status.Ended) {
            return abi.encodeWithSelector(NotEngaged.selector, id, e.status);
        }
        if (terms.verifierFee == 0 || verdicts.length == 0) return abi.encodeWithSelector(ZeroAmount.selector);
        uint256 member = _memberOf(offer.verifiers, attestation.verifier);
        if (member == offer.verifiers.members.length) {
            return abi.encodeWithSelector(NotVerifier.selector, attestation.verifier);
        }
        if (_records[id].ejected >> member & 1 != 0) {
            return abi.encodeWithSelector(Ejected.selector, attestation.verifier);
        }
        uint256 payableAt = uint256(attestation.attestedAt) + terms.challengeSeconds;
        if (block.timestamp < payableAt) return _refuse(ChallengeOpen.selector, payableAt, block.timestamp);

        FeeMark memory mark = _feeMarks[id][attestation.verifier];
        uint256 next = mark.nextEpoch;
        uint256 over = Rules.epochsOver(terms, e, attestation.attestedAt);
        for (uint256 i = 0; i < verdicts.length; ++i) {
            uint256 epoch = verdicts[i].epoch;
            if (epoch < next) return _refuse(EpochClaimed.selector, next, epoch);
            if (epoch >= over) return _refuse(EpochOpen.selector, over, epoch);
            next = epoch + 1;
        }
        uint256 reserved = Rules.epochs(terms, e.unitsMax);
        if (mark.epochsPaid + verdicts.length > reserved) {
            return abi.encodeWithSelector(NothingReserved.selector, reserved);
        }
        return "";
    }

    function _requireAttested(Attestation calldata attestation, FeeEntry[] calldata entries) private view {
        uint256 count = 0;
        for (uint256 i = 0; i < entries.length; ++i) {
            count += entries[i].verdicts.length;
        }
        bytes32[] memory leaves = new bytes32[](count);
        uint256 next = 0;
        for (uint256 i = 0; i < entries.length; ++i) {
            bytes32 id = Hashing.bid(entries[i].bid);
            for (uint256 j = 0; j < entries[i].verdicts.length; ++j) {
                Verdict calldata v = entries[i].verdicts[j];
                leaves[next++] = Hashing.verdictLeaf(id, v.epoch, v.units, v.faults, v.evidence);
            }
        }
        bytes32 root = MerkleProof.processMultiProofCalldata(attestation.proof, attestation.flags, leaves);
        bytes32 digest = _hashTypedDataV4(Hashing.statement(root, attestation.attestedAt));
        require(
            Signatures.isValid(attestation.verifier, digest, attestation.signature), NotAttested(attestation.verifier)
        );
    }

    /// @return member its place in the set, or the number of members
    function _memberOf(VerifierSet calldata verifiers, address account) internal pure returns (uint256 member) {
        while (member < verifiers.members.length && verifiers.members[member] != account) ++member;
    }
}
