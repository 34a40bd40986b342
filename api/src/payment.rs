//! Taking payments by x402 `exact`: reading them, storing them, and waiting for what becomes of them. The worker settles.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use piecework_domain::ids::BountyId;
use piecework_domain::money::Amount;
use piecework_domain::x402::exact::{self, Asset, Signer};
use piecework_domain::x402::{PaymentPayload, Reason, SettlementResponse, header, network};
use piecework_domain::{Address, B256};
use piecework_store::payments::{self as stored, New, Payment, State};
use piecework_store::relayed_tokens::{self, RelayedToken};
use serde::Serialize;
use tokio::time::Instant;

use crate::routes::lookup;
use crate::state::AppState;
use crate::{Error, Result};

pub const REQUIRED: HeaderName = HeaderName::from_static("payment-required");
pub const SIGNATURE: HeaderName = HeaderName::from_static("payment-signature");
pub const RESPONSE: HeaderName = HeaderName::from_static("payment-response");

/// How long a request waits for its payment: what takes longer is asked for again.
pub const WAIT: Duration = Duration::from_secs(12);
/// Announcements can be lost around reconnects; this bounds how long.
const POLL: Duration = Duration::from_millis(500);
/// Payments that wait whose signer only the token can tell: anybody can make any number of them.
const DOUBTFUL_MAX: i64 = 64;

/// The payment that came with a request.
pub fn read(headers: &HeaderMap) -> Result<Option<PaymentPayload>> {
    let Some(value) = headers.get(SIGNATURE) else { return Ok(None) };
    let malformed = |err| Error::malformed("malformed_payment", format!("PAYMENT-SIGNATURE: {err}"));
    header::decode(value.as_bytes()).map(Some).map_err(malformed)
}

/// A header of ours.
pub fn write(value: &impl Serialize) -> Result<HeaderValue> {
    let text = header::encode(value).map_err(|err| Error::Failed(Box::new(err)))?;
    HeaderValue::try_from(text).map_err(|err| Error::Failed(Box::new(err)))
}

/// What the operator relays of `token`, if payers can authorise it.
pub async fn relayed(state: &AppState, token: Address) -> Result<Option<(RelayedToken, Asset)>> {
    let mut db = lookup::db(&state.pool).await?;
    let tokens = relayed_tokens::list(&mut db, state.chain.id).await?;
    let found = tokens.into_iter().find(|relayed| relayed.token == token);
    Ok(found.and_then(|relayed| relayed.asset.clone().map(|asset| (relayed, asset))))
}

/// A checked payment.
pub struct Checked<'a> {
    pub asset: &'a Asset,
    pub payload: &'a PaymentPayload,
    pub payment: exact::Payment,
    pub signer: Signer,
    /// What it is for; `None` for somebody else's resource.
    pub bounty: Option<BountyId>,
}

/// Stores a payment, or finds it, and waits until it is settled or failed, but not for ever.
pub async fn take(state: &AppState, checked: &Checked<'_>, until: Instant) -> Result<Payment> {
    let identifier = checked
        .payload
        .identifier()
        .map_err(|err| Error::malformed("malformed_payment_identifier", err.to_string()))?;
    let id = checked.payment.id(checked.asset);
    let mut changed = state.payments.clone();
    changed.borrow_and_update();
    if let Some(reason) = refused(state, checked, id).await? {
        return Ok(Payment {
            id,
            payer: checked.payment.from,
            pay_to: checked.payment.to,
            amount: Amount(checked.payment.value),
            bounty: checked.bounty,
            identifier: identifier.map(str::to_owned),
            state: State::Failed { reason: reason.code().to_owned(), detail: reason.to_string() },
        });
    }
    let mut payment = {
        let mut db = lookup::db(&state.pool).await?;
        if let Some(name) = identifier
            && stored::named(&mut db, name).await?.is_some_and(|known| known != id)
        {
            let detail = format!("{name} is another payment's identifier");
            return Err(Error::conflict("payment_identifier_used", detail));
        }
        if checked.signer == Signer::Account && stored::doubtful(&mut db, state.chain.id).await? >= DOUBTFUL_MAX {
            return Err(Error::Refused {
                status: StatusCode::TOO_MANY_REQUESTS,
                code: "too_many_unproven_payments",
                detail: "too many payments wait whose signature only the token can tell; try again".to_owned(),
            });
        }
        let new = New {
            asset: checked.asset,
            payment: &checked.payment,
            payload: &checked.payload.payload,
            bounty: checked.bounty,
            identifier,
            signer: checked.signer,
        };
        stored::put(&mut db, &new).await?
    };
    while matches!(payment.state, State::Pending | State::Sent { .. }) && Instant::now() < until {
        tokio::select! {
            () = state.stop.cancelled() => break,
            _ = changed.changed() => {}
            () = tokio::time::sleep(POLL) => {}
        }
        let known = stored::get(&mut *lookup::db(&state.pool).await?, id).await?;
        payment = known.unwrap_or(payment);
    }
    Ok(payment)
}

/// Why the token would refuse a payment that nobody works on yet. What is not stored keeps no other payment of the bounty waiting, and
/// takes no room. A nonce that is used up is the worker's to look into: it may have paid.
async fn refused(state: &AppState, checked: &Checked<'_>, id: B256) -> Result<Option<Reason>> {
    let Some(tokens) = &state.tokens else { return Ok(None) };
    let known = stored::get(&mut *lookup::db(&state.pool).await?, id).await?;
    if known.is_some_and(|known| !matches!(known.state, State::Failed { .. })) {
        return Ok(None);
    }
    match tokens.refuses(checked.asset, &checked.payment).await {
        Ok(reason) => Ok(reason.filter(|reason| *reason != Reason::State)),
        // The worker asks again before it sends anything.
        Err(Error::EndpointUnavailable(_)) => Ok(None),
        Err(err) => Err(err),
    }
}

/// What a payer hears of its payment.
pub fn response(chain_id: u64, payment: &Payment) -> SettlementResponse {
    let hash = |tx_hash: &B256| tx_hash.to_string();
    let (success, transaction, error_reason, error_message) = match &payment.state {
        State::Settled { tx_hash } => (true, hash(tx_hash), None, None),
        State::Failed { reason, detail } => (false, String::new(), Some(reason.clone()), Some(detail.clone())),
        State::Sent { tx_hash } => (false, hash(tx_hash), Some(Reason::Pending.code().to_owned()), None),
        State::Pending => (false, String::new(), Some(Reason::Pending.code().to_owned()), None),
    };
    SettlementResponse {
        success,
        transaction,
        network: network(chain_id),
        payer: Some(payment.payer.to_string()),
        error_reason,
        error_message,
        amount: Some(payment.amount),
    }
}

/// What a payer hears of a payment that was not taken.
pub fn refusal(chain_id: u64, payer: Option<Address>, reason: Reason) -> SettlementResponse {
    SettlementResponse {
        success: false,
        transaction: String::new(),
        network: network(chain_id),
        payer: payer.map(|payer| payer.to_string()),
        error_reason: Some(reason.code().to_owned()),
        error_message: Some(reason.to_string()),
        amount: None,
    }
}
