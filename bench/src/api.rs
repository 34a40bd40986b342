//! The real API over a database, in this process.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::{Context, Result};
use metrics_exporter_prometheus::PrometheusBuilder;
use piecework_api::auth::{Auth, Keys};
use piecework_domain::Address;
use piecework_store::PgPool;
use tokio_util::sync::{CancellationToken, DropGuard};

use piecework_bench::chain::CHAIN_ID;

/// Listens on loopback until dropped.
pub struct Api {
    pub url: String,
    _stop: DropGuard,
}

pub async fn start(pool: PgPool, escrow: Address) -> Result<Api> {
    let listen = "127.0.0.1:0".parse()?;
    // No payments with tokens, and one address that asks as much as it can.
    let auth = Auth { url: String::new(), domains: HashSet::new(), keys: Keys::read(&Keys::generate())? };
    let config = piecework_api::Config {
        auth: Arc::new(auth),
        origins: piecework_api::Origins::None,
        chain_id: CHAIN_ID,
        escrow,
        listen,
        provider: None,
        limits: None,
        grants: piecework_api::Grants::default(),
        connections_per_network: None,
        payout_window_min: 0,
        private_webhooks: false,
    };
    let metrics = PrometheusBuilder::new().build_recorder().handle();
    let (bound, address) = tokio::sync::oneshot::channel();
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        let ready = |at| {
            let _ = bound.send(at);
        };
        if let Err(err) = piecework_api::serve(pool, config, metrics, stopped, ready).await {
            eprintln!("the API ended: {err}");
        }
    });
    let address = address.await.context("the API did not start")?;
    Ok(Api { url: format!("http://{address}"), _stop: stop.drop_guard() })
}
