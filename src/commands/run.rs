//! `piecework run`.

use std::time::Duration;

use anyhow::Result;

use crate::{cli, config, keys};

pub async fn run(args: cli::Run) -> Result<()> {
    let stop = config::stop_on_signal()?;
    let signer = keys::read(&args.key_file)?;
    let node = config::patient_provider(&args.node_url)?;
    let settings = piecework_runner::Config {
        api_url: args.api_url,
        chain_id: args.chain.chain_id,
        escrow: args.chain.escrow,
        runner: args.runner,
        endpoint: args.endpoint,
        journal: args.journal,
        stand_in_after: Duration::from_millis(args.stand_in_after_ms),
        interval: Duration::from_millis(args.interval_ms),
        refresh_interval: Duration::from_secs(1),
    };
    piecework_runner::run(settings, signer, node, stop).await?;
    Ok(())
}
