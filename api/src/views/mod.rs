//! What the API answers with. Amounts are decimal strings in the named token's base units, times RFC 3339 UTC, except inside
//! `terms` and signed messages, which hold exactly the integers that are hashed and signed.

mod bids;
mod bounties;
mod engagements;
mod epochs;
mod payouts;

pub use bids::{BidView, HistoryView};
pub use bounties::BountyView;
pub use engagements::{EngagementDetail, EngagementView, MoneyView, NextPayout};
pub use epochs::{EpochView, FindingView};
pub use payouts::{PayoutView, VoucherView};
use piecework_domain::money::{Amount, NATIVE};
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, Bytes};
use piecework_store::chains::{self, Cursor};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

/// RFC 3339 in UTC; times past the year 9999 as its last second.
pub fn rfc3339(at: Timestamp) -> String {
    const LAST: i64 = 253_402_300_799;
    let seconds = i64::try_from(at.0).unwrap_or(LAST).min(LAST);
    let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.format(&Rfc3339).unwrap_or_default()
}

/// How sure an answer has to be: as of the newest block, or of one that the chain calls safe or final.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    #[default]
    Latest,
    Safe,
    Finalized,
}

impl From<Certainty> for chains::Certainty {
    fn from(certainty: Certainty) -> Self {
        match certainty {
            Certainty::Latest => Self::Latest,
            Certainty::Safe => Self::Safe,
            Certainty::Finalized => Self::Finalized,
        }
    }
}

/// How sure an answer is.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChainView {
    pub chain_id: u64,
    /// The block that the answer is about: the newest mirrored one, or the one of the `certainty` asked for.
    pub block_number: u64,
    pub block_hash: String,
    /// Mirrored blocks on top of the one that last changed the object, that one included.
    pub confirmations: u64,
}

impl ChainView {
    /// About an object that block `changed` last changed.
    pub fn of(cursor: &Cursor, certainty: chains::Certainty, changed: u64) -> Self {
        let at = cursor.at(certainty);
        Self {
            chain_id: cursor.chain_id,
            block_number: at.number,
            block_hash: at.hash.to_string(),
            confirmations: (cursor.number + 1).saturating_sub(changed),
        }
    }
}

/// A transaction for the caller's wallet to sign and send.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnsignedTransaction {
    pub chain_id: u64,
    #[schema(value_type = String)]
    pub to: Address,
    /// Native coin to send along.
    pub value: Amount,
    #[schema(value_type = String)]
    pub data: Bytes,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Pass as `cursor` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page of at most `limit` rows; a full one may have a successor.
    pub fn new<R>(rows: Vec<R>, limit: i64, cursor: impl Fn(&R) -> String, view: impl FnMut(R) -> T) -> Self {
        let full = i64::try_from(rows.len()).is_ok_and(|len| len == limit);
        let next_cursor = rows.last().filter(|_| full).map(cursor);
        Self { items: rows.into_iter().map(view).collect(), next_cursor }
    }
}

/// The transaction that pays `amount` of `token` to `to`.
pub fn payment(chain_id: u64, token: Address, to: Address, amount: Amount) -> UnsignedTransaction {
    if token == NATIVE {
        UnsignedTransaction { chain_id, to, value: amount, data: Bytes::new() }
    } else {
        let data = piecework_contracts::transfer_call(to, amount);
        UnsignedTransaction { chain_id, to: token, value: Amount::ZERO, data }
    }
}
