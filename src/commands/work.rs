//! `piecework work`.

use std::time::Duration;

use anyhow::Result;

use crate::{cli, config, keys};

/// Far longer than any look at a payout takes.
const LEASE: Duration = Duration::from_secs(30);

pub async fn run(args: cli::Work) -> Result<()> {
    let stop = config::stop_on_signal()?;
    let signer = keys::read(&args.key_file)?;
    let database = config::database(&args.database, 16).await?;
    let settings = piecework_worker::Config {
        chain_id: args.chain.chain_id,
        escrow: args.chain.escrow,
        policy: piecework_worker::Policy {
            pause: Duration::from_secs(args.payout_pause_seconds),
            gas_price_max: args.gas_price_max,
        },
        relay: piecework_worker::Relay {
            tokens: args.token.into_iter().filter(|(token, _)| !token.is_zero()).collect(),
            for_fees: args.relay_for_fees,
        },
        lease: LEASE,
        webhooks: piecework_worker::Reach::allowing_private(args.private_webhooks),
        poll_interval: Duration::from_millis(args.poll_interval_ms),
    };
    let provider = config::provider(&args.rpc.rpc_url)?;
    piecework_worker::run(database.pool.clone(), provider, signer, settings, stop).await?;
    Ok(())
}
