//! `GET /v1/bounties/{id}/claim`: what a runner's wallet sends to take a seat of an open bounty.

use axum::Json;
use axum::extract::State;
use piecework_domain::Address;
use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::messages::Bid;
use piecework_domain::money::{Amount, NATIVE};
use piecework_domain::rules;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::lookup;
use crate::error::Problem;
use crate::extract::{Id, Params, parse_id};
use crate::state::AppState;
use crate::views::UnsignedTransaction;
use crate::{Error, Result, clock};

/// A claim is good for this long.
const CLAIM_SECONDS: u64 = 3_600;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClaimParams {
    /// Sends the transaction and posts the bond.
    runner: String,
    /// The key that will sign evidence.
    node: String,
    /// Receives the pay; the runner unless given.
    payee: Option<String>,
    /// Per redemption, to whoever submits it, in the bounty's token; 0 unless given.
    relay_fee: Option<String>,
    /// Tells several claims of one runner apart; 0 unless given.
    nonce: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimView {
    /// The engagement that the claim makes.
    pub engagement: EngagementId,
    pub bid: Bid,
    /// The bond; native bonds travel with the transaction, token bonds come from the free balance or the allowance.
    pub bond: Amount,
    #[schema(value_type = String)]
    pub token: Address,
    pub transaction: UnsignedTransaction,
}

/// The transaction that takes a seat at `rateMax`, for the runner's wallet.
#[utoipa::path(get, path = "/v1/bounties/{id}/claim", tag = "bids", params(("id" = String, Path), ClaimParams),
    responses((status = 200, body = ClaimView), (status = 404, body = Problem), (status = 409, body = Problem),
              (status = 400, body = Problem), (status = 422, body = Problem)))]
pub async fn read(
    State(state): State<AppState>,
    Id(id): Id<BountyId>,
    Params(params): Params<ClaimParams>,
) -> Result<Json<ClaimView>> {
    let now = clock::now();
    let runner: Address = parse_id(&params.runner)?;
    let amount = |text: Option<String>| -> Result<Amount> {
        let amount = text.as_deref().unwrap_or("0").parse();
        amount.map_err(|err: piecework_domain::money::NotAnAmount| Error::malformed("malformed_query", err.to_string()))
    };
    let relay_fee = u128::try_from(amount(params.relay_fee)?.0)
        .map_err(|_| Error::malformed("malformed_query", "relayFee is below 2^128"))?;
    let mut db = lookup::db(&state.pool).await?;
    let bounty = lookup::bounty(&mut db, id).await?.bounty;
    if !bounty.terms.open_claim {
        return Err(Error::conflict("claim_not_open", "this bounty is awarded by its poster: bid for it"));
    }
    lookup::check_open(&bounty, now)?;
    lookup::check_judgeable(&mut db, &state.chain, &bounty.terms).await?;
    let verifiers = lookup::verifiers(&mut db, &[id]).await?.remove(&id).ok_or_else(|| {
        Error::conflict("verifiers_unknown", "the members of this bounty's verifier set were never announced")
    })?;
    let reserve = rules::reserve(&bounty.terms, verifiers.members.len(), bounty.terms.rate_max);
    if reserve.is_none_or(|reserve| reserve > bounty.escrow) {
        return Err(Error::conflict(
            "underfunded",
            format!("the escrow holds {}, too little for a seat", bounty.escrow),
        ));
    }
    let bid = Bid {
        bounty: id,
        runner,
        payee: params.payee.as_deref().map_or(Ok(runner), parse_id)?,
        node: parse_id(&params.node)?,
        rate: bounty.terms.rate_max,
        relay_fee,
        expires_at: now.plus(CLAIM_SECONDS).min(bounty.terms.open_until),
        nonce: amount(params.nonce)?,
    };
    for (field, address) in [("runner", bid.runner), ("payee", bid.payee), ("node", bid.node)] {
        lookup::check_not_zero(field, address)?;
    }
    let bond = Amount::from(bounty.terms.bond);
    let token = bounty.terms.token;
    Ok(Json(ClaimView {
        engagement: bid.engagement_id(),
        bond,
        token,
        transaction: UnsignedTransaction {
            chain_id: state.chain.id,
            to: state.chain.escrow,
            value: if token == NATIVE { bond } else { Amount::ZERO },
            data: piecework_contracts::claim_call(&bounty.terms, &verifiers, &bid),
        },
        bid,
    }))
}
