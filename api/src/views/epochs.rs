//! What verifiers found, epoch by epoch.

use std::collections::BTreeMap;

use piecework_domain::Address;
use piecework_domain::ids::EvidenceHash;
use piecework_domain::report::{Reason, Refusal};
use piecework_domain::terms::VerifierSet;
use piecework_domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::rfc3339;

/// What one verifier found in one epoch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingView {
    #[schema(value_type = String)]
    pub verifier: Address,
    /// Cumulative after this epoch.
    pub units: u64,
    pub faults: u64,
    /// In this epoch.
    pub counted: u64,
    pub fault: bool,
    /// The first 50 units that did not count, each with its reason. All are in the evidence file.
    pub refused: Vec<Refusal>,
    pub refused_count: u64,
    pub evidence: EvidenceHash,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EpochView {
    pub epoch: u64,
    pub from: String,
    pub to: String,
    pub findings: Vec<FindingView>,
    /// The first units that somebody refused, with who refused it, why, and the report that shows it.
    pub refused: Vec<RefusedUnit>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefusedUnit {
    /// The block's number; the epoch's where an epoch is a unit.
    pub number: u64,
    /// As many verifiers refused it as it takes for it not to be paid: fewer than the threshold can have counted it.
    pub unpaid: bool,
    pub by: Vec<RefusedBy>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefusedBy {
    #[schema(value_type = String)]
    pub verifier: Address,
    pub reasons: Vec<Reason>,
    /// `GET /v1/evidence/{hash}`; `piecework verify --replay {hash}` judges it again.
    pub evidence: EvidenceHash,
}

impl EpochView {
    pub fn new(epoch: u64, from: Timestamp, to: Timestamp, set: &VerifierSet, findings: Vec<FindingView>) -> Self {
        let mut units: BTreeMap<u64, Vec<RefusedBy>> = BTreeMap::new();
        for finding in &findings {
            for refusal in &finding.refused {
                let by = units.entry(refusal.number).or_default();
                match by.last_mut().filter(|last| last.verifier == finding.verifier) {
                    Some(last) => last.reasons.push(refusal.reason),
                    None => by.push(RefusedBy {
                        verifier: finding.verifier,
                        reasons: vec![refusal.reason],
                        evidence: finding.evidence,
                    }),
                }
            }
        }
        let others = |by: &[RefusedBy]| set.members.len().saturating_sub(by.len());
        let refused = units
            .into_iter()
            .map(|(number, by)| RefusedUnit { number, unpaid: others(&by) < usize::from(set.threshold), by })
            .collect();
        Self { epoch, from: rfc3339(from), to: rfc3339(to), findings, refused }
    }
}
