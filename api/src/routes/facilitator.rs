//! An x402 facilitator for others: checks and settles payments by EIP-3009 in the tokens that the operator relays.

use axum::Json;
use axum::extract::State;
use piecework_domain::Address;
use piecework_domain::U256;
use piecework_domain::x402::exact::{self, Asset, Signer};
use piecework_domain::x402::{PaymentPayload, PaymentRequirements, Reason, SettlementResponse, VERSION, network};
use piecework_store::{payments as stored, relayed_tokens};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;
use utoipa::ToSchema;

use super::lookup;
use crate::error::Problem;
use crate::extract::Body;
use crate::limits::Network;
use crate::payment::{self, Checked};
use crate::state::AppState;
use crate::{Error, Result, clock};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FacilitatorBody {
    #[serde(rename = "x402Version")]
    pub version: u64,
    pub payment_payload: PaymentPayload,
    pub payment_requirements: PaymentRequirements,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerifyResponse {
    pub is_valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invalid_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub payer: Option<Address>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Supported {
    pub kinds: Vec<Kind>,
    pub extensions: Vec<String>,
    /// Whose transactions settle, by network.
    #[schema(value_type = Object)]
    pub signers: Value,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kind {
    #[serde(rename = "x402Version")]
    pub version: u64,
    pub scheme: &'static str,
    pub network: String,
}

/// What can be settled here.
#[utoipa::path(get, path = "/x402/supported", tag = "x402", responses((status = 200, body = Supported)))]
pub async fn supported(State(state): State<AppState>) -> Result<Json<Supported>> {
    let settles = state.shares.settles();
    let tokens = relayed_tokens::list(&mut *lookup::db(&state.pool).await?, state.chain.id).await?;
    let payable: Vec<_> = tokens.iter().filter(|token| settles && token.asset.is_some()).collect();
    let operators: Vec<_> = payable.first().map(|token| token.operator).into_iter().collect();
    let kind = Kind { version: VERSION, scheme: exact::SCHEME, network: network(state.chain.id) };
    Ok(Json(Supported {
        kinds: if payable.is_empty() { vec![] } else { vec![kind] },
        extensions: vec![],
        signers: json!({ "eip155:*": operators }),
    }))
}

/// Whether a payment could be settled now: 200, whatever the answer.
#[utoipa::path(post, path = "/x402/verify", tag = "x402", request_body = FacilitatorBody,
    responses((status = 200, body = VerifyResponse), (status = 400, body = Problem), (status = 422, body = Problem),
              (status = 503, body = Problem)))]
pub async fn verify(State(state): State<AppState>, Body(body): Body<FacilitatorBody>) -> Result<Json<VerifyResponse>> {
    let found = check(&state, &body).await?;
    let payer = found.payer();
    let reason = match found {
        Found::Refused { reason, .. } => Some(reason),
        Found::Good { asset, payment, .. } => match &state.tokens {
            Some(tokens) => tokens.refuses(&asset, &payment).await?,
            None => {
                return Err(Error::Refused {
                    status: axum::http::StatusCode::SERVICE_UNAVAILABLE,
                    code: "verify_unavailable",
                    detail: "this API has no endpoint of the chain to ask whether the payer has the funds".to_owned(),
                });
            }
        },
    };
    Ok(Json(VerifyResponse { is_valid: reason.is_none(), invalid_reason: reason.map(Reason::code), payer }))
}

/// Settles a payment and waits for it: 200, whatever the answer. `settlement_pending` is worth asking again: the same payment is never
/// settled twice. Success is told once, for a seller takes each for a purchase; who may have missed it sends an `Idempotency-Key`, or
/// reads `GET /v1/payments/{id}`.
#[utoipa::path(post, path = "/x402/settle", tag = "x402", request_body = FacilitatorBody,
    responses((status = 200, body = SettlementResponse), (status = 400, body = Problem), (status = 403, body = Problem), (status = 409, body = Problem),
              (status = 422, body = Problem), (status = 429, body = Problem)))]
pub async fn settle(
    State(state): State<AppState>,
    network: Network,
    Body(body): Body<FacilitatorBody>,
) -> Result<Json<SettlementResponse>> {
    let until = Instant::now() + payment::WAIT;
    let found = check(&state, &body).await?;
    let payer = found.payer();
    let chain_id = state.chain.id;
    match found {
        Found::Refused { reason, .. } => Ok(Json(payment::refusal(chain_id, payer, reason))),
        Found::Good { asset, payment, signer } => {
            if stored::get(&mut *lookup::db(&state.pool).await?, payment.id(&asset)).await?.is_none() {
                state.shares.settlement(network)?;
            }
            let checked =
                Checked { asset: &asset, payload: &body.payment_payload, payment: *payment, signer, bounty: None };
            let taken = payment::take(&state, &checked, until).await?;
            // Its payer may have signed the same nonce for somebody else, too.
            let is_this =
                (taken.pay_to, taken.amount.0, taken.bounty) == (checked.payment.to, checked.payment.value, None);
            let settled = matches!(taken.state, stored::State::Settled { .. });
            if !is_this || settled && !stored::tell(&mut *lookup::db(&state.pool).await?, taken.id).await? {
                return Ok(Json(payment::refusal(chain_id, payer, Reason::State)));
            }
            Ok(Json(payment::response(chain_id, &taken)))
        }
    }
}

enum Found {
    Good { asset: Asset, payment: Box<exact::Payment>, signer: Signer },
    Refused { reason: Reason, payer: Option<Address> },
}

impl Found {
    fn payer(&self) -> Option<Address> {
        match self {
            Self::Good { payment, .. } => Some(payment.from),
            Self::Refused { payer, .. } => *payer,
        }
    }
}

async fn check(state: &AppState, body: &FacilitatorBody) -> Result<Found> {
    let required = &body.payment_requirements;
    let refuse = |reason, payer| Ok(Found::Refused { reason, payer });
    if body.version != VERSION {
        return refuse(Reason::Version, None);
    }
    if required.network != network(state.chain.id) {
        return refuse(Reason::Network, None);
    }
    let payment = match exact::read(&body.payment_payload, required) {
        Ok(payment) => payment,
        Err(reason) => return refuse(reason, None),
    };
    let payer = Some(payment.from);
    // In the operator's tokens, and for what is worth the gas: it pays for everybody.
    let relayed = match required.asset.parse() {
        Ok(token) => payment::relayed(state, token).await?,
        Err(_) => None,
    };
    match relayed {
        // Who pays itself pays nobody.
        Some((relayed, asset)) if payment.value >= U256::from(relayed.least) && payment.from != payment.to => {
            match payment.check(&asset, required, clock::now()) {
                Ok(signer) => Ok(Found::Good { asset, payment: Box::new(payment), signer }),
                Err(reason) => refuse(reason, payer),
            }
        }
        _ => refuse(Reason::Requirements, payer),
    }
}
