//! Signing in: a nonce, a signed message, then short access tokens and refresh tokens that are good once.

use std::time::Duration;

use alloy::primitives::B128;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use piecework_domain::{Address, B256, Bytes};
use piecework_store::sessions::{self as stored, Refreshed, Session};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::lookup;
use crate::auth::{self, Scope, Signed};
use crate::error::Problem;
use crate::extract::{Body, Id};
use crate::state::AppState;
use crate::views::Page;
use crate::{Error, Result, clock};

const NONCE_LIFETIME: Duration = Duration::from_secs(600);
const ACCESS_SECONDS: u64 = 900;
/// Until a refresh token that nobody uses runs out.
const IDLE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// A session ends whatever is refreshed.
const SESSION: time::Duration = time::Duration::days(30);

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Nonce {
    /// For one message.
    pub nonce: String,
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    pub chain_id: u64,
    /// What the message's `domain`, and its URI's host, may be.
    pub domains: Vec<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Login {
    /// The message of Sign-In with Ethereum (ERC-4361), as it was signed. Resources `urn:piecework:scope:<scope>` say what the session may
    /// be used for; without any, everything.
    pub message: String,
    /// `personal_sign` of a key, or what the account's contract accepts (ERC-1271).
    #[schema(value_type = String)]
    pub signature: Bytes,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Refresh {
    pub refresh_token: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    /// A JWT (RFC 9068, EdDSA): `Authorization: Bearer …`. Its keys are at `/.well-known/jwks.json`.
    pub access_token: String,
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: u64,
    /// Good once. Using one a second time ends the session: one of two users has stolen it.
    pub refresh_token: String,
    pub session: SessionView,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    #[schema(value_type = String)]
    pub id: B128,
    #[schema(value_type = String)]
    pub account: Address,
    pub scopes: Vec<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

impl From<Session> for SessionView {
    fn from(session: Session) -> Self {
        let Session { id, account, scopes, created_at, expires_at } = session;
        Self { id: id.into(), account, scopes, created_at, expires_at }
    }
}

/// A nonce for a message to sign in with.
#[utoipa::path(post, path = "/v1/auth/nonce", tag = "auth", responses((status = 201, body = Nonce)))]
pub async fn nonce(State(state): State<AppState>) -> Result<(StatusCode, Json<Nonce>)> {
    let nonce = alloy::hex::encode(rand::random::<[u8; 16]>());
    stored::put_nonce(&mut *lookup::db(&state.pool).await?, &nonce, NONCE_LIFETIME).await?;
    let mut domains: Vec<_> = state.auth.domains.iter().cloned().collect();
    domains.sort_unstable();
    let expires_at = clock::utc() + NONCE_LIFETIME;
    Ok((StatusCode::CREATED, Json(Nonce { nonce, expires_at, chain_id: state.chain.id, domains })))
}

/// Begins a session of the account that signed a message.
#[utoipa::path(post, path = "/v1/auth/login", tag = "auth", request_body = Login,
    responses((status = 201, body = Tokens), (status = 401, body = Problem), (status = 422, body = Problem), (status = 400, body = Problem),
              (status = 503, body = Problem)))]
pub async fn login(State(state): State<AppState>, Body(login): Body<Login>) -> Result<Response> {
    let checked = auth::check(&state, &login.message)?;
    // Used up whatever becomes of it: an account's contract is called once for each.
    if !stored::take_nonce(&mut *lookup::db(&state.pool).await?, &checked.nonce).await? {
        return Err(Error::unauthorized(
            "bad_nonce",
            "the message's nonce was used before, has run out, or is not of this API",
        ));
    }
    auth::verify(&state, &checked, &login.signature).await?;
    let mut db_tx = state.pool.begin().await.map_err(piecework_store::Error::from)?;
    let created_at = clock::utc();
    let end = created_at + SESSION;
    let session = Session {
        id: rand::random(),
        account: checked.account,
        scopes: checked.scopes.into_iter().map(|scope| scope.name().to_owned()).collect(),
        created_at,
        expires_at: checked.until.map_or(end, |until| until.min(end)),
    };
    let token = RefreshToken::new();
    stored::begin(&mut db_tx, &session, token.hash, IDLE).await?;
    db_tx.commit().await.map_err(piecework_store::Error::from)?;
    tokens(&state, StatusCode::CREATED, session, token)
}

/// New tokens for a refresh token, which is used up. 401 `refresh_reused`: it was used before, and its session is over.
#[utoipa::path(post, path = "/v1/auth/refresh", tag = "auth", request_body = Refresh,
    responses((status = 200, body = Tokens), (status = 401, body = Problem), (status = 422, body = Problem), (status = 400, body = Problem),
              (status = 429, body = Problem)))]
pub async fn refresh(State(state): State<AppState>, Body(body): Body<Refresh>) -> Result<Response> {
    let next = RefreshToken::new();
    let mut db_tx = state.pool.begin().await.map_err(piecework_store::Error::from)?;
    let refreshed = stored::refresh(&mut db_tx, hash(&body.refresh_token), next.hash, IDLE).await?;
    db_tx.commit().await.map_err(piecework_store::Error::from)?;
    match refreshed {
        Refreshed::Session(session) => tokens(&state, StatusCode::OK, session, next),
        Refreshed::TooOften => Err(Error::Refused {
            status: StatusCode::TOO_MANY_REQUESTS,
            code: "refreshed_too_often",
            detail: "a session is refreshed 100 times at once, and once a minute on: keep the access token, or come back in a minute".to_owned(),
        }),
        Refreshed::Reused => Err(Error::unauthorized(
            "refresh_reused",
            "this refresh token was used before: the session is over, sign in again",
        )),
        Refreshed::Unknown => Err(Error::unauthorized(
            "bad_refresh_token",
            "there is no such refresh token, or it has run out: sign in again",
        )),
    }
}

/// Ends the session that asks, at once.
#[utoipa::path(post, path = "/v1/auth/logout", tag = "auth", security(("session" = [])),
    responses((status = 204), (status = 401, body = Problem)))]
pub async fn logout(State(state): State<AppState>, signed: Signed) -> Result<StatusCode> {
    stored::revoke(&mut *lookup::db(&state.pool).await?, signed.session().id, "logged_out").await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The account's sessions that are not over, the newest first.
#[utoipa::path(get, path = "/v1/auth/sessions", tag = "auth", security(("session" = ["sessions"])),
    responses((status = 200, body = Page<SessionView>), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn list(State(state): State<AppState>, signed: Signed) -> Result<Json<Page<SessionView>>> {
    let account = signed.may(Scope::Sessions)?.account;
    let sessions = stored::of_account(&mut *lookup::db(&state.pool).await?, account).await?;
    Ok(Json(Page { items: sessions.into_iter().map(SessionView::from).collect(), next_cursor: None }))
}

/// Ends another session of the same account, at once.
#[utoipa::path(delete, path = "/v1/auth/sessions/{id}", tag = "auth", params(("id" = String, Path)), security(("session" = ["sessions"])),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn end(State(state): State<AppState>, signed: Signed, Id(id): Id<B128>) -> Result<StatusCode> {
    let account = signed.may(Scope::Sessions)?.account;
    let mut db_tx = state.pool.begin().await.map_err(piecework_store::Error::from)?;
    let session = stored::get(&mut db_tx, id.0).await?;
    if session.is_none_or(|session| session.account != account) {
        return Err(Error::not_found("session_not_found", format!("session {id} of {account}")));
    }
    stored::revoke(&mut db_tx, id.0, "logged_out").await?;
    db_tx.commit().await.map_err(piecework_store::Error::from)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The keys that access tokens are signed with (RFC 7517).
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "auth", responses((status = 200, body = serde_json::Value)))]
pub async fn keys(State(state): State<AppState>) -> Response {
    let cached = (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    ([cached], Json(&state.auth.keys.set)).into_response()
}

/// 256 random bits; what is stored is their hash.
struct RefreshToken {
    text: String,
    hash: B256,
}

impl RefreshToken {
    fn new() -> Self {
        let text = alloy::hex::encode(rand::random::<[u8; 32]>());
        Self { hash: hash(&text), text }
    }
}

fn hash(token: &str) -> B256 {
    alloy::primitives::keccak256(token)
}

fn tokens(state: &AppState, status: StatusCode, session: Session, refresh: RefreshToken) -> Result<Response> {
    let now = clock::now().0;
    let end = u64::try_from(session.expires_at.unix_timestamp()).unwrap_or(0);
    let exp = end.min(now + ACCESS_SECONDS);
    let tokens = Tokens {
        access_token: state.auth.token(state.chain.id, &session, now, exp)?,
        token_type: "Bearer",
        expires_in: exp.saturating_sub(now),
        refresh_token: refresh.text,
        session: session.into(),
    };
    Ok((status, [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(tokens)).into_response())
}
