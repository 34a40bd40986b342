//! `/v1/webhooks`: the event stream, pushed to a URL of the caller's. Sent by `piecework work`.

use alloy::primitives::B128;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::public::is_public;
use piecework_domain::{Address, B256};
use piecework_store::feed::{self, About, Filter};
use piecework_store::webhooks::{self as stored, Webhook};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{events, lookup};
use crate::auth::{Scope, Signed};
use crate::error::Problem;
use crate::extract::{Body, Id};
use crate::limits::Network;
use crate::state::AppState;
use crate::views::Page;
use crate::{Error, Result, clock};

const URL_CHARS_MAX: usize = 2_048;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewWebhook {
    /// `https`, without a name and password. Redirects are not followed, and only addresses of the public internet are called.
    #[schema(example = "https://agent.example/piecework")]
    pub url: String,
    /// At most one of these three, as for the stream.
    pub bounty: Option<String>,
    pub engagement: Option<String>,
    /// What it posted, runs, is paid for or verifies, and its balances.
    pub account: Option<String>,
    /// Names of events. A `reverted` comes with the events that it takes back.
    pub names: Option<Vec<String>>,
    /// Begin after this item of the stream instead of now.
    pub after: Option<u64>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resume {
    /// Tell again everything after this item of the stream; without it, go on after the last one that was taken.
    pub after: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookView {
    #[schema(value_type = String)]
    pub id: B128,
    pub url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub bounty: Option<BountyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub engagement: Option<EngagementId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub account: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<String>>,
    /// Everything up to this item of the stream was taken, or is not asked for.
    pub seq: u64,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Why nothing is sent any more: `gone` (the receiver answered 410) or `failing` (it took nothing for three days). `resume` begins again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "failing")]
    pub disabled: Option<String>,
    /// Failures since the last message that was taken.
    pub failures: u32,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<OffsetDateTime>,
    /// What the last failure was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "HTTP 500 Internal Server Error")]
    pub last_error: Option<String>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<OffsetDateTime>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// Signs messages as Standard Webhooks says. Told once: keep it.
    #[schema(example = "whsec_...")]
    pub secret: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookWithSecret {
    #[serde(flatten)]
    pub webhook: WebhookView,
    #[serde(flatten)]
    pub secret: Secret,
}

impl From<Webhook> for WebhookView {
    fn from(webhook: Webhook) -> Self {
        let (mut bounty, mut engagement, mut account) = (None, None, None);
        match webhook.filter.about {
            None => {}
            Some(About::Bounty(id)) => bounty = Some(id),
            Some(About::Engagement(id)) => engagement = Some(id),
            Some(About::Account(address)) => account = Some(address),
        }
        Self {
            id: webhook.id.into(),
            url: webhook.url,
            bounty,
            engagement,
            account,
            names: webhook.filter.names,
            seq: webhook.seq,
            created_at: webhook.created_at,
            disabled: webhook.disabled,
            failures: webhook.failures,
            failing_since: webhook.failing_since,
            last_error: webhook.last_error,
            delivered_at: webhook.delivered_at,
        }
    }
}

/// A webhook of the account that is signed in. Its secret is in this answer alone.
#[utoipa::path(post, path = "/v1/webhooks", tag = "webhooks", request_body = NewWebhook, security(("session" = ["webhooks"])),
    responses((status = 201, body = WebhookWithSecret), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem)))]
pub async fn post(
    State(state): State<AppState>,
    network: Network,
    signed: Signed,
    Body(new): Body<NewWebhook>,
) -> Result<Response> {
    let account = signed.may(Scope::Webhooks)?.account;
    check_url(&new.url, state.private_webhooks)?;
    let about = events::about(new.bounty.as_deref(), new.engagement.as_deref(), new.account.as_deref())?;
    let filter = Filter { about, names: new.names.map(events::known_names).transpose()? };
    state.shares.webhook(network)?;
    let mut db_tx = state.pool.begin().await.map_err(piecework_store::Error::from)?;
    let seq = match new.after {
        Some(seq) => seq,
        None => feed::newest(&mut db_tx).await?,
    };
    let webhook = Webhook {
        id: rand::random(),
        account,
        url: new.url,
        filter,
        seq,
        created_at: clock::utc(),
        disabled: None,
        failures: 0,
        failing_since: None,
        last_error: None,
        delivered_at: None,
    };
    let secret = B256::from(rand::random::<[u8; 32]>());
    stored::put(&mut db_tx, &webhook, secret).await?;
    db_tx.commit().await.map_err(piecework_store::Error::from)?;
    let body = WebhookWithSecret { webhook: webhook.into(), secret: told(secret) };
    Ok((StatusCode::CREATED, [no_store()], Json(body)).into_response())
}

/// The account's webhooks, the oldest first.
#[utoipa::path(get, path = "/v1/webhooks", tag = "webhooks", security(("session" = ["webhooks"])),
    responses((status = 200, body = Page<WebhookView>), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn list(State(state): State<AppState>, signed: Signed) -> Result<Json<Page<WebhookView>>> {
    let account = signed.may(Scope::Webhooks)?.account;
    let webhooks = stored::of_account(&mut *lookup::db(&state.pool).await?, account).await?;
    Ok(Json(Page { items: webhooks.into_iter().map(WebhookView::from).collect(), next_cursor: None }))
}

/// One of the account's webhooks, and how it fares.
#[utoipa::path(get, path = "/v1/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)), security(("session" = ["webhooks"])),
    responses((status = 200, body = WebhookView), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn read(State(state): State<AppState>, signed: Signed, Id(id): Id<B128>) -> Result<Json<WebhookView>> {
    let account = signed.may(Scope::Webhooks)?.account;
    let webhook = stored::get(&mut *lookup::db(&state.pool).await?, account, id.0).await?;
    Ok(Json(webhook.ok_or_else(|| unknown(id, account))?.into()))
}

/// Removes a webhook. A message that is under way may still arrive.
#[utoipa::path(delete, path = "/v1/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)), security(("session" = ["webhooks"])),
    responses((status = 204), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem)))]
pub async fn delete(State(state): State<AppState>, signed: Signed, Id(id): Id<B128>) -> Result<StatusCode> {
    let account = signed.may(Scope::Webhooks)?.account;
    match stored::delete(&mut *lookup::db(&state.pool).await?, account, id.0).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(unknown(id, account)),
    }
}

/// Sends again at once, whatever failed before; with `after`, once more what was told already.
#[utoipa::path(post, path = "/v1/webhooks/{id}/resume", tag = "webhooks", params(("id" = String, Path)), request_body = Resume,
    security(("session" = ["webhooks"])),
    responses((status = 204), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn resume(
    State(state): State<AppState>,
    signed: Signed,
    Id(id): Id<B128>,
    Body(body): Body<Resume>,
) -> Result<StatusCode> {
    let account = signed.may(Scope::Webhooks)?.account;
    match stored::resume(&mut *lookup::db(&state.pool).await?, account, id.0, body.after).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(unknown(id, account)),
    }
}

/// A new secret. For a day the one before signs, too, so that no message is missed while the receiver changes over.
#[utoipa::path(post, path = "/v1/webhooks/{id}/rotate", tag = "webhooks", params(("id" = String, Path)), security(("session" = ["webhooks"])),
    responses((status = 200, body = Secret), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem)))]
pub async fn rotate(State(state): State<AppState>, signed: Signed, Id(id): Id<B128>) -> Result<Response> {
    let account = signed.may(Scope::Webhooks)?.account;
    let secret = B256::from(rand::random::<[u8; 32]>());
    match stored::rotate(&mut *lookup::db(&state.pool).await?, account, id.0, secret).await? {
        true => Ok(([no_store()], Json(told(secret))).into_response()),
        false => Err(unknown(id, account)),
    }
}

fn no_store() -> (header::HeaderName, HeaderValue) {
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
}

fn told(secret: B256) -> Secret {
    Secret { secret: format!("whsec_{}", BASE64_STANDARD.encode(secret)) }
}

fn unknown(id: B128, account: Address) -> Error {
    Error::not_found("webhook_not_found", format!("webhook {id} of {account}"))
}

/// What can be said without looking a name up; where it leads is checked with every message.
fn check_url(url: &str, private: bool) -> Result<()> {
    let refuse = |why: &str| Err(Error::rule("invalid_webhook_url", why));
    if url.len() > URL_CHARS_MAX {
        return refuse("a webhook's URL has at most 2,048 characters");
    }
    let Ok(uri) = url.parse::<Uri>() else { return refuse("this is no URL") };
    let Some(authority) = uri.authority() else { return refuse("the URL has no host") };
    if authority.as_str().contains('@') {
        return refuse("a URL with a name or a password is not taken: others could read it in logs");
    }
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if private => {}
        _ => return refuse("a webhook's URL begins with https://"),
    }
    let ip = authority.host().trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    if !private && ip.is_ok_and(|ip| !is_public(ip)) {
        return refuse("the URL's host is not on the public internet");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_https_is_called_unless_the_operator_allows_more() {
        for (url, public, private) in [
            ("https://agent.example/hook?x=1", true, true),
            ("https://1.1.1.1:8443/", true, true),
            ("http://agent.example/", false, true),
            ("https://127.0.0.1/", false, true),
            ("https://[::1]/", false, true),
            ("https://169.254.169.254/latest", false, true),
            ("https://me:secret@agent.example/", false, false),
            ("ftp://agent.example/", false, false),
            ("/hook", false, false),
            ("agent.example", false, false),
            ("", false, false),
            (&format!("https://agent.example/{}", "x".repeat(URL_CHARS_MAX)), false, false),
        ] {
            assert_eq!(check_url(url, false).is_ok(), public, "{url}");
            assert_eq!(check_url(url, true).is_ok(), private, "{url}");
        }
    }
}
