//! `piecework index`.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::Notify;

use crate::{cli, config};

pub async fn run(args: cli::Index) -> Result<()> {
    let stop = config::stop_on_signal()?;
    let database = config::database(&args.database, 4).await?;
    let settings = piecework_indexer::Config {
        chain_id: args.chain.chain_id,
        escrow: args.chain.escrow,
        start_block: args.start_block,
        poll_interval: Duration::from_millis(args.poll_interval_ms),
        verify: args.verify.into(),
    };
    let providers = args.rpc_url.iter().map(|url| config::provider(url)).collect::<Result<Vec<_>>>()?;
    let woken = Arc::new(Notify::new());
    piecework_indexer::run(database.pool.clone(), providers, settings, woken, stop).await?;
    Ok(())
}
