//! `GET /v1/network`: what a program needs to sign and to pay here.

use axum::Json;
use axum::extract::State;
use piecework_domain::Address;
use piecework_domain::money::Amount;
use piecework_store::relayed_tokens;
use serde::Serialize;
use utoipa::ToSchema;

use super::lookup;
use crate::Result;
use crate::error::Problem;
use crate::state::AppState;

/// The settlement chain of this API, and what its operator does there.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    #[schema(example = 31337)]
    pub chain_id: u64,
    /// The escrow: `verifyingContract` of every signature, `to` of every transaction.
    #[schema(value_type = String)]
    pub escrow: Address,
    /// Name and version of the escrow's EIP-712 domain.
    pub name: &'static str,
    pub version: &'static str,
    /// Seconds that a bounty must leave to be paid in (`epochSeconds + silenceSeconds + challengeSeconds - graceSeconds`).
    pub payout_window_min: u64,
    /// Tokens whose deposits, awards and payouts the operator pays gas for.
    pub tokens: Vec<Token>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    #[schema(value_type = String)]
    pub token: Address,
    /// What a payment must bring to be worth its gas, in base units.
    pub least: Amount,
    /// Present where payers can sign instead of sending a transaction (EIP-3009): name and version of the token's EIP-712 domain. Bounties in it
    /// can be posted by x402.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eip3009: Option<Eip3009>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Eip3009 {
    pub name: String,
    pub version: String,
}

/// The chain, the escrow, and the tokens that are relayed.
#[utoipa::path(get, path = "/v1/network", tag = "service", responses((status = 200, body = Network), (status = 503, body = Problem)))]
pub async fn read(State(state): State<AppState>) -> Result<Json<Network>> {
    let tokens = relayed_tokens::list(&mut *lookup::db(&state.pool).await?, state.chain.id).await?;
    let tokens = tokens.into_iter().map(|relayed| Token {
        token: relayed.token,
        least: Amount::from(relayed.least),
        eip3009: relayed.asset.map(|asset| Eip3009 { name: asset.name, version: asset.version }),
    });
    Ok(Json(Network {
        chain_id: state.chain.id,
        escrow: state.chain.escrow,
        name: "Piecework",
        version: "1",
        payout_window_min: state.chain.payout_window_min,
        tokens: tokens.collect(),
    }))
}
