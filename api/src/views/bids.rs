//! Bids.

use piecework_domain::Bytes;
use piecework_domain::ids::EngagementId;
use piecework_domain::messages::Bid;
use piecework_domain::money::Amount;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BidView {
    /// The bid's hash: the engagement's id if it is awarded.
    pub id: EngagementId,
    pub bid: Bid,
    #[schema(value_type = String)]
    pub signature: Bytes,
    pub received_at: String,
    /// The runner's free balance of the bounty's token, which the bond is taken from first.
    pub free_balance: Amount,
    pub history: HistoryView,
}

/// What a runner has done in its newest 50 engagements.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryView {
    pub engagements: u64,
    pub units_paid: u64,
    pub faults: u64,
    /// Ended for faults or equivocation.
    pub ended_for_cause: u64,
}
