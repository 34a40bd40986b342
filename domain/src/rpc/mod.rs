//! The evidence rule of `rpc` bounties: whether an epoch was within its bounds (DESIGN §4).
//!
//! A verifier asks questions that the runner can't foresee, and whose answers can be checked against the chain without trusting
//! whoever gave them (`check`). What a report keeps of each question is enough to ask any other node the same.

pub mod check;
mod question;

use std::collections::BTreeSet;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

pub use question::Question;

use crate::messages::SignedEndpoint;
use crate::report::{Judgement, Reason, Refusal, Report};
use crate::spec::RpcSpec;

/// Characters of a wrong answer that a report keeps.
pub const ANSWER_CHARS_MAX: usize = 1_000;

/// What a verifier was answered in one epoch.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = RpcObserved))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Observed {
    pub spec: RpcSpec,
    /// Where the questions went last; absent if the node never announced an endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<SignedEndpoint>,
    /// In the order they were asked.
    pub probes: Vec<Probe>,
}

/// One question and what came of it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Probe {
    /// Milliseconds since the Unix epoch.
    pub asked_ms: u64,
    pub question: Question,
    /// The block that the right answer is about, in the verifier's own view: its head where the question is about the newest.
    pub number: u64,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub block_hash: B256,
    pub outcome: Outcome,
    /// From the question to the whole answer, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u32>,
    /// What was wrong, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The beginning of an answer that was not right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Right,
    /// No whole answer within the spec's `timeoutMs`.
    TimedOut,
    /// Nothing listens, or the connection broke.
    Unreachable,
    /// An HTTP or JSON-RPC error.
    Refused,
    /// Not JSON-RPC, or longer than any honest answer.
    Unreadable,
    /// It doesn't fit the chain.
    Wrong,
    /// From further behind the head than the spec allows.
    Stale,
    /// Nothing, about what exists.
    Missing,
    /// It comes from another runner's node.
    Shared,
}

impl Outcome {
    /// Why such an answer is not a right one.
    pub fn reason(self) -> Option<Reason> {
        match self {
            Self::Right => None,
            Self::TimedOut => Some(Reason::TimedOut),
            Self::Unreachable => Some(Reason::Unreachable),
            Self::Refused => Some(Reason::Refused),
            Self::Unreadable => Some(Reason::Unreadable),
            Self::Wrong => Some(Reason::Wrong),
            Self::Stale => Some(Reason::Stale),
            Self::Missing => Some(Reason::Missing),
            Self::Shared => Some(Reason::Shared),
        }
    }
}

/// Judges what was observed of the epoch that `report` is about: one unit or none.
pub fn judge(report: &Report, observed: &Observed) -> Judgement {
    let spec = &observed.spec;
    let reasons = reasons(observed);
    let asked_enough = answers(&observed.probes).count() >= asked_min(spec);
    let is_bad = observed.endpoint.is_none() && spec.fault_below_bps > 0
        || asked_enough && success_bps(&observed.probes) < u64::from(spec.fault_below_bps);
    Judgement {
        counted: u64::from(report.whole && reasons.is_empty()),
        refused: reasons.into_iter().map(|reason| Refusal { number: report.epoch, reason }).collect(),
        // Who asked too little can't tell, and takes no bond.
        fault: report.whole && is_bad,
    }
}

fn reasons(observed: &Observed) -> BTreeSet<Reason> {
    let Observed { spec, endpoint, probes } = observed;
    if endpoint.is_none() {
        return [Reason::NoEndpoint].into();
    }
    let mut reasons = BTreeSet::new();
    if answers(probes).count() < asked_min(spec) {
        reasons.insert(Reason::TooFewProbes);
    }
    if success_bps(probes) < u64::from(spec.success_bps_min) {
        reasons.extend(probes.iter().filter_map(|probe| probe.outcome.reason()));
    }
    if stale_bps(probes) > 10_000_u64.saturating_sub(spec.success_bps_min.into()) {
        reasons.insert(Reason::Stale);
    }
    let wrong = probes.iter().filter(|probe| probe.outcome == Outcome::Wrong).count();
    if wrong > usize::try_from(spec.wrong_max).unwrap_or(usize::MAX) {
        reasons.insert(Reason::Wrong);
    }
    if probes.iter().any(|probe| probe.outcome == Outcome::Shared) {
        reasons.insert(Reason::Shared);
    }
    if p95_ms(probes).is_some_and(|latency| latency > spec.latency_ms_max) {
        reasons.insert(Reason::Slow);
    }
    reasons
}

fn asked_min(spec: &RpcSpec) -> usize {
    usize::try_from(spec.probes_min).unwrap_or(usize::MAX)
}

/// Questions about the chain. Comparisons with other endpoints are none: whoever could make many of them fail would take bonds with them.
fn answers(probes: &[Probe]) -> impl Iterator<Item = &Probe> {
    probes.iter().filter(|probe| probe.outcome != Outcome::Shared)
}

/// Right answers of 10,000, rounded down; all of none.
fn success_bps(probes: &[Probe]) -> u64 {
    let right = answers(probes).filter(|probe| probe.outcome == Outcome::Right).count();
    bps(right, answers(probes).count()).unwrap_or(10_000)
}

/// Stale answers of 10,000 questions about the newest block: who is always behind must not hide among questions about the past.
fn stale_bps(probes: &[Probe]) -> u64 {
    let newest = probes.iter().filter(|probe| probe.question.is_about_newest()).count();
    let stale = probes.iter().filter(|probe| probe.outcome == Outcome::Stale).count();
    bps(stale, newest).unwrap_or(0)
}

fn bps(part: usize, all: usize) -> Option<u64> {
    let (part, all) = (u64::try_from(part).ok()?, u64::try_from(all).ok()?);
    part.checked_mul(10_000)?.checked_div(all)
}

/// The smallest latency that 95 of 100 answers don't exceed (nearest rank). `None` without answers.
fn p95_ms(probes: &[Probe]) -> Option<u32> {
    let mut latencies: Vec<u32> = probes.iter().filter_map(|probe| probe.latency_ms).collect();
    latencies.sort_unstable();
    let rank = (latencies.len() * 95).div_ceil(100);
    latencies.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests;
