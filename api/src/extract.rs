//! Reading requests, so that every malformed one gets a problem with a code.

use std::str::FromStr;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use piecework_domain::time::Timestamp;
use serde::de::DeserializeOwned;

use crate::Error;

/// A JSON body. Unknown fields are refused by the types themselves.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(refuse_body(&rejection)),
        }
    }
}

fn refuse_body(rejection: &JsonRejection) -> Error {
    let detail = rejection.body_text();
    match rejection {
        JsonRejection::JsonSyntaxError(_) => Error::malformed("malformed_json", detail),
        JsonRejection::JsonDataError(_) => Error::rule("invalid_body", detail),
        JsonRejection::MissingJsonContentType(_) => Error::Refused {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            code: "unsupported_media_type",
            detail: "send `content-type: application/json`".to_owned(),
        },
        other if other.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Error::Refused { status: StatusCode::PAYLOAD_TOO_LARGE, code: "body_too_large", detail }
        }
        _ => Error::malformed("unreadable_body", detail),
    }
}

/// The one path parameter: an id, a hash or an address.
#[derive(Debug)]
pub struct Id<T>(pub T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Id<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let text: String = path(parts, state).await?;
        parse_id(&text).map(Self)
    }
}

/// Two path parameters, each an id, a hash or an address.
#[derive(Debug)]
pub struct Ids<A, B>(pub A, pub B);

impl<S: Send + Sync, A: FromStr, B: FromStr> FromRequestParts<S> for Ids<A, B> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let (a, b): (String, String) = path(parts, state).await?;
        Ok(Self(parse_id(&a)?, parse_id(&b)?))
    }
}

async fn path<S, T>(parts: &mut Parts, state: &S) -> Result<T, Error>
where
    S: Send + Sync,
    T: DeserializeOwned + Send,
{
    let path: Result<axum::extract::Path<T>, PathRejection> =
        <axum::extract::Path<T> as FromRequestParts<S>>::from_request_parts(parts, state).await;
    path.map(|axum::extract::Path(path)| path).map_err(|err| Error::malformed("malformed_id", err.body_text()))
}

/// Reads an id, hash or address from 0x-hex.
pub fn parse_id<T: FromStr>(text: &str) -> Result<T, Error> {
    let refuse =
        || Error::malformed("malformed_id", format!("{text:.80?} is not a 0x-hex id or address of the right length"));
    if !text.starts_with("0x") {
        return Err(refuse());
    }
    text.parse().map_err(|_| refuse())
}

/// The query string.
#[derive(Debug)]
pub struct Params<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let query: Result<axum::extract::Query<T>, QueryRejection> =
            <axum::extract::Query<T> as FromRequestParts<S>>::from_request_parts(parts, state).await;
        query.map(|axum::extract::Query(q)| Self(q)).map_err(|err| Error::malformed("malformed_query", err.body_text()))
    }
}

/// `Last-Event-ID` of a resuming event stream.
#[derive(Debug)]
pub struct LastEventId(pub u64);

impl<S: Send + Sync> OptionalFromRequestParts<S> for LastEventId {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Error> {
        let Some(value) = parts.headers.get("last-event-id") else {
            return Ok(None);
        };
        let seq = value.to_str().ok().and_then(|text| text.parse().ok());
        seq.map(|seq| Some(Self(seq)))
            .ok_or_else(|| Error::malformed("malformed_header", "Last-Event-ID is not a number"))
    }
}

/// Rows of a page: `limit` between 1 and 100, 50 unless asked.
pub fn page_size(limit: Option<u32>) -> Result<i64, Error> {
    page_size_up_to(limit, 100)
}

/// The same for lists with pages of up to `max`.
pub fn page_size_up_to(limit: Option<u32>, max: u32) -> Result<i64, Error> {
    match limit.unwrap_or(50) {
        limit if (1..=max).contains(&limit) => Ok(i64::from(limit)),
        limit => Err(Error::malformed("malformed_query", format!("limit is 1 to {max}, got {limit}"))),
    }
}

/// For a cursor that can't be read.
pub fn malformed_cursor() -> Error {
    Error::malformed("malformed_cursor", "this cursor was not given out by this list")
}

/// Opaque cursors of lists ordered by a time and an id.
pub fn read_cursor<T: FromStr>(cursor: Option<&str>) -> Result<Option<(Timestamp, T)>, Error> {
    let refuse = malformed_cursor;
    let Some(cursor) = cursor else {
        return Ok(None);
    };
    let (time, id) = cursor.split_once('_').ok_or_else(refuse)?;
    Ok(Some((Timestamp(time.parse().map_err(|_| refuse())?), id.parse().map_err(|_| refuse())?)))
}

pub fn write_cursor(time: Timestamp, id: impl std::fmt::Display) -> String {
    format!("{time}_{id}")
}
