//! Listening, limits, and stopping without losing requests.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use alloy::providers::DynProvider;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_server::Server;
use metrics_exporter_prometheus::PrometheusHandle;
use piecework_domain::Address;
use piecework_domain::messages::Domain;
use piecework_store::{PgPool, listen};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::TraceLayer;

use crate::auth::Auth;
use crate::connections::Door;
use crate::cors::{self, Origins};
use crate::error::problem;
use crate::limits::{self, Grants, Limits, Shares, large_bodies};
use crate::state::{AppState, Chain};
use crate::stream;
use crate::tokens::Tokens;
use crate::{etag, idempotency, routes};

/// Bytes a request body may have, unless a route says otherwise.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// A connection that asks nothing at first, and one that asks nothing more.
const FIRST_REQUEST_MAX: Duration = Duration::from_secs(10);
const IDLE_MAX: Duration = Duration::from_secs(60);
/// What was begun when stopping has this long: more than any request may take.
const STOPPING_MAX: Duration = Duration::from_secs(25);

#[derive(Clone, Debug)]
pub struct Config {
    pub chain_id: u64,
    pub escrow: Address,
    pub listen: SocketAddr,
    /// An endpoint of the chain, for what tokens say of payments.
    pub provider: Option<DynProvider>,
    /// What one network may ask; everything without.
    pub limits: Option<Limits>,
    /// What one network may take.
    pub grants: Grants,
    /// Connections that one network may hold; any number without.
    pub connections_per_network: Option<NonZeroUsize>,
    pub auth: Arc<Auth>,
    pub origins: Origins,
    /// Whether webhooks may lead into private networks, and by plain http.
    pub private_webhooks: bool,
    /// Seconds that the payout window of a bounty must have.
    pub payout_window_min: u64,
}

/// Serves until `stop`; then finishes what was begun. `ready` hears the address once it is bound.
pub async fn serve(
    pool: PgPool,
    config: Config,
    metrics: PrometheusHandle,
    stop: CancellationToken,
    ready: impl FnOnce(SocketAddr),
) -> std::io::Result<()> {
    let listener = TcpListener::bind(config.listen).await?;
    let (sender, feed) = watch::channel(());
    tokio::spawn(stream::announce(pool.clone(), listen::FEED, sender, stop.clone()));
    let (sender, payments) = watch::channel(());
    tokio::spawn(stream::announce(pool.clone(), listen::PAYMENTS, sender, stop.clone()));
    let domain = Domain::new(config.chain_id, config.escrow);
    let chain = Arc::new(Chain {
        id: config.chain_id,
        escrow: config.escrow,
        domain,
        payout_window_min: config.payout_window_min,
    });
    let shares = Arc::new(Shares::new(config.grants));
    limits::forget(shares.clone(), stop.clone());
    let tokens = config.provider.map(Tokens);
    let counted = Arc::default();
    let app = router(AppState {
        pool,
        chain,
        metrics,
        counted,
        feed,
        payments,
        turns: Arc::default(),
        auth: config.auth,
        private_webhooks: config.private_webhooks,
        tokens,
        shares,
        stop: stop.clone(),
    });
    let app = match config.limits {
        Some(limits) => limits::limit(app, limits, stop.clone()),
        None => app,
    };
    // Refusals are for scripts, too.
    let app = match cors::layer(&config.origins) {
        Some(cors) => app.layer(cors),
        None => app,
    };
    ready(listener.local_addr()?);
    let handle = axum_server::Handle::new();
    let mut server =
        Server::<SocketAddr>::from_listener(listener).acceptor(Door::new(config.connections_per_network)).http1_only();
    server.http_builder().http1().header_read_timeout(IDLE_MAX);
    let server = server.first_request_timeout(FIRST_REQUEST_MAX).handle(handle.clone());
    tokio::spawn(async move {
        stop.cancelled().await;
        handle.graceful_shutdown(Some(STOPPING_MAX));
    });
    server.serve(app.into_make_service_with_connect_info::<SocketAddr>()).await
}

fn router(state: AppState) -> Router {
    let request_id = HeaderName::from_static("x-request-id");
    let (api, _) = routes::all().split_for_parts();
    let timed = api
        .merge(routes::unlisted())
        .layer(axum::middleware::from_fn(etag::layer))
        .layer(axum::middleware::from_fn_with_state(state.clone(), idempotency::layer))
        .layer(axum::middleware::from_fn_with_state(state.clone(), large_bodies))
        .layer(axum::middleware::from_fn(time_out))
        // The stream outlives any request timeout.
        .merge(routes::streams().split_for_parts().0)
        .fallback(|| async { problem(StatusCode::NOT_FOUND, "no_such_route", "see /openapi.json".to_owned(), false) })
        .method_not_allowed_fallback(|| async {
            let detail = "this route does not take that method".to_owned();
            problem(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail, false)
        });
    timed
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(axum::middleware::from_fn(count))
        .layer(TraceLayer::new_for_http())
        .layer(PropagateRequestIdLayer::new(request_id.clone()))
        .layer(SetRequestIdLayer::new(request_id, MakeRequestUuid))
        .with_state(state)
}

/// A request that takes too long gets a problem; what it was doing is rolled back.
async fn time_out(request: axum::extract::Request, next: axum::middleware::Next) -> Response {
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("not done within {} s", REQUEST_TIMEOUT.as_secs());
            problem(StatusCode::GATEWAY_TIMEOUT, "timed_out", detail, true)
        }
    }
}

async fn count(request: axum::extract::Request, next: axum::middleware::Next) -> Response {
    let route = request.extensions().get::<axum::extract::MatchedPath>().map(|path| path.as_str().to_owned());
    // Made-up methods must not make up metrics.
    let method = match *request.method() {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        _ => "other",
    };
    let response = next.run(request).await;
    let labels = [
        ("route", route.unwrap_or_else(|| "none".to_owned())),
        ("method", method.to_owned()),
        ("status", response.status().as_u16().to_string()),
    ];
    metrics::counter!("piecework_http_requests_total", &labels).increment(1);
    response
}

/// A handler that panicked: the cause is in the log (the panic hook's), the answer is a constant.
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    let detail = "something went wrong here; it was logged".to_owned();
    problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail, false).into_response()
}
