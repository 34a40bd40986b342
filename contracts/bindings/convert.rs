//! `domain` types as the ABI spells them.

use alloy::primitives::{Bytes, U256};
use piecework_domain::ids::{BountyId, SpecHash};
use piecework_domain::messages::{Award, Bid, Verdict};
use piecework_domain::money::Amount;
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::time::Timestamp;
use piecework_domain::voucher::{AttestedVerdict, Voucher};

use crate::abi::Escrow as abi;

pub fn abi_terms(t: &Terms) -> abi::Terms {
    abi::Terms {
        poster: t.poster,
        token: t.token,
        rateMax: t.rate_max,
        unitsMax: t.units_max,
        unitSeconds: t.unit_seconds,
        epochSeconds: t.epoch_seconds,
        seats: t.seats,
        bond: t.bond,
        faultPenalty: t.fault_penalty,
        faultsMax: t.faults_max,
        openUntil: t.open_until.0,
        challengeSeconds: t.challenge_seconds,
        noticeSeconds: t.notice_seconds,
        silenceSeconds: t.silence_seconds,
        verifierFee: t.verifier_fee,
        verifierBondMin: t.verifier_bond_min,
        openClaim: t.open_claim,
        verifierSet: t.verifier_set,
        arbiter: t.arbiter,
        specHash: t.spec_hash.0,
        salt: t.salt.0,
    }
}

pub(crate) fn terms(t: &abi::Terms) -> Terms {
    Terms {
        poster: t.poster,
        token: t.token,
        rate_max: t.rateMax,
        units_max: t.unitsMax,
        unit_seconds: t.unitSeconds,
        epoch_seconds: t.epochSeconds,
        seats: t.seats,
        bond: t.bond,
        fault_penalty: t.faultPenalty,
        faults_max: t.faultsMax,
        open_until: Timestamp(t.openUntil),
        challenge_seconds: t.challengeSeconds,
        notice_seconds: t.noticeSeconds,
        silence_seconds: t.silenceSeconds,
        verifier_fee: t.verifierFee,
        verifier_bond_min: t.verifierBondMin,
        open_claim: t.openClaim,
        verifier_set: t.verifierSet,
        arbiter: t.arbiter,
        spec_hash: SpecHash(t.specHash),
        salt: Amount(t.salt),
    }
}

pub fn abi_verifiers(set: &VerifierSet) -> abi::VerifierSet {
    abi::VerifierSet { threshold: set.threshold, members: set.members.clone() }
}

pub(crate) fn verifiers(set: &abi::VerifierSet) -> VerifierSet {
    VerifierSet { threshold: set.threshold, members: set.members.clone() }
}

pub fn abi_bid(b: &Bid) -> abi::Bid {
    abi::Bid {
        bounty: b.bounty.0,
        runner: b.runner,
        payee: b.payee,
        node: b.node,
        rate: b.rate,
        relayFee: b.relay_fee,
        expiresAt: b.expires_at.0,
        nonce: b.nonce.0,
    }
}

pub(crate) fn bid(b: &abi::Bid) -> Bid {
    Bid {
        bounty: BountyId(b.bounty),
        runner: b.runner,
        payee: b.payee,
        node: b.node,
        rate: b.rate,
        relay_fee: b.relayFee,
        expires_at: Timestamp(b.expiresAt),
        nonce: Amount(b.nonce),
    }
}

pub(crate) fn abi_award(a: &Award) -> abi::Award {
    abi::Award { bounty: a.bounty.0, bid: a.bid.0, expiresAt: a.expires_at.0, spare: a.spare }
}

pub(crate) fn abi_verdict(v: &Verdict) -> abi::Verdict {
    abi::Verdict { epoch: v.epoch, units: v.units, faults: v.faults, evidence: v.evidence.0 }
}

/// A voucher's verdicts as `redeem` and `dispute` take them. A verdict of nobody in the set names a member that isn't there.
pub(crate) fn abi_voucher(set: &VerifierSet, voucher: &Voucher) -> Vec<abi::SignedVerdict> {
    let member = |v: &AttestedVerdict| set.members.iter().position(|member| *member == v.verifier);
    voucher
        .verdicts
        .iter()
        .map(|v| abi::SignedVerdict {
            packed: pack(
                member(v).and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX),
                v.statement.attested_at.0,
                &v.verdict,
            ),
            evidence: v.verdict.evidence.0,
            signature: compact(&v.signature),
            proof: v.proof.clone(),
        })
        .collect()
}

/// The contract's `PackedVerdict`: index 8 bits, attestedAt 40, epoch, units and faults 64 each, from the high end.
pub(crate) fn pack(index: u8, attested_at: u64, verdict: &Verdict) -> U256 {
    // Above 40 bits no signature would be found for it: later than any time a chain can have.
    let attested_at = attested_at.min((1 << 40) - 1);
    U256::from(index) << 232
        | U256::from(attested_at) << 192
        | U256::from(verdict.epoch) << 128
        | U256::from(verdict.units) << 64
        | U256::from(verdict.faults)
}

/// ERC-2098: 65 bytes with low s in 64, which saves a word of calldata. Anything else stays as it is.
pub(crate) fn compact(signature: &Bytes) -> Bytes {
    match signature.as_ref() {
        [rs @ .., v @ (27 | 28)] if rs.len() == 64 => {
            let parity: U256 = U256::from(*v - 27) << 255;
            let s: U256 = U256::from_be_slice(&rs[32..]) | parity;
            Bytes::from([&rs[..32], &s.to_be_bytes::<32>()].concat())
        }
        _ => signature.clone(),
    }
}
