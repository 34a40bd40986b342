//! `piecework index`.

use std::time::Duration;

use anyhow::Result;

use crate::{cli, config};

pub async fn run(args: cli::Index) -> Result<()> {
    let stop = config::stop_on_signal()?;
    let database = config::database(&args.database, 4).await?;
    let settings = piecework_indexer::Config {
        chain_id: args.chain.chain_id,
        escrow: args.chain.escrow,
        start_block: args.start_block,
        poll_interval: Duration::from_millis(args.poll_interval_ms),
    };
    let provider = config::provider(&args.rpc.rpc_url)?;
    piecework_indexer::run(database.pool.clone(), provider, settings, stop).await?;
    Ok(())
}
