//! `piecework serve`.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;

use anyhow::{Context, Result};
use metrics_exporter_prometheus::PrometheusBuilder;
use piecework_api::auth::{Auth, Keys};
use piecework_api::{Grants, Limits, Origins};

use crate::{cli, config, keys};

pub async fn run(args: cli::Serve) -> Result<()> {
    let stop = config::stop_on_signal()?;
    let metrics = PrometheusBuilder::new().install_recorder().context("installing the metrics recorder")?;
    let database = config::database(&args.database, 20).await?;
    let auth = auth(&args)?;
    let settings = piecework_api::Config {
        auth: Arc::new(auth),
        origins: Origins::read(&args.allow_origin).context("--allow-origin")?,
        chain_id: args.chain.chain_id,
        escrow: args.chain.escrow,
        listen: args.listen,
        limits: NonZeroU32::new(args.requests_per_second)
            .map(|requests_per_second| Limits { requests_per_second, trust_proxy: args.trust_proxy }),
        grants: Grants {
            offers_per_hour: NonZeroU32::new(args.offers_per_hour),
            settlements_per_hour: args.settlements_per_hour,
            trust_proxy: args.trust_proxy,
        },
        // Behind a proxy every connection has the proxy's address.
        connections_per_network: NonZeroUsize::new(args.connections_per_network).filter(|_| !args.trust_proxy),
        private_webhooks: args.private_webhooks,
        payout_window_min: args.payout_window_min,
        provider: args.rpc_url.as_deref().map(config::provider).transpose()?,
    };
    let ready = |at| tracing::info!(%at, "listening");
    piecework_api::serve(database.pool.clone(), settings, metrics, stop, ready)
        .await
        .with_context(|| format!("serving on {}", args.listen))
}

fn auth(args: &cli::Serve) -> Result<Auth> {
    let url = args.public_url.clone().unwrap_or_else(|| format!("http://{}", args.listen));
    let url = url.trim_end_matches('/').to_owned();
    let host = url.split_once("://").map(|(_, rest)| rest).filter(|host| !host.is_empty() && !host.contains('/'));
    let host =
        host.context("--public-url is not like https://api.example.com: a scheme and a host, no path")?.to_owned();
    let domains = args.sign_in_domain.iter().cloned().chain([host]).collect();
    let text = keys::read_or_write(&args.session_keys_file, Keys::generate)?;
    let keys = Keys::read(&text).with_context(|| format!("reading {}", args.session_keys_file.display()))?;
    Ok(Auth { url, domains, keys })
}
