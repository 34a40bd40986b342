//! Requests that come with an access token.

use alloy::primitives::B128;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use piecework_domain::Address;
use piecework_store::sessions::{self as stored, Session};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Auth;
use crate::routes::lookup;
use crate::state::AppState;
use crate::{Error, Result};

/// What a session may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Reading and ending the account's sessions.
    Sessions,
    /// Reading and changing the account's webhooks.
    Webhooks,
}

impl Scope {
    pub const ALL: [Self; 2] = [Self::Sessions, Self::Webhooks];

    pub fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Webhooks => "webhooks",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

/// What an access token says (RFC 9068).
#[derive(Debug, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    /// The account as a CAIP-10 id: `eip155:<chain>:<address>`.
    pub sub: String,
    pub sid: B128,
    pub scope: String,
    pub iat: u64,
    pub exp: u64,
}

impl Auth {
    /// An access token of `session`.
    pub fn token(&self, chain_id: u64, session: &Session, now: u64, exp: u64) -> Result<String> {
        let claims = Claims {
            iss: self.url.clone(),
            aud: self.url.clone(),
            sub: format!("eip155:{chain_id}:{}", session.account),
            sid: B128::from(session.id),
            scope: session.scopes.join(" "),
            iat: now,
            exp,
        };
        self.keys.sign(&claims).map_err(|err| Error::Failed(Box::new(err)))
    }
}

/// Whoever signed in: 401 `no_session`, `bad_token`, `session_over`.
#[derive(Debug)]
pub struct Signed(Session);

impl Signed {
    /// The session, if it may be used for that: 403 `insufficient_scope`.
    pub fn may(self, scope: Scope) -> Result<Session> {
        if self.0.scopes.iter().any(|held| held == scope.name()) {
            return Ok(self.0);
        }
        Err(Error::Refused {
            status: StatusCode::FORBIDDEN,
            code: "insufficient_scope",
            detail: format!("this session has no scope `{}`: sign in with it", scope.name()),
        })
    }

    /// The account, whatever the session is for.
    pub fn session(self) -> Session {
        self.0
    }
}

impl FromRequestParts<AppState> for Signed {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self> {
        let sent = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token =
            sent.and_then(|value| value.split_once(' ')).filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"));
        let (_, token) = token.ok_or_else(|| {
            Error::unauthorized(
                "no_session",
                "sign in (POST /v1/auth/login) and send `Authorization: Bearer <accessToken>`",
            )
        })?;
        let bad =
            || Error::unauthorized("bad_token", "the access token is not one of this API, or has run out: refresh it");
        let claims: Claims = state.auth.keys.verify(token.trim(), &state.auth.url).map_err(|_| bad())?;
        let session = stored::get(&mut *lookup::db(&state.pool).await?, claims.sid.0).await?;
        let session =
            session.ok_or_else(|| Error::unauthorized("session_over", "this session has ended: sign in again"))?;
        // The row is what counts; a token that says otherwise was not made from it.
        let holder = claims.sub.rsplit(':').next().and_then(|address| address.parse::<Address>().ok());
        if holder != Some(session.account) {
            return Err(bad());
        }
        Ok(Self(session))
    }
}
