//! `Idempotency-Key`: the first answer to a POST is kept for a day and given again, to the same request only.
//!
//! Every POST is idempotent by its content, too; a key also makes the answer the same. Answers that are not final (payment required,
//! under way, too many, failures of ours) are not kept.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use piecework_domain::B256;
use piecework_store::idempotency::{self as stored, Answer, Known};
use tokio::time::Instant;

use crate::payment;
use crate::routes::{STATEMENT_BYTES_MAX, lookup};
use crate::server::BODY_BYTES_MAX;
use crate::state::AppState;
use crate::{Error, Result};

pub const KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const KEY_CHARS_MAX: usize = 200;
/// The one route that reads more than others.
const STATEMENTS: &str = "/v1/statements";
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Tokens and secrets are told once: an answer with one is not kept.
const SECRET: [&str; 2] = ["/v1/auth/", "/v1/webhooks"];
/// How long the same request waits for the first one's answer.
const WAIT: Duration = Duration::from_secs(18);
const POLL: Duration = Duration::from_millis(50);

pub async fn layer(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let keyed = request.method() == Method::POST && !SECRET.iter().any(|secret| path.starts_with(secret));
    let Some(key) = request.headers().get(KEY).filter(|_| keyed) else {
        return next.run(request).await;
    };
    let key = match key.to_str() {
        Ok(key) if (1..=KEY_CHARS_MAX).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()) => {
            key.to_owned()
        }
        _ => {
            let detail = format!("Idempotency-Key is 1 to {KEY_CHARS_MAX} printable ASCII characters");
            return Error::malformed("malformed_header", detail).into_response();
        }
    };
    answer(&state, &key, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answer(state: &AppState, key: &str, request: Request, next: Next) -> Result<Response> {
    let (parts, body) = request.into_parts();
    // As much as the route itself would read.
    let bytes_max = if parts.uri.path() == STATEMENTS { STATEMENT_BYTES_MAX } else { BODY_BYTES_MAX };
    let too_large = |_| Error::Refused {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        code: "body_too_large",
        detail: format!("a request to this route has at most {bytes_max} bytes"),
    };
    let body = to_bytes(body, bytes_max).await.map_err(too_large)?;
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    let paid = parts.headers.get(payment::SIGNATURE).map_or(&[][..], HeaderValue::as_bytes);
    // Nobody hears the answer to somebody else.
    let session = parts.headers.get(header::AUTHORIZATION).map_or(&[][..], HeaderValue::as_bytes);
    let fingerprint = fingerprint(&[path.as_bytes(), paid, session, &body]);
    let until = Instant::now() + WAIT;
    loop {
        let known = stored::begin(&mut *lookup::db(&state.pool).await?, key, fingerprint).await?;
        match known {
            Known::New => break,
            Known::Answered(answer) => return replay(answer),
            Known::Other => {
                let detail = "another request came with this Idempotency-Key: use a key per request".to_owned();
                return Err(Error::rule("idempotency_key_reused", detail));
            }
            Known::UnderWay if Instant::now() >= until => {
                let detail = "the first request with this Idempotency-Key is still under way".to_owned();
                return Err(Error::conflict("idempotency_under_way", detail));
            }
            Known::UnderWay => tokio::time::sleep(POLL).await,
        }
    }
    // Whatever becomes of this task, the key is given back or answered within a minute.
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    keep(state, key, response).await
}

/// Length-prefixed, so that no two requests have one fingerprint.
fn fingerprint(parts: &[&[u8]]) -> B256 {
    let mut all = Vec::new();
    for part in parts {
        all.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        all.extend_from_slice(part);
    }
    alloy::primitives::keccak256(all)
}

async fn keep(state: &AppState, key: &str, response: Response) -> Result<Response> {
    let status = response.status();
    let passing =
        [StatusCode::ACCEPTED, StatusCode::PAYMENT_REQUIRED, StatusCode::CONFLICT, StatusCode::TOO_MANY_REQUESTS];
    if status.is_server_error() || passing.contains(&status) {
        stored::forget(&mut *lookup::db(&state.pool).await?, key).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, ANSWER_BYTES_MAX).await.map_err(|err| Error::Failed(Box::new(err)))?;
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).map(str::to_owned);
    let answer = Answer { status: status.as_u16(), content_type: kind, body: body.to_vec() };
    stored::finish(&mut *lookup::db(&state.pool).await?, key, &answer).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn replay(answer: Answer) -> Result<Response> {
    let status = StatusCode::from_u16(answer.status).map_err(|err| Error::Failed(Box::new(err)))?;
    let mut response = (status, Bytes::from(answer.body)).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    if let Some(kind) = answer.content_type.and_then(|kind| HeaderValue::try_from(kind).ok()) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}
