//! Bounties.

use piecework_domain::Address;
use piecework_domain::chain::Bounty;
use piecework_domain::ids::BountyId;
use piecework_domain::money::Amount;
use piecework_domain::spec::Spec;
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::ChainView;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BountyView {
    pub id: BountyId,
    /// `open` while seats can be taken, `full`, or `closed` after `openUntil`.
    pub status: &'static str,
    pub terms: Terms,
    /// Absent when the bounty was posted without telling this API and nobody was engaged yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verifiers: Option<VerifierSet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<Spec>,
    /// Why nobody should work for it: it was posted on chain with terms that don't fit its spec, or that leave no time to pay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    #[schema(value_type = String)]
    pub deposit_address: Address,
    /// Funded and not reserved, in `terms.token`.
    pub escrow: Amount,
    pub funded: Amount,
    pub seats_taken: u32,
    pub seats_vacated: u32,
    pub posted_at: String,
    /// What an hour of work at `terms.rateMax` pays, in base units of `terms.token`, rounded down. Absent where units have no time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pay_per_hour: Option<Amount>,
    pub chain: ChainView,
}

impl BountyView {
    pub fn status(bounty: &Bounty, now: Timestamp) -> &'static str {
        if bounty.is_open(now) {
            "open"
        } else if now < bounty.terms.open_until {
            "full"
        } else {
            "closed"
        }
    }
}
