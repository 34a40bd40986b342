// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Vouchers} from "./Vouchers.sol";
import {IMarket} from "./interfaces/IMarket.sol";
import {
    Attestation,
    AttestedVerdict,
    BatchEntry,
    Bid,
    EngagementState,
    Offer,
    SignedVerdict,
    Status,
    Terms,
    VerifierSet
} from "./interfaces/Types.sol";
import {Hashing} from "./libraries/Hashing.sol";
import {PackedVerdict} from "./libraries/Packing.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

/// @notice Vouchers become money, one at a time or many.
abstract contract Redemption is Vouchers, IMarket {
    uint256 private constant BATCH_MAX = 100;

    /// @dev What is known of an attestation; `leaves` in the order in which entries name it.
    struct Attested {
        address verifier;
        uint64 attestedAt;
        bool ok;
        uint256 count;
        bytes32[] leaves;
    }

    /// @dev What the entries of a batch share. Relay fees of one token are sent together.
    struct Batch {
        bytes32[] bounties;
        bytes32[] ids;
        Attested[] attested;
        address feeToken;
        uint256 fees;
    }

    /// @inheritdoc IMarket
    function redeem(
        Terms calldata terms,
        VerifierSet calldata verifiers,
        Bid calldata bid,
        SignedVerdict[] calldata verdicts
    ) external nonReentrant {
        _requireVerifiers(terms, verifiers);
        (bytes32 id, EngagementState memory e) = _load(terms, bid);
        require(_isRedeemable(e), NotEngaged(id, e.status));
        Tally memory tally = _tally(verifiers, id, verdicts);
        (bytes memory refusal, uint256 relayFee) = _redeemTally(terms, verifiers, bid, id, e, tally);
        if (refusal.length != 0) _revertWith(refusal);
        _pay(terms.token, msg.sender, relayFee);
    }

    /// @inheritdoc IMarket
    function redeemBatch(Offer[] calldata offers, Attestation[] calldata attestations, BatchEntry[] calldata entries)
        external
        nonReentrant
        returns (uint256 redeemed)
    {
        require(entries.length <= BATCH_MAX, BatchTooLong(BATCH_MAX, entries.length));
        Batch memory batch;
        batch.bounties = new bytes32[](offers.length);
        for (uint256 i = 0; i < offers.length; ++i) {
            _requireVerifiers(offers[i].terms, offers[i].verifiers);
            batch.bounties[i] = Hashing.bountyId(offers[i].terms);
        }
        batch.ids = new bytes32[](entries.length);
        for (uint256 i = 0; i < entries.length; ++i) {
            require(entries[i].offer < offers.length, NoSuchOffer(offers.length, entries[i].offer));
            batch.ids[i] = Hashing.bid(entries[i].bid);
        }
        _checkAttestations(attestations, entries, batch);
        for (uint256 i = 0; i < entries.length; ++i) {
            if (_redeemEntry(offers[entries[i].offer], entries[i], batch, i)) ++redeemed;
        }
        _pay(batch.feeToken, msg.sender, batch.fees);
    }

    /// @return redeemed false when the entry was skipped
    function _redeemEntry(Offer calldata offer, BatchEntry calldata entry, Batch memory batch, uint256 index)
        private
        returns (bool redeemed)
    {
        bytes32 id = batch.ids[index];
        (bytes memory refusal, uint256 relayFee) =
            _tryRedeem(offer, entry, batch.bounties[entry.offer], id, batch.attested);
        if (refusal.length != 0) {
            emit Skipped(id, refusal);
            return false;
        }
        if (offer.terms.token != batch.feeToken) {
            _pay(batch.feeToken, msg.sender, batch.fees);
            batch.feeToken = offer.terms.token;
            batch.fees = 0;
        }
        batch.fees += relayFee;
        return true;
    }

    function _tryRedeem(
        Offer calldata offer,
        BatchEntry calldata entry,
        bytes32 bountyId_,
        bytes32 id,
        Attested[] memory attested
    ) private returns (bytes memory, uint256) {
        if (entry.bid.bounty != bountyId_) {
            return (_refuse(WrongBounty.selector, uint256(bountyId_), uint256(entry.bid.bounty)), 0);
        }
        EngagementState memory e = _engagements[id];
        if (!_isRedeemable(e)) return (abi.encodeWithSelector(NotEngaged.selector, id, e.status), 0);
        (bytes memory refusal, Tally memory tally) = _tallyEntry(offer.verifiers, entry.verdicts, attested);
        if (refusal.length != 0) return (refusal, 0);
        return _redeemTally(offer.terms, offer.verifiers, entry.bid, id, e, tally);
    }

    /// @dev As `_tally`, with signatures and proofs already checked. Verdicts come ascending by verifier, so one walk over the
    /// sorted set proves membership and distinctness.
    function _tallyEntry(
        VerifierSet calldata verifiers,
        AttestedVerdict[] calldata verdicts,
        Attested[] memory attested
    ) private pure returns (bytes memory refusal, Tally memory tally) {
        if (verdicts.length != verifiers.threshold) {
            return (_refuse(WrongVerdictCount.selector, verifiers.threshold, verdicts.length), tally);
        }
        address[] calldata members = verifiers.members;
        tally.units = type(uint256).max;
        tally.faults = type(uint256).max;
        uint256 member = 0;
        for (uint256 i = 0; i < verdicts.length; ++i) {
            PackedVerdict packed = verdicts[i].packed;
            uint256 index = packed.index();
            if (index >= attested.length) {
                return (_refuse(NoSuchAttestation.selector, attested.length, index), tally);
            }
            Attested memory a = attested[index];
            while (member < members.length && members[member] != a.verifier) ++member;
            if (member == members.length) {
                return (abi.encodeWithSelector(NotVerifier.selector, a.verifier), tally);
            }
            if (!a.ok) return (abi.encodeWithSelector(NotAttested.selector, a.verifier), tally);
            _count(tally, member++, packed, a.attestedAt);
        }
    }

    /// @dev Finds out which attestations hold exactly the verdicts of the batch that name them.
    function _checkAttestations(Attestation[] calldata attestations, BatchEntry[] calldata entries, Batch memory batch)
        private
        view
    {
        batch.attested = new Attested[](attestations.length);
        for (uint256 i = 0; i < attestations.length; ++i) {
            // More leaves than that no multiproof can have.
            batch.attested[i].leaves = new bytes32[](attestations[i].flags.length + 1);
        }
        for (uint256 i = 0; i < entries.length; ++i) {
            _collectLeaves(entries[i].verdicts, batch.ids[i], batch.attested);
        }
        for (uint256 i = 0; i < attestations.length; ++i) {
            _checkAttestation(attestations[i], batch.attested[i]);
        }
    }

    function _collectLeaves(AttestedVerdict[] calldata verdicts, bytes32 id, Attested[] memory attested) private pure {
        for (uint256 i = 0; i < verdicts.length; ++i) {
            AttestedVerdict calldata v = verdicts[i];
            uint256 index = v.packed.index();
            // The entry is refused later.
            if (index >= attested.length) continue;
            Attested memory a = attested[index];
            require(a.count < a.leaves.length, MerkleProof.MerkleProofInvalidMultiproof());
            a.leaves[a.count++] = Hashing.verdictLeaf(id, v.packed, v.evidence);
        }
    }

    function _checkAttestation(Attestation calldata a, Attested memory attested) private view {
        bytes32[] memory leaves = attested.leaves;
        uint256 count = attested.count;
        assembly ("memory-safe") {
            mstore(leaves, count)
        }
        bytes32 root = MerkleProof.processMultiProofCalldata(a.proof, a.flags, leaves);
        bytes32 digest = _hashTypedDataV4(Hashing.statement(root, a.attestedAt));
        (attested.verifier, attested.attestedAt) = (a.verifier, a.attestedAt);
        attested.ok = Signatures.isValid(a.verifier, digest, a.signature);
    }

    function _isRedeemable(EngagementState memory e) private pure returns (bool) {
        return e.status == Status.Active || e.status == Status.Ended;
    }
}
