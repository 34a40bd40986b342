//! From arguments to connections.

use std::time::Duration;

use alloy::network::EthereumWallet;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::client::ClientBuilder;
use alloy::signers::local::PrivateKeySigner;
use alloy::transports::http::Http;
use alloy::transports::layers::{RateLimitRetryPolicy, RetryBackoffLayer};
use alloy::transports::{TransportError, TransportErrorKind};
use anyhow::{Context, Result};
use piecework_store::PgPool;
use piecework_toolchain::postgres::Postgres;
use tokio_util::sync::CancellationToken;

use crate::cli;

const RPC_TIMEOUT: Duration = Duration::from_secs(15);
const RETRIES: u32 = 4;
const RETRY_PAUSE_MS: u64 = 100;
/// No budget of units is kept here: who sells them says 429.
const UNITS_PER_SECOND: u64 = 1_000_000_000;

/// The URL may hold an access key: it stays out of the error.
fn endpoint(url: &str) -> Result<reqwest::Url> {
    url.parse().map_err(|_| anyhow::anyhow!("the RPC endpoint is not a URL"))
}

/// A provider that only reads and sends what it is given.
pub fn provider(url: &str) -> Result<DynProvider> {
    let provider = ProviderBuilder::new()
        .disable_recommended_fillers()
        .with_reqwest(endpoint(url)?, |builder| builder.timeout(RPC_TIMEOUT).build().unwrap_or_default());
    Ok(provider.erased())
}

/// A provider that asks again where the endpoint, or the way to it, fails for a moment: for who has nobody else to ask. Not for sending.
pub fn patient_provider(url: &str) -> Result<DynProvider> {
    let policy = RateLimitRetryPolicy::default().or(|err| match err {
        TransportError::Transport(TransportErrorKind::HttpError(err)) => err.status >= 500,
        TransportError::Transport(TransportErrorKind::Custom(_)) => true,
        _ => false,
    });
    let retry = RetryBackoffLayer::new_with_policy(RETRIES, RETRY_PAUSE_MS, UNITS_PER_SECOND, policy);
    let http = reqwest::Client::builder().timeout(RPC_TIMEOUT).build().context("making an HTTP client")?;
    let client = ClientBuilder::default().layer(retry).transport(Http::with_client(http, endpoint(url)?), false);
    Ok(ProviderBuilder::new().disable_recommended_fillers().connect_client(client).erased())
}

/// A provider that signs with `signer` and sends. Nonces are asked for: one that is counted here leaves a gap, for ever, once a
/// transaction fails between its number and its sending.
pub fn wallet_provider(url: &str, signer: PrivateKeySigner) -> Result<DynProvider> {
    let provider = ProviderBuilder::default()
        .with_simple_nonce_management()
        .with_gas_estimation()
        .fetch_chain_id()
        .wallet(EthereumWallet::from(signer))
        .with_reqwest(endpoint(url)?, |builder| builder.timeout(RPC_TIMEOUT).build().unwrap_or_default());
    Ok(provider.erased())
}

/// A migrated database, and the private server behind it if there is one.
pub struct Database {
    pub pool: PgPool,
    _server: Option<Postgres>,
}

pub async fn database(args: &cli::Database, connections_max: u32) -> Result<Database> {
    let (url, server) = match &args.database_url {
        Some(url) => (url.clone(), None),
        None => {
            let tools = piecework_toolchain::ensure_installed()?;
            let dir = std::path::absolute(&args.data_dir)?.join("postgres");
            let server = Postgres::start(&tools, &dir)?;
            (server.url("postgres"), Some(server))
        }
    };
    let pool = piecework_store::connect(&url, connections_max).await.context("connecting to the database")?;
    piecework_store::migrate(&pool).await?;
    Ok(Database { pool, _server: server })
}

/// Cancelled by Ctrl-C and by SIGTERM.
pub fn stop_on_signal() -> Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = CancellationToken::new();
    let heard = stop.clone();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        heard.cancel();
    });
    Ok(stop)
}
