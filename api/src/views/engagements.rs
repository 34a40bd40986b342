//! Engagements, and where their money stands.

use piecework_domain::chain::{Assertion, Dispute, EndReason, Engagement, NoticeBy, Status};
use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::messages::{Bid, SignedEndpoint};
use piecework_domain::money::Amount;
use piecework_domain::outlook::Outlook;
use piecework_domain::payout_wish::SignedPayoutWish;
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::{Address, B256};
use serde::Serialize;
use utoipa::ToSchema;

use super::{ChainView, rfc3339};

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EngagementView {
    pub id: EngagementId,
    pub bounty: BountyId,
    /// `active`, `ended` (redemption period) or `closed`.
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub end_reason: Option<EndReason>,
    #[schema(value_type = String)]
    pub runner: Address,
    #[schema(value_type = String)]
    pub payee: Address,
    #[schema(value_type = String)]
    pub node: Address,
    #[schema(value_type = String)]
    pub token: Address,
    pub rate: Amount,
    pub bid: Bid,
    pub terms: Terms,
    pub verifiers: VerifierSet,
    pub started_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub notice_by: Option<NoticeBy>,
    /// When what is left can be reclaimed; absent while there is no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reclaimable_at: Option<String>,
    pub units_max: u64,
    pub units_paid: u64,
    pub faults: u64,
    /// To the payee so far.
    pub paid: Amount,
    pub relay_fees: Amount,
    /// From the bond to the poster so far.
    pub penalties: Amount,
    pub bond_left: Amount,
    /// To verifiers so far.
    pub fees_paid: Amount,
    /// Two block claims for one place in the chain cost the whole bond.
    pub node_slashed: bool,
    /// Verifiers whose verdicts a ruling cut: none of theirs count here any more.
    #[schema(value_type = Vec<String>)]
    pub ejected: Vec<Address>,
    /// Units the runner itself asserted and that wait for their window or a ruling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assertion: Option<Assertion>,
    /// Open disputes: what is above `floor` waits for the arbiter until `ruleBefore` (Unix seconds).
    pub disputes: Vec<Dispute>,
    /// Where the node of an `rpc` bounty serves, once it said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<SignedEndpoint>,
    pub chain: ChainView,
}

impl EngagementView {
    pub fn new(e: Engagement, terms: Terms, endpoint: Option<SignedEndpoint>, chain: ChainView) -> Self {
        let end_reason = match e.status {
            Status::Active => None,
            Status::Ended { reason } | Status::Closed { reason, .. } => Some(reason),
        };
        let bond_left = e.bond_left(&terms);
        let reclaimable_at = e.reclaimable_at(&terms).map(rfc3339);
        Self {
            id: e.id,
            bounty: e.bounty,
            status: e.status.name(),
            end_reason,
            runner: e.bid.runner,
            payee: e.bid.payee,
            node: e.bid.node,
            token: terms.token,
            rate: e.bid.rate.into(),
            started_at: rfc3339(e.started_at),
            ends_at: e.ends_at.map(rfc3339),
            notice_by: e.notice_by,
            reclaimable_at,
            units_max: e.units_max,
            units_paid: e.units_paid,
            faults: e.faults,
            paid: e.paid,
            relay_fees: e.relay_fees,
            penalties: e.penalties,
            bond_left,
            fees_paid: e.record.fees_paid,
            node_slashed: e.slashed.is_some(),
            ejected: e
                .verifiers
                .members
                .iter()
                .enumerate()
                .filter(|(at, _)| e.record.ejected >> at & 1 == 1)
                .map(|(_, member)| *member)
                .collect(),
            assertion: e.assertion,
            disputes: e.disputes,
            endpoint,
            verifiers: e.verifiers,
            bid: e.bid,
            terms,
            chain,
        }
    }
}

/// An engagement with its money.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EngagementDetail {
    #[serde(flatten)]
    pub engagement: EngagementView,
    pub money: MoneyView,
    /// How the runner wants to be paid, if it said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payout_wish: Option<SignedPayoutWish>,
}

/// Where the money stands, in base units of the bounty's token, and what happens next.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MoneyView {
    #[serde(flatten)]
    pub outlook: Outlook,
    /// What the operator's worker is about to do; absent where there is nothing to pay, or it doesn't relay here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payout: Option<NextPayout>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NextPayout {
    /// When it is looked at next; absent: once there is news.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The transaction that is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub tx_hash: Option<B256>,
    /// Why nothing was sent at the last look: a stable code, and in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
