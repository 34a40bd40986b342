//! The evidence file of one verifier for one epoch: everything its judgement depends on. Anyone can judge it again.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use crate::ids::EngagementId;
use crate::spec::Spec;
use crate::time::Timestamp;
use crate::{rpc, sequencer};

#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Report {
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
    /// Most units the clock allows by `to`, over the whole engagement.
    pub units_cap: u64,
    /// The verdict's counts before this epoch.
    pub units_before: u64,
    pub faults_before: u64,
    pub observed: Observed,
}

/// What the verifier saw, by the kind of work.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Observed {
    Sequencer(sequencer::Observed),
    Rpc(rpc::Observed),
}

/// Why a unit did not count. The codes are stable.
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
    /// The node announced no endpoint.
    NoEndpoint,
    /// The verifier asked too few questions to tell.
    TooFewProbes,
    /// Too many questions had no answer in time.
    TimedOut,
    /// Too often nothing listened, or the connection broke.
    Unreachable,
    /// Too many questions were answered with an error.
    Refused,
    /// Too many answers were not JSON-RPC, or too long.
    Unreadable,
    /// Answers that don't fit the chain: hashes, proofs, logs or bodies.
    Wrong,
    /// Too many answers from behind the head.
    Stale,
    /// Too often nothing was known of a block that exists.
    Missing,
    /// The 95th percentile of latency is above the spec's.
    Slow,
    /// The endpoint passes questions on to another runner's node.
    Shared,
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
            Self::NoEndpoint => "no_endpoint",
            Self::TooFewProbes => "too_few_probes",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
            Self::Wrong => "wrong",
            Self::Stale => "stale",
            Self::Missing => "missing",
            Self::Slow => "slow",
            Self::Shared => "shared",
        }
    }
}

/// One unit that did not count, with one of its reasons.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// The block's number; the epoch's where an epoch is a unit.
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

impl Observed {
    /// What the evidence file is called in lists.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Sequencer(_) => "sequencer-report",
            Self::Rpc(_) => "rpc-report",
        }
    }

    /// The spec that was judged by.
    pub fn spec(&self) -> Spec {
        match self {
            Self::Sequencer(observed) => Spec::Sequencer(observed.spec.clone()),
            Self::Rpc(observed) => Spec::Rpc(observed.spec.clone()),
        }
    }
}

impl Report {
    /// Judges the epoch. Pure: the same report gives the same judgement to anyone.
    pub fn judge(&self) -> Judgement {
        match &self.observed {
            Observed::Sequencer(observed) => sequencer::judge(self, observed),
            Observed::Rpc(observed) => rpc::judge(self, observed),
        }
    }

    /// Cumulative units after this epoch: what counted, as far as the clock allows.
    pub fn units(&self, judgement: &Judgement) -> u64 {
        self.units_before.saturating_add(judgement.counted).min(self.units_cap).max(self.units_before)
    }

    /// Cumulative faults after this epoch.
    pub fn faults(&self, judgement: &Judgement) -> u64 {
        self.faults_before.saturating_add(u64::from(judgement.fault))
    }
}
