//! What goes wrong, as `application/problem+json` (RFC 9457) with a stable `code`.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use piecework_domain::canonical::NotCanonical;
use piecework_domain::signature::BadSignature;
use piecework_domain::spec::InvalidSpec;
use piecework_domain::terms::InvalidTerms;
use serde::Serialize;
use utoipa::ToSchema;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A refusal for the caller, or a failure of ours.
#[derive(Debug)]
pub enum Error {
    /// The caller's to mend.
    Refused { status: StatusCode, code: &'static str, detail: String },
    /// Ours. The cause goes to the log, never to the caller.
    Failed(Box<dyn std::error::Error + Send + Sync>),
    /// The database doesn't answer; the same request may succeed later.
    Unavailable(Box<dyn std::error::Error + Send + Sync>),
    /// The chain's endpoint doesn't answer; the same request may succeed later.
    EndpointUnavailable(String),
}

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Where this code is explained.
    #[serde(rename = "type")]
    #[schema(rename = "type", example = "/docs/errors#bid_expired")]
    pub kind: String,
    #[schema(example = "Unprocessable Entity")]
    pub title: String,
    #[schema(example = 422)]
    pub status: u16,
    /// Stable: programs may match on it.
    #[schema(example = "bid_expired")]
    pub code: String,
    /// For people.
    pub detail: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
}

impl Error {
    pub fn not_found(code: &'static str, what: impl std::fmt::Display) -> Self {
        Self::Refused { status: StatusCode::NOT_FOUND, code, detail: format!("there is no {what}") }
    }

    /// The request is well-formed but breaks a rule.
    pub fn rule(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Refused { status: StatusCode::UNPROCESSABLE_ENTITY, code, detail: detail.into() }
    }

    /// The request clashes with what is already there.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Refused { status: StatusCode::CONFLICT, code, detail: detail.into() }
    }

    pub fn malformed(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Refused { status: StatusCode::BAD_REQUEST, code, detail: detail.into() }
    }

    /// Who asks is not known.
    pub fn unauthorized(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Refused { status: StatusCode::UNAUTHORIZED, code, detail: detail.into() }
    }

    /// Others wait for the same: the caller may come back.
    pub fn too_many(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Refused { status: StatusCode::TOO_MANY_REQUESTS, code, detail: detail.into() }
    }

    pub fn signature(who: &str, err: &BadSignature) -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::Refused { status, code: "bad_signature", detail: format!("the {who}'s signature: {err}") }
    }
}

impl From<piecework_store::Error> for Error {
    fn from(err: piecework_store::Error) -> Self {
        match err {
            piecework_store::Error::Conflict(code) => Self::conflict(code, code.replace('_', " ")),
            piecework_store::Error::OutOfRange(value) => {
                Self::rule("number_too_large", format!("{value} is more than 2^63 - 1"))
            }
            err if err.is_outage() => Self::Unavailable(Box::new(err)),
            other => Self::Failed(Box::new(other)),
        }
    }
}

impl From<InvalidTerms> for Error {
    fn from(err: InvalidTerms) -> Self {
        Self::rule("invalid_terms", err.to_string())
    }
}

impl From<InvalidSpec> for Error {
    fn from(err: InvalidSpec) -> Self {
        let detail = err.to_string();
        match err {
            InvalidSpec::EpochTooLong => Self::rule("epoch_too_long", detail),
            InvalidSpec::GraceTooLong { .. } => Self::rule("grace_too_long", detail),
            _ => Self::rule("invalid_spec", detail),
        }
    }
}

impl From<NotCanonical> for Error {
    fn from(err: NotCanonical) -> Self {
        Self::Failed(Box::new(err))
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, code, detail, retryable) = match self {
            Self::Refused { status, code, detail } => (status, code, detail, status == StatusCode::TOO_MANY_REQUESTS),
            Self::Failed(err) => {
                tracing::error!(error = &*err as &dyn std::error::Error, "request failed");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "something went wrong here; it was logged".into(),
                    false,
                )
            }
            Self::EndpointUnavailable(problem) => {
                tracing::warn!(problem, "the chain's endpoint is unavailable");
                let detail = "the chain's endpoint does not answer; try again".into();
                (StatusCode::SERVICE_UNAVAILABLE, "endpoint_unavailable", detail, true)
            }
            Self::Unavailable(err) => {
                tracing::warn!(error = &*err as &dyn std::error::Error, "database unavailable");
                let detail = "the database does not answer; try again".into();
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail, true)
            }
        };
        problem(status, code, detail, retryable)
    }
}

/// A problem response.
pub fn problem(status: StatusCode, code: &str, detail: String, retryable: bool) -> Response {
    let body = Problem {
        kind: format!("/docs/errors#{code}"),
        title: status.canonical_reason().unwrap_or("Error").to_owned(),
        status: status.as_u16(),
        code: code.to_owned(),
        detail,
        retryable,
    };
    let mut response = (status, axum::Json(body)).into_response();
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
