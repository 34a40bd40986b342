//! The evidence rule of `sequencer` bounties: which claimed blocks of an epoch count (DESIGN §4).
//!
//! A signature alone proves a key, not a block, and can be made later. So a block counts only if it is also canonical in the
//! verifier's own view at the spec's finality tag, and the verifier itself saw it in time.

use std::collections::BTreeMap;

use alloy_primitives::{B256, Bytes};
use serde::{Deserialize, Serialize};

use crate::messages::{BlockClaim, Domain};
use crate::report::{Judgement, Reason, Refusal, Report};
use crate::signature;
use crate::spec::SequencerSpec;
use crate::time::Timestamp;

/// Claims a node may send at once.
pub const CLAIMS_PER_BATCH_MAX: usize = 500;

/// A block claim with its node's signature, as runners send it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedClaim {
    pub number: u64,
    #[serde(default)]
    pub revision: u64,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub block_hash: B256,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: Bytes,
}

impl SignedClaim {
    pub fn claim(&self) -> BlockClaim {
        BlockClaim { number: self.number, revision: self.revision, block_hash: self.block_hash }
    }
}

/// A block in the verifier's own view when it judged.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeenBlock {
    pub number: u64,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub hash: B256,
    pub timestamp: Timestamp,
    /// Milliseconds since the Unix epoch at which the verifier first saw this hash.
    pub first_seen_ms: u64,
}

/// What a verifier saw and was told of one epoch.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = SequencerObserved))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Observed {
    pub spec: SequencerSpec,
    /// The newest block at the finality tag when the epoch was judged.
    pub final_number: Option<u64>,
    pub seen: Vec<SeenBlock>,
    pub claims: Vec<SignedClaim>,
}

/// Judges what was observed of the epoch that `report` is about.
pub fn judge(report: &Report, observed: &Observed) -> Judgement {
    let domain = Domain::new(report.chain_id, report.escrow);
    let in_epoch = |block: &&SeenBlock| report.from <= block.timestamp && block.timestamp < report.to;
    let seen: BTreeMap<u64, &SeenBlock> = observed.seen.iter().filter(in_epoch).map(|b| (b.number, b)).collect();

    let mut accepted: BTreeMap<u64, Result<(), Reason>> = BTreeMap::new();
    let mut highest: Option<BlockClaim> = None;
    let mut revisions = 0;
    for signed in &observed.claims {
        let claim = signed.claim();
        let outcome = check(report, observed, &domain, &seen, highest, &mut revisions, signed);
        let ordered = !matches!(outcome, Err(Reason::BadSignature | Reason::OutOfOrder | Reason::Duplicate));
        if ordered {
            highest = Some(claim);
            // A later revision of a number replaces the earlier one: the node had to build it again.
            accepted.insert(claim.number, outcome);
        } else {
            // What can't be the node's own word doesn't take away a claim that can.
            accepted.entry(claim.number).or_insert(outcome);
        }
    }
    for number in seen.keys() {
        accepted.entry(*number).or_insert(Err(Reason::Unclaimed));
    }

    let mut judgement = Judgement::default();
    for (number, outcome) in accepted {
        match outcome {
            Ok(()) => judgement.counted += 1,
            Err(reason) => judgement.refused.push(Refusal { number, reason }),
        }
    }
    judgement.fault = report.whole && judgement.counted < observed.spec.blocks_min;
    judgement
}

fn check(
    report: &Report,
    observed: &Observed,
    domain: &Domain,
    seen: &BTreeMap<u64, &SeenBlock>,
    highest: Option<BlockClaim>,
    revisions: &mut u64,
    signed: &SignedClaim,
) -> Result<(), Reason> {
    let claim = signed.claim();
    signature::verify(report.node, claim.digest(report.engagement, domain), &signed.signature)
        .map_err(|_| Reason::BadSignature)?;
    if let Some(last) = highest {
        if claim.number == last.number && claim.revision <= last.revision {
            return Err(Reason::Duplicate);
        }
        if claim.number < last.number && claim.revision == 0 {
            return Err(Reason::OutOfOrder);
        }
    }
    if claim.revision > 0 {
        *revisions += 1;
        if *revisions > observed.spec.revisions_max {
            return Err(Reason::TooManyRevisions);
        }
    }
    let block = seen.get(&claim.number).ok_or(Reason::UnknownBlock)?;
    if block.hash != claim.block_hash {
        return Err(Reason::NotCanonical);
    }
    if observed.final_number.is_none_or(|last| claim.number > last) {
        return Err(Reason::NotFinal);
    }
    let deadline_ms = block.timestamp.plus(u64::from(observed.spec.timely_seconds)).0.saturating_mul(1000);
    if block.first_seen_ms > deadline_ms {
        return Err(Reason::Late);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
