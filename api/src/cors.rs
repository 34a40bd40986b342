//! Which pages' scripts may ask this API.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::{idempotency, payment};

const KEPT: Duration = Duration::from_secs(3_600);

/// Origins whose scripts may read answers; nobody's cookies are asked for, so `*` gives nothing away that isn't public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    None,
    These(Vec<HeaderValue>),
    All,
}

/// Not a scheme and a host.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not like https://app.example.com: a scheme and a host, no path")]
pub struct NotAnOrigin(String);

impl Origins {
    /// From what an operator wrote: `*`, or origins.
    pub fn read(given: &[String]) -> Result<Self, NotAnOrigin> {
        if given.iter().any(|origin| origin == "*") {
            return Ok(Self::All);
        }
        let read = |origin: &String| {
            let host = origin.split_once("://").map(|(_, host)| host);
            let is_origin = host.is_some_and(|host| !host.is_empty() && !host.contains('/'));
            let value = HeaderValue::from_str(origin).ok().filter(|_| is_origin);
            value.ok_or_else(|| NotAnOrigin(origin.clone()))
        };
        let these = given.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(if these.is_empty() { Self::None } else { Self::These(these) })
    }
}

/// None: browsers keep answers from scripts of other origins.
pub fn layer(origins: &Origins) -> Option<CorsLayer> {
    let allowed = match origins {
        Origins::None => return None,
        Origins::These(these) => AllowOrigin::list(these.iter().cloned()),
        Origins::All => AllowOrigin::any(),
    };
    let asked = [
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        header::IF_NONE_MATCH,
        HeaderName::from_static("last-event-id"),
        idempotency::KEY,
        payment::SIGNATURE,
    ];
    let told = [
        header::ETAG,
        header::RETRY_AFTER,
        header::WWW_AUTHENTICATE,
        HeaderName::from_static("x-request-id"),
        idempotency::REPLAYED,
        payment::REQUIRED,
        payment::RESPONSE,
    ];
    Some(
        CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::GET, Method::POST, Method::DELETE])
            .allow_headers(asked)
            .expose_headers(told)
            .max_age(KEPT),
    )
}
