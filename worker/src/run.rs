//! The loop.

use std::time::Duration;

use alloy::providers::DynProvider;
use alloy::signers::local::PrivateKeySigner;
use piecework_domain::Address;
use piecework_outbound::Reach;
use piecework_store::PgPool;
use piecework_store::listen::{self, Listener};
use tokio_util::sync::CancellationToken;

use crate::chain::Chain;
use crate::decide::Policy;
use crate::deposits::Deposits;
use crate::payouts::Payouts;
use crate::relay::Relay;
use crate::{Error, awards, equivocations, forget, outbox, settle, tokens, webhooks, x402};

/// Transactions sent before the next look at what is due.
const SENT_AT_ONCE: usize = 64;

#[derive(Clone, Debug)]
pub struct Config {
    pub chain_id: u64,
    pub escrow: Address,
    pub policy: Policy,
    pub relay: Relay,
    /// How long a payout that a worker looks at is nobody else's: one that dies leaves it to the others then.
    pub lease: Duration,
    pub poll_interval: Duration,
    /// Where webhooks may lead.
    pub webhooks: Reach,
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
    // What happened is told whether or not anything can be sent to the chain now.
    let telling = async {
        webhooks::run(&pool, config.webhooks, config.poll_interval, &stop).await;
        Ok(())
    };
    tokio::try_join!(pay_all(&pool, &chain, &config, &stop), telling)?;
    Ok(())
}

async fn pay_all(pool: &PgPool, chain: &Chain, config: &Config, stop: &CancellationToken) -> Result<(), Error> {
    loop {
        match chain.check().await {
            Ok(()) => break,
            Err(err @ Error::WrongChain { .. }) => return Err(err),
            Err(err) => tracing::warn!(error = &err as &dyn std::error::Error, "waiting for the chain"),
        }
        if pause(stop, config.poll_interval).await {
            return Ok(());
        }
    }
    while !stop.is_cancelled() && failed("tokens", tokens::publish(pool, chain, &config.relay).await) {
        if pause(stop, config.poll_interval).await {
            return Ok(());
        }
    }
    // Trying awards and looking at deposits means running code that anybody can write: pay never waits for it.
    tokio::join!(
        settle_all(pool, chain, config, stop),
        pay(pool, chain, config, stop),
        settle_payments(pool, chain, config, stop),
        relay_awards(pool, chain, config, stop),
        look_at_deposits(pool, chain, config, stop),
        forget_old(pool, stop)
    );
    Ok(())
}

/// The fate of everything that was sent.
async fn settle_all(pool: &PgPool, chain: &Chain, config: &Config, stop: &CancellationToken) {
    loop {
        failed("settle", settle::look(pool, chain).await);
        failed("x402 of others", x402::look_at_others(pool, chain).await);
        if pause(stop, config.poll_interval).await {
            return;
        }
    }
}

async fn pay(pool: &PgPool, chain: &Chain, config: &Config, stop: &CancellationToken) {
    let mut payouts = Payouts::default();
    let mut news = News::default();
    loop {
        news.outcome("payouts", payouts.look(pool, chain, config).await);
        if news.wait(pool, config.poll_interval, stop).await {
            return;
        }
    }
}

/// Payments that came in by x402.
async fn settle_payments(pool: &PgPool, chain: &Chain, config: &Config, stop: &CancellationToken) {
    let mut news = News::default();
    loop {
        news.outcome("x402", x402::look(pool, chain, config).await);
        if news.wait(pool, config.poll_interval, stop).await {
            return;
        }
    }
}

/// Awards and reports of equivocation, and sending what they and the deposits led to.
async fn relay_awards(pool: &PgPool, chain: &Chain, config: &Config, stop: &CancellationToken) {
    let mut news = News::default();
    loop {
        news.outcome("awards", awards::look(pool, chain, &config.relay).await);
        news.outcome("equivocations", equivocations::look(pool, chain, &config.relay).await);
        news.outcome("send", send_all(pool, chain).await);
        if news.wait(pool, config.poll_interval, stop).await {
            return;
        }
    }
}

async fn look_at_deposits(pool: &PgPool, chain: &Chain, config: &Config, stop: &CancellationToken) {
    let mut deposits = Deposits::default();
    loop {
        let looked = tokio::select! {
            () = stop.cancelled() => return,
            looked = deposits.look(pool, chain, &config.relay) => looked,
        };
        failed("deposits", looked);
        if pause(stop, config.poll_interval).await {
            return;
        }
    }
}

async fn forget_old(pool: &PgPool, stop: &CancellationToken) {
    loop {
        failed("forget", forget::look(pool).await);
        if pause(stop, forget::EVERY).await {
            return;
        }
    }
}

/// A portion at a time: awards that came meanwhile have their turn soon.
async fn send_all(pool: &PgPool, chain: &Chain) -> Result<(), Error> {
    for _ in 0..SENT_AT_ONCE {
        if !outbox::send_next(pool, chain).await? {
            break;
        }
    }
    Ok(())
}

/// Waiting for announcements of the database, and for the next look without one.
#[derive(Default)]
struct News(Option<Listener>);

impl News {
    /// Where a step failed the database may be gone, and its announcements with it.
    fn outcome(&mut self, step: &str, outcome: Result<(), Error>) {
        if failed(step, outcome) {
            self.0 = None;
        }
    }

    /// True if the stop came first.
    async fn wait(&mut self, pool: &PgPool, interval: Duration, stop: &CancellationToken) -> bool {
        if self.0.is_none() {
            self.0 = Listener::on(pool, listen::WORK).await.ok();
        }
        tokio::select! {
            () = stop.cancelled() => return true,
            () = tokio::time::sleep(interval) => {}
            heard = heard(&mut self.0) => if heard.is_err() { self.0 = None },
        }
        false
    }
}

/// Logs a failure, and says whether there was one.
fn failed(step: &str, outcome: Result<(), Error>) -> bool {
    let Err(err) = outcome else { return false };
    tracing::warn!(step, error = &err as &dyn std::error::Error, "step failed; trying again");
    true
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
