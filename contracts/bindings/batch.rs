//! Calldata for many engagements at once, with as few signatures and proofs as their statements allow.

use alloy::primitives::{B256, Bytes, U256};
use alloy::sol_types::SolCall;
use piecework_domain::merkle::{self, MultiProof};
use piecework_domain::messages::{Bid, Verdict};
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::voucher::{AttestedVerdict, Voucher};

use crate::abi::Escrow as abi;
use crate::convert::{abi_bid, abi_terms, abi_verdict, abi_verifiers, compact, pack};

/// A batch that its sender can't have meant.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidBatch {
    #[error("a batch has at most 255 statements, this one {0}")]
    TooManyStatements(usize),
}

/// `redeemBatch(offers, attestations, entries)`: one call for many vouchers; terms, statements and proofs that entries share
/// are sent once. Entries come out ordered by engagement, as statements are.
pub fn redeem_batch_call(entries: &[(&Terms, &VerifierSet, &Bid, &Voucher)]) -> Result<Bytes, InvalidBatch> {
    let mut entries = entries.to_vec();
    entries.sort_by_key(|(_, _, bid, _)| bid.engagement_id());
    let verdicts: Vec<&AttestedVerdict> = entries.iter().flat_map(|(.., voucher)| &voucher.verdicts).collect();
    let (attestations, mut indexes) = attest(&verdicts)?;
    let mut offers = Offers::default();
    let entries = entries
        .iter()
        .map(|(terms, set, bid, voucher)| abi::BatchEntry {
            offer: offers.index(terms, set),
            bid: abi_bid(bid),
            verdicts: voucher.verdicts.iter().zip(&mut indexes).map(|(v, index)| abi_attested(v, index)).collect(),
        })
        .collect();
    Ok(abi::redeemBatchCall { offers: offers.encode(), attestations, entries }.abi_encode().into())
}

/// `claimFee(offers, attestation, entries)` for verdicts of one verifier, which one statement of its own holds exactly:
/// `signature` is over the root of `merkle::Tree` of their leaves in this order.
pub fn claim_fee_call(
    entries: &[(&Terms, &VerifierSet, &Bid, &[Verdict])],
    verifier: alloy::primitives::Address,
    attested_at: piecework_domain::time::Timestamp,
    signature: &Bytes,
) -> Bytes {
    let mut offers = Offers::default();
    let leaves: usize = entries.iter().map(|(.., verdicts)| verdicts.len()).sum();
    let attestation = abi::Attestation {
        verifier,
        attestedAt: attested_at.0,
        signature: compact(signature),
        proof: Vec::new(),
        // All leaves at once: every step takes both nodes from the queue.
        flags: vec![true; leaves.saturating_sub(1)],
    };
    let entries = entries
        .iter()
        .map(|(terms, set, bid, verdicts)| abi::FeeEntry {
            offer: offers.index(terms, set),
            bid: abi_bid(bid),
            verdicts: verdicts.iter().map(abi_verdict).collect(),
        })
        .collect();
    abi::claimFeeCall { offers: offers.encode(), attestation, entries }.abi_encode().into()
}

/// The statements behind `verdicts`, and for each verdict, in order, which of them proves it.
fn attest(verdicts: &[&AttestedVerdict]) -> Result<(Vec<abi::Attestation>, std::vec::IntoIter<u8>), InvalidBatch> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (at, verdict) in verdicts.iter().enumerate() {
        let same = |known: &AttestedVerdict| {
            (known.verifier, &known.statement, &known.signature)
                == (verdict.verifier, &verdict.statement, &verdict.signature)
        };
        match groups.iter_mut().find(|group| same(verdicts[group[0]])) {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    let mut attestations = Vec::new();
    let mut indexes = vec![0; verdicts.len()];
    let mut add = |members: &[usize], proof: MultiProof| -> Result<(), InvalidBatch> {
        let index =
            u8::try_from(attestations.len()).map_err(|_| InvalidBatch::TooManyStatements(attestations.len()))?;
        attestations.push(attestation(verdicts[members[0]], proof));
        members.iter().for_each(|at| indexes[*at] = index);
        Ok(())
    };
    for group in groups {
        let leaves: Vec<(B256, &[B256])> =
            group.iter().map(|at| (verdicts[*at].verdict.leaf(), verdicts[*at].proof.as_slice())).collect();
        match merkle::combine(&leaves, verdicts[group[0]].statement.root) {
            Some(proof) => add(&group, proof)?,
            // A tree of another shape, or in another order: each verdict with its own path.
            None => {
                for at in group {
                    let proof = verdicts[at].proof.clone();
                    add(&[at], MultiProof { flags: vec![false; proof.len()], proof })?;
                }
            }
        }
    }
    Ok((attestations, indexes.into_iter()))
}

fn attestation(verdict: &AttestedVerdict, proof: MultiProof) -> abi::Attestation {
    abi::Attestation {
        verifier: verdict.verifier,
        attestedAt: verdict.statement.attested_at.0,
        signature: compact(&verdict.signature),
        proof: proof.proof,
        flags: proof.flags,
    }
}

fn abi_attested(verdict: &AttestedVerdict, attestation: u8) -> abi::AttestedVerdict {
    abi::AttestedVerdict { packed: pack(attestation, 0, &verdict.verdict), evidence: verdict.verdict.evidence.0 }
}

/// Terms and verifier sets of one call, each once.
#[derive(Default)]
struct Offers<'a>(Vec<(&'a Terms, &'a VerifierSet)>);

impl<'a> Offers<'a> {
    fn index(&mut self, terms: &'a Terms, set: &'a VerifierSet) -> u32 {
        let index = self.0.iter().position(|known| *known == (terms, set)).unwrap_or_else(|| {
            self.0.push((terms, set));
            self.0.len() - 1
        });
        // Calls hold far fewer entries than 2^32: the contract takes 100 at once.
        U256::from(index).saturating_to()
    }

    fn encode(self) -> Vec<abi::Offer> {
        let encode = |(terms, set)| abi::Offer { terms: abi_terms(terms), verifiers: abi_verifiers(set) };
        self.0.into_iter().map(encode).collect()
    }
}
