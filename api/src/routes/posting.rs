//! `POST /v1/bounties`: an x402 resource whose price is the bounty's cost, paid to the bounty's own deposit address.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use piecework_domain::ids::BountyId;
use piecework_domain::money::{Amount, NATIVE};
use piecework_domain::x402::exact::{self, Asset, Signer};
use piecework_domain::x402::{
    self, PAYMENT_IDENTIFIER, PaymentPayload, PaymentRequirements, Reason, Resource, SettlementResponse, VERSION,
};
use piecework_domain::{Address, B256, U256};
use piecework_store::offers::Offer;
use piecework_store::{PgConnection, bounties, chains, offers, payments as stored_payments, specs as stored_specs};
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::bounties::view;
use super::lookup::{self, Snapshot};
use super::specs::{OfferBody, Valid, validate};
use crate::error::Problem;
use crate::extract::Body;
use crate::limits::Network;
use crate::payment::{self, Checked};
use crate::state::AppState;
use crate::views::{BountyView, Certainty, UnsignedTransaction, payment as wallet_payment, rfc3339};
use crate::{Error, Result, clock};

/// Longest time between a payer's signature and its settlement.
const TIMEOUT_SECONDS_MAX: u64 = 300;
/// A bounty that can be posted for less than this is not paid for here: a payment takes some blocks.
const TIMEOUT_SECONDS_MIN: u64 = 60;
const POSTED_WAIT: std::time::Duration = std::time::Duration::from_secs(17);
const POLL: std::time::Duration = std::time::Duration::from_millis(500);

/// What is missing until the bounty is on chain.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRequired {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub title: &'static str,
    pub status: u16,
    /// `payment_required`, or the x402 reason for which a payment was refused.
    pub code: &'static str,
    pub detail: String,
    pub retryable: bool,
    pub bounty_id: BountyId,
    /// Pay here by any means: the bounty is posted from it as soon as money has arrived.
    #[schema(value_type = String)]
    pub deposit_address: Address,
    #[schema(value_type = String)]
    pub token: Address,
    pub amount: Amount,
    /// Pays from a wallet.
    pub transaction: UnsignedTransaction,
    /// Ways to pay by x402, as in the header `PAYMENT-REQUIRED`; empty where there is none for this token.
    pub accepts: Vec<PaymentRequirements>,
}

/// Paid or being paid, and not on chain yet.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    pub bounty_id: BountyId,
    /// `GET /v1/payments/{id}` tells what becomes of it.
    #[schema(value_type = String)]
    pub payment: B256,
    pub settlement: SettlementResponse,
}

/// Announces a bounty. 402 says where to pay; the same request answers 201 once it is on chain.
///
/// An x402 resource: a client with stablecoins and no gas pays by `PAYMENT-SIGNATURE` (scheme `exact`, EIP-3009) in the same request. Native
/// coin: send the returned transaction. Repeating the request is safe at any time; 202 means that it is worth repeating.
#[utoipa::path(post, path = "/v1/bounties", tag = "bounties", request_body = OfferBody,
    params(("payment-signature" = Option<String>, Header, description = "x402 v2: base64 of a PaymentPayload")),
    responses((status = 201, body = BountyView), (status = 202, body = Accepted), (status = 402, body = PaymentRequired),
              (status = 409, body = Problem), (status = 422, body = Problem), (status = 400, body = Problem),
              (status = 413, body = Problem), (status = 429, body = Problem)))]
pub async fn post(
    State(state): State<AppState>,
    network: Network,
    headers: HeaderMap,
    Body(offer): Body<OfferBody>,
) -> Result<Response> {
    let until = Instant::now() + POSTED_WAIT;
    let valid = validate(&state.chain, &offer)?;
    let payload = payment::read(&headers)?;
    let mut db = lookup::db(&state.pool).await?;
    let is_posted = bounties::get(&mut db, valid.bounty, chains::Certainty::Latest).await?.is_some();
    if !is_posted && offer.terms.open_until <= clock::now() {
        let detail = format!("openUntil was {}: nothing can be posted any more", rfc3339(offer.terms.open_until));
        return Err(Error::conflict("closed", detail));
    }
    if !is_posted && offers::get(&mut db, valid.bounty).await?.is_none() {
        state.shares.offer(network)?;
    }
    remember(&mut db, &state, &offer, &valid).await?;
    drop(db);
    let quote = Quote::new(&state, &headers, &offer, valid).await?;
    if is_posted {
        let settlement = quote.known(&state, payload.as_ref()).await?;
        return posted(&state, quote.valid.bounty, settlement).await;
    }
    let Some(payload) = payload else { return quote.unpaid(&state, None, None) };
    let (asset, payment, signer) = match quote.check(&payload) {
        Ok(checked) => checked,
        Err(reason) => return quote.unpaid(&state, Some(reason), None),
    };
    let id = payment.id(asset);
    let checked = Checked { asset, payload: &payload, payment, signer, bounty: Some(quote.valid.bounty) };
    let taken = payment::take(&state, &checked, until.min(Instant::now() + payment::WAIT)).await?;
    if taken.bounty != Some(quote.valid.bounty) {
        return Err(Error::conflict("payment_used", "this authorization pays for something else".to_owned()));
    }
    let settlement = payment::response(state.chain.id, &taken);
    if let stored_payments::State::Failed { reason, .. } = &taken.state {
        let reason = Reason::of_code(reason).unwrap_or(Reason::State);
        return quote.unpaid(&state, Some(reason), Some(settlement));
    }
    if settlement.success && is_posted_by(&state, quote.valid.bounty, until).await? {
        return posted(&state, quote.valid.bounty, Some(settlement)).await;
    }
    let header = payment::write(&settlement)?;
    let body = Accepted { bounty_id: quote.valid.bounty, payment: id, settlement };
    Ok((StatusCode::ACCEPTED, [(payment::RESPONSE, header)], Json(body)).into_response())
}

/// What a bounty costs and how it can be paid.
struct Quote {
    valid: Valid,
    token: Address,
    url: String,
    exact: Option<(Asset, PaymentRequirements)>,
}

impl Quote {
    async fn new(state: &AppState, headers: &HeaderMap, offer: &OfferBody, valid: Valid) -> Result<Self> {
        let relayed = payment::relayed(state, offer.terms.token).await?;
        // Less than what settling it takes nobody settles.
        let worth = relayed.filter(|(relayed, _)| valid.cost.0 >= U256::from(relayed.least));
        let seconds = offer.terms.open_until.since(clock::now()).min(TIMEOUT_SECONDS_MAX);
        // What comes too late is sent back, at the operator's cost.
        let worth = worth.filter(|_| seconds >= TIMEOUT_SECONDS_MIN);
        let exact = worth.map(|(_, asset)| {
            let required = asset.requirements(valid.cost, valid.deposit_address, seconds);
            (asset, required)
        });
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        Ok(Self { valid, token: offer.terms.token, url: format!("http://{host}/v1/bounties"), exact })
    }

    /// The payment in `payload`, if it pays what this costs.
    fn check(&self, payload: &PaymentPayload) -> Result<(&Asset, exact::Payment, Signer), Reason> {
        let (asset, required) = self.exact.as_ref().ok_or(Reason::Requirements)?;
        let payment = exact::read(payload, required)?;
        let signer = payment.check(asset, required, clock::now())?;
        Ok((asset, payment, signer))
    }

    /// What became of a payment for a bounty that is there already. Nobody pays for that: one that is not known is not taken.
    async fn known(&self, state: &AppState, payload: Option<&PaymentPayload>) -> Result<Option<SettlementResponse>> {
        let Some(Ok((asset, payment, _))) = payload.map(|payload| self.check(payload)) else { return Ok(None) };
        let known = stored_payments::get(&mut *lookup::db(&state.pool).await?, payment.id(asset)).await?;
        let known = known.filter(|known| known.bounty == Some(self.valid.bounty));
        Ok(known.map(|known| payment::response(state.chain.id, &known)))
    }

    fn unpaid(
        &self,
        state: &AppState,
        reason: Option<Reason>,
        settlement: Option<SettlementResponse>,
    ) -> Result<Response> {
        let Valid { bounty, deposit_address, cost, .. } = &self.valid;
        let accepts: Vec<_> = self.exact.iter().map(|(_, required)| required.clone()).collect();
        let coin = if self.token == NATIVE { "native coin".to_owned() } else { format!("token {}", self.token) };
        let why = reason.map_or_else(String::new, |reason| format!("{reason}; "));
        let body = PaymentRequired {
            kind: "/docs/errors#payment_required",
            title: "Payment Required",
            status: 402,
            code: reason.map_or("payment_required", Reason::code),
            detail: format!(
                "{why}send {cost} base units of {coin} to {deposit_address}; the bounty is posted from there"
            ),
            retryable: true,
            bounty_id: *bounty,
            deposit_address: *deposit_address,
            token: self.token,
            amount: *cost,
            transaction: wallet_payment(state.chain.id, self.token, *deposit_address, *cost),
            accepts: accepts.clone(),
        };
        let mut response = (StatusCode::PAYMENT_REQUIRED, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if !accepts.is_empty() {
            let required = x402::PaymentRequired {
                version: VERSION,
                error: Some(reason.map_or("PAYMENT-SIGNATURE header is required", Reason::code).to_owned()),
                resource: Resource {
                    url: self.url.clone(),
                    description: Some(format!("Post bounty {bounty}")),
                    mime_type: Some("application/json".to_owned()),
                },
                accepts,
                extensions: Some(json!({ PAYMENT_IDENTIFIER: { "info": { "required": false } } })),
            };
            headers.insert(payment::REQUIRED, payment::write(&required)?);
        }
        let refused = reason.map(|reason| payment::refusal(state.chain.id, None, reason));
        if let Some(settlement) = settlement.or(refused) {
            headers.insert(payment::RESPONSE, payment::write(&settlement)?);
        }
        Ok(response)
    }
}

/// Waits until the mirror has the bounty.
async fn is_posted_by(state: &AppState, id: BountyId, until: Instant) -> Result<bool> {
    let mut changed = state.feed.clone();
    loop {
        changed.borrow_and_update();
        let row = bounties::get(&mut *lookup::db(&state.pool).await?, id, chains::Certainty::Latest).await?;
        if row.is_some() || Instant::now() >= until {
            return Ok(row.is_some());
        }
        tokio::select! {
            () = state.stop.cancelled() => return Ok(false),
            _ = changed.changed() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

async fn posted(state: &AppState, id: BountyId, settlement: Option<SettlementResponse>) -> Result<Response> {
    let mut snapshot = Snapshot::take(state, Certainty::Latest).await?;
    let row = snapshot.bounty(id).await?;
    let view = view(&mut snapshot, state, row).await?;
    let mut response = (StatusCode::CREATED, Json(view)).into_response();
    if let Some(settlement) = settlement {
        response.headers_mut().insert(payment::RESPONSE, payment::write(&settlement)?);
    }
    Ok(response)
}

async fn remember(db: &mut PgConnection, state: &AppState, offer: &OfferBody, valid: &Valid) -> Result<()> {
    stored_specs::put(db, offer.terms.spec_hash, &offer.spec, &valid.spec_body).await?;
    let stored = Offer {
        bounty: valid.bounty,
        chain_id: state.chain.id,
        terms: offer.terms.clone(),
        verifiers: offer.verifiers.clone(),
        deposit_address: valid.deposit_address,
        cost: valid.cost,
    };
    offers::put(db, &stored).await?;
    Ok(())
}
