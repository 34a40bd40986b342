//! The loop.

use std::time::Duration;

use alloy::providers::DynProvider;
use alloy::signers::local::PrivateKeySigner;
use piecework_domain::Address;
use piecework_store::PgPool;
use piecework_store::listen::{self, Listener};
use tokio_util::sync::CancellationToken;

use crate::chain::Chain;
use crate::deposits::Deposits;
use crate::{Error, awards, outbox, payouts};

/// Transactions sent before the next look at what is due.
const SENT_AT_ONCE: usize = 64;

#[derive(Clone, Debug)]
pub struct Config {
    pub chain_id: u64,
    pub escrow: Address,
    /// Least time between two redemptions of one engagement.
    pub payout_pause: Duration,
    pub poll_interval: Duration,
}

/// Works until `stop`. Failures of the database or the endpoint are logged and tried again.
pub async fn run(
    pool: PgPool,
    provider: DynProvider,
    signer: PrivateKeySigner,
    config: Config,
    stop: CancellationToken,
) -> Result<(), Error> {
    let chain = Chain::new(config.chain_id, config.escrow, provider, signer);
    loop {
        match chain.check().await {
            Ok(()) => break,
            Err(err @ Error::WrongChain { .. }) => return Err(err),
            Err(err) => tracing::warn!(error = &err as &dyn std::error::Error, "waiting for the chain"),
        }
        if pause(&stop, config.poll_interval).await {
            return Ok(());
        }
    }
    // Looking at deposits means calling tokens that anybody can write: pay never waits for it.
    tokio::join!(pay(&pool, &chain, &config, &stop), look_at_deposits(&pool, &chain, &config, &stop));
    Ok(())
}

/// Awards, payouts, and everything that is sent.
async fn pay(pool: &PgPool, chain: &Chain, config: &Config, stop: &CancellationToken) {
    let mut listener = None;
    loop {
        for (step, outcome) in [
            ("settle", outbox::settle(pool, chain).await),
            ("payouts", payouts::look(pool, chain, config.payout_pause).await),
            ("awards", awards::look(pool, chain).await),
            ("send", send_all(pool, chain).await),
        ] {
            if let Err(err) = outcome {
                tracing::warn!(step, error = &err as &dyn std::error::Error, "step failed; trying again");
                listener = None;
            }
        }
        if listener.is_none() {
            listener = Listener::on(pool, listen::WORK).await.ok();
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(config.poll_interval) => {}
            heard = heard(&mut listener) => if heard.is_err() { listener = None },
        }
    }
}

async fn look_at_deposits(pool: &PgPool, chain: &Chain, config: &Config, stop: &CancellationToken) {
    let mut deposits = Deposits::default();
    loop {
        let looked = tokio::select! {
            () = stop.cancelled() => return,
            looked = deposits.look(pool, chain) => looked,
        };
        if let Err(err) = looked {
            tracing::warn!(step = "deposits", error = &err as &dyn std::error::Error, "step failed; trying again");
        }
        if pause(stop, config.poll_interval).await {
            return;
        }
    }
}

/// A portion at a time: what is decided meanwhile, pay above all, has its turn soon.
async fn send_all(pool: &PgPool, chain: &Chain) -> Result<(), Error> {
    for _ in 0..SENT_AT_ONCE {
        if !outbox::send_next(pool, chain).await? {
            break;
        }
    }
    Ok(())
}

/// The next announcement; never returns without a listener.
async fn heard(listener: &mut Option<Listener>) -> Result<(), piecework_store::Error> {
    match listener {
        Some(listener) => listener.changed().await,
        None => std::future::pending().await,
    }
}

/// True if the stop came first.
async fn pause(stop: &CancellationToken, duration: Duration) -> bool {
    tokio::select! {
        () = stop.cancelled() => true,
        () = tokio::time::sleep(duration) => false,
    }
}
