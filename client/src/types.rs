//! The API's answers, as far as programs of this repository read them. The API may add fields.

use piecework_domain::ids::{BountyId, EngagementId, EvidenceHash};
use piecework_domain::messages::{Bid, SignedEndpoint, Statement, Verdict};
use piecework_domain::money::Amount;
use piecework_domain::report::{Refusal, Report};
use piecework_domain::sequencer::SignedClaim;
use piecework_domain::spec::Spec;
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, Bytes};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// RFC 9457, with the API's own members.
#[derive(Clone, Debug, Deserialize)]
pub struct Problem {
    pub status: u16,
    pub code: String,
    pub detail: String,
    #[serde(default)]
    pub retryable: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next_cursor: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assignment {
    pub engagement: EngagementId,
    pub bounty: BountyId,
    pub chain_id: u64,
    pub escrow: Address,
    pub node: Address,
    pub bid: Bid,
    pub terms: Terms,
    pub verifiers: VerifierSet,
    pub spec: Spec,
    pub started_at: Timestamp,
    pub ends_at: Option<Timestamp>,
    pub units_max: u64,
    pub next_epoch: u64,
    pub units: u64,
    pub faults: u64,
    /// Where the node serves, if it said so.
    #[serde(default)]
    pub endpoint: Option<SignedEndpoint>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Claims {
    pub claims: Vec<SignedClaim>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Receipt {
    pub evidence: Option<EvidenceHash>,
    pub accepted: u64,
    pub known: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    pub verdict: Verdict,
    pub report: Report,
}

/// What one verifier found in one epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EpochFinding {
    pub verifier: Address,
    /// Cumulative after this epoch.
    pub units: u64,
    pub faults: u64,
    /// In this epoch.
    pub counted: u64,
    pub fault: bool,
    pub refused: Vec<Refusal>,
    pub evidence: EvidenceHash,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Epoch {
    pub epoch: u64,
    pub findings: Vec<EpochFinding>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatementBody {
    pub verifier: Address,
    pub statement: Statement,
    pub signature: Bytes,
    pub findings: Vec<Finding>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bounty {
    pub id: BountyId,
    pub terms: Terms,
    /// Unknown when the bounty was posted without telling the API.
    pub spec: Option<Spec>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Engagement {
    pub id: EngagementId,
    pub bounty: BountyId,
    pub status: String,
    pub node: Address,
    pub bid: Bid,
    pub terms: Terms,
    pub verifiers: VerifierSet,
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub ends_at: Option<OffsetDateTime>,
    pub units_max: u64,
    pub units_paid: u64,
    pub faults: u64,
    pub paid: Amount,
    /// Where the node serves, if it said so.
    #[serde(default)]
    pub endpoint: Option<SignedEndpoint>,
}

impl Engagement {
    pub fn started_at(&self) -> Timestamp {
        timestamp(self.started_at)
    }

    pub fn ends_at(&self) -> Option<Timestamp> {
        self.ends_at.map(timestamp)
    }
}

/// Times before 1970 don't come from a chain.
fn timestamp(time: OffsetDateTime) -> Timestamp {
    Timestamp(u64::try_from(time.unix_timestamp()).unwrap_or(0))
}
