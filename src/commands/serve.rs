//! `piecework serve`.

use std::num::{NonZeroU32, NonZeroUsize};

use anyhow::{Context, Result};
use metrics_exporter_prometheus::PrometheusBuilder;
use piecework_api::Limits;

use crate::{cli, config};

pub async fn run(args: cli::Serve) -> Result<()> {
    let stop = config::stop_on_signal()?;
    let metrics = PrometheusBuilder::new().install_recorder().context("installing the metrics recorder")?;
    let database = config::database(&args.database, 20).await?;
    let settings = piecework_api::Config {
        chain_id: args.chain.chain_id,
        escrow: args.chain.escrow,
        listen: args.listen,
        limits: NonZeroU32::new(args.requests_per_second)
            .map(|requests_per_second| Limits { requests_per_second, trust_proxy: args.trust_proxy }),
        // Behind a proxy every connection has the proxy's address.
        connections_per_address: NonZeroUsize::new(args.connections_per_address).filter(|_| !args.trust_proxy),
        payout_window_min: args.payout_window_min,
        provider: args.rpc_url.as_deref().map(config::provider).transpose()?,
    };
    let ready = |at| tracing::info!(%at, "listening");
    piecework_api::serve(database.pool.clone(), settings, metrics, stop, ready)
        .await
        .with_context(|| format!("serving on {}", args.listen))
}
