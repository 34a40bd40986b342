//! The evidence rule of `sequencer` bounties: which claimed blocks of an epoch count (DESIGN §4).
//!
//! A signature alone proves a key, not a block, and can be made later. So a block counts only if it is also canonical in the
//! verifier's own view at the spec's finality tag, and the verifier itself saw it in time.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

use crate::ids::EngagementId;
use crate::messages::{BlockClaim, Domain};
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

/// Everything a judgement depends on: the evidence file of one verifier for one epoch. Anyone can judge it again.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Report {
    /// `sequencer-report`.
    pub kind: String,
    pub engagement: EngagementId,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub verifier: Address,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub node: Address,
    pub chain_id: u64,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub escrow: Address,
    pub epoch: u64,
    /// The epoch as `[from, to)`.
    pub from: Timestamp,
    pub to: Timestamp,
    /// False for a last epoch that the end cut short: it can't be a fault.
    pub whole: bool,
    pub spec: SequencerSpec,
    /// The newest block at the finality tag when the epoch was judged.
    pub final_number: Option<u64>,
    pub seen: Vec<SeenBlock>,
    pub claims: Vec<SignedClaim>,
    /// Most units the clock allows by `to`, over the whole engagement.
    pub units_cap: u64,
    /// The verdict's counts before this epoch.
    pub units_before: u64,
    pub faults_before: u64,
}

pub const REPORT_KIND: &str = "sequencer-report";

/// Why a block did not count. The codes are stable.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The verifier saw the block, but nobody claimed it.
    Unclaimed,
    /// The signature isn't the engagement's node key's.
    BadSignature,
    /// The claim's number isn't above the claim before it.
    OutOfOrder,
    /// The number was claimed already at the same or a higher revision.
    Duplicate,
    /// More revisions than the spec allows.
    TooManyRevisions,
    /// The verifier's view has no block of that number in the epoch.
    UnknownBlock,
    /// The verifier's view has another block at that number.
    NotCanonical,
    /// The block was not at the finality tag when the epoch was judged.
    NotFinal,
    /// The verifier first saw the block too long after its timestamp.
    Late,
}

impl Reason {
    pub fn code(self) -> &'static str {
        match self {
            Self::Unclaimed => "unclaimed",
            Self::BadSignature => "bad_signature",
            Self::OutOfOrder => "out_of_order",
            Self::Duplicate => "duplicate",
            Self::TooManyRevisions => "too_many_revisions",
            Self::UnknownBlock => "unknown_block",
            Self::NotCanonical => "not_canonical",
            Self::NotFinal => "not_final",
            Self::Late => "late",
        }
    }
}

/// One block that did not count.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    pub number: u64,
    pub reason: Reason,
}

/// What follows from a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Judgement {
    pub counted: u64,
    pub refused: Vec<Refusal>,
    pub fault: bool,
}

impl Report {
    /// Cumulative units after this epoch: what counted, as far as the clock allows.
    pub fn units(&self, judgement: &Judgement) -> u64 {
        self.units_before.saturating_add(judgement.counted).min(self.units_cap).max(self.units_before)
    }

    /// Cumulative faults after this epoch.
    pub fn faults(&self, judgement: &Judgement) -> u64 {
        self.faults_before.saturating_add(u64::from(judgement.fault))
    }
}

/// Judges one epoch. Pure: the same report gives the same judgement to anyone.
pub fn judge(report: &Report) -> Judgement {
    let domain = Domain::new(report.chain_id, report.escrow);
    let in_epoch = |block: &&SeenBlock| report.from <= block.timestamp && block.timestamp < report.to;
    let seen: BTreeMap<u64, &SeenBlock> = report.seen.iter().filter(in_epoch).map(|b| (b.number, b)).collect();

    let mut accepted: BTreeMap<u64, Result<(), Reason>> = BTreeMap::new();
    let mut highest: Option<BlockClaim> = None;
    let mut revisions = 0;
    for signed in &report.claims {
        let claim = signed.claim();
        let outcome = check(report, &domain, &seen, highest, &mut revisions, signed);
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
    judgement.fault = report.whole && judgement.counted < report.spec.blocks_min;
    judgement
}

fn check(
    report: &Report,
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
        if *revisions > report.spec.revisions_max {
            return Err(Reason::TooManyRevisions);
        }
    }
    let block = seen.get(&claim.number).ok_or(Reason::UnknownBlock)?;
    if block.hash != claim.block_hash {
        return Err(Reason::NotCanonical);
    }
    if report.final_number.is_none_or(|last| claim.number > last) {
        return Err(Reason::NotFinal);
    }
    let deadline_ms = block.timestamp.plus(u64::from(report.spec.timely_seconds)).0.saturating_mul(1000);
    if block.first_seen_ms > deadline_ms {
        return Err(Reason::Late);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
