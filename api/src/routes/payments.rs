//! What became of a payment.

use axum::Json;
use axum::extract::State;
use piecework_domain::ids::BountyId;
use piecework_domain::money::Amount;
use piecework_domain::{Address, B256};
use piecework_store::payments::{self as stored, Payment};
use serde::Serialize;
use utoipa::ToSchema;

use super::lookup;
use crate::error::Problem;
use crate::extract::Id;
use crate::state::AppState;
use crate::{Error, Result};

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentView {
    /// `keccak256(abi.encode(uint256 chainId, address token, address payer, bytes32 nonce))`: what can be used once.
    #[schema(value_type = String)]
    pub id: B256,
    /// `settled`, `failed` (no money has moved), or `unknown`: under way.
    pub state: &'static str,
    #[schema(value_type = String)]
    pub payer: Address,
    pub amount: Amount,
    /// What it pays for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounty: Option<BountyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub tx_hash: Option<B256>,
    /// Why it failed: x402's code, and in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl From<Payment> for PaymentView {
    fn from(payment: Payment) -> Self {
        let (state, tx_hash, failure) = match payment.state {
            stored::State::Pending => ("unknown", None, None),
            stored::State::Sent { tx_hash } => ("unknown", Some(tx_hash), None),
            stored::State::Settled { tx_hash } => ("settled", Some(tx_hash), None),
            stored::State::Failed { reason, detail } => ("failed", None, Some((reason, detail))),
        };
        let (reason, detail) = failure.unzip();
        Self {
            id: payment.id,
            state,
            payer: payment.payer,
            amount: payment.amount,
            bounty: payment.bounty,
            identifier: payment.identifier,
            tx_hash,
            reason,
            detail,
        }
    }
}

/// What became of a payment by x402.
#[utoipa::path(get, path = "/v1/payments/{id}", tag = "x402", params(("id" = String, Path)),
    responses((status = 200, body = PaymentView), (status = 404, body = Problem), (status = 400, body = Problem)))]
pub async fn read(State(state): State<AppState>, Id(id): Id<B256>) -> Result<Json<PaymentView>> {
    let payment = stored::get(&mut *lookup::db(&state.pool).await?, id).await?;
    let payment = payment.ok_or_else(|| Error::not_found("payment_not_found", format!("payment {id}")))?;
    Ok(Json(payment.into()))
}
