//! What was paid, and what can be.

use piecework_domain::ids::EngagementId;
use piecework_domain::money::Amount;
use piecework_domain::voucher::Voucher;
use piecework_domain::{Address, B256};
use serde::Serialize;
use utoipa::ToSchema;

use super::{ChainView, UnsignedTransaction};

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PayoutView {
    #[schema(value_type = String)]
    pub payee: Address,
    #[schema(value_type = String)]
    pub submitter: Address,
    /// Cumulative units paid, this payout included.
    pub units: u64,
    pub amount: Amount,
    pub relay_fee: Amount,
    #[schema(value_type = String)]
    pub tx_hash: B256,
    pub block_number: u64,
    pub time: String,
    pub chain: ChainView,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VoucherView {
    pub engagement: EngagementId,
    pub units: u64,
    pub faults: u64,
    pub redeemable_at: String,
    /// Units this voucher pays for beyond what is paid already, as far as the clock allows now.
    pub units_new: u64,
    pub voucher: Voucher,
    /// Redeems it: anyone can send this, through any endpoint.
    pub transaction: UnsignedTransaction,
    pub chain: ChainView,
}
