//! How much one network may ask.

mod network;
mod shares;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use tokio_util::sync::CancellationToken;
use tower_governor::GovernorLayer;
use tower_governor::errors::GovernorError;
use tower_governor::governor::GovernorConfigBuilder;

pub use network::{ByNetwork, Network};
pub use shares::{Grants, Shares, large_bodies};

use crate::error::problem;

/// Requests that may come at once, in seconds' worth of the rate.
const BURST_SECONDS: u32 = 4;
/// Networks that have been quiet are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of one network.
    pub requests_per_second: NonZeroU32,
    /// Whether `X-Forwarded-For` is believed: only behind a proxy that sets it.
    pub trust_proxy: bool,
}

/// Answers 429 with `retry-after` and `x-ratelimit-*` to who asks more.
pub fn limit<S: Clone + Send + Sync + 'static>(app: Router<S>, limits: Limits, stop: CancellationToken) -> Router<S> {
    let key = ByNetwork { trust_proxy: limits.trust_proxy };
    let rate = limits.requests_per_second.get();
    let mut builder = GovernorConfigBuilder::default().key_extractor(key).use_headers();
    builder.period(Duration::from_secs(1) / rate).burst_size(rate.saturating_mul(BURST_SECONDS));
    // None only for a period or burst of zero.
    let Some(config) = builder.finish() else { return app };
    let limiter = config.limiter().clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(FORGET_EVERY) => limiter.retain_recent(),
            }
        }
    });
    app.layer(GovernorLayer::new(Arc::new(config)).error_handler(refused))
}

fn refused(err: GovernorError) -> Response<Body> {
    match err {
        GovernorError::TooManyRequests { wait_time, headers } => {
            let detail = format!("this network asks too much; wait {wait_time} s");
            let mut response = problem(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail, true);
            response.headers_mut().extend(headers.unwrap_or_default());
            response
        }
        _ => {
            let detail = "the address of this request is not known".to_owned();
            problem(StatusCode::BAD_REQUEST, "unknown_address", detail, false).into_response()
        }
    }
}

/// Forgets quiet networks until `stop`.
pub fn forget(shares: Arc<Shares>, stop: CancellationToken) {
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(FORGET_EVERY) => shares.forget_quiet(),
            }
        }
    });
}
