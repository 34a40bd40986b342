//! Money that has arrived at deposit addresses becomes escrow.

use std::collections::HashMap;
use std::time::Duration;

use piecework_contracts::post_from_deposit_call;
use piecework_domain::ids::BountyId;
use piecework_domain::money::NATIVE;
use piecework_domain::{Address, U256};
use piecework_store::offers::{self, Offer};
use piecework_store::txs::{self, Kind};
use piecework_store::{PgConnection, PgPool};
use tokio::time::Instant;

use crate::chain::Chain;
use crate::relay::Relay;
use crate::{Error, acquire, clock};

/// What sweeping an address takes.
const GAS: u64 = 200_000;
/// Offers looked at per query.
const BATCH: i64 = 100;
/// Between two sweeps of one address: one that failed is tried again, and dust or a token that never runs out of it waits. Twice as
/// long after each sweep.
const RETRY_SECONDS: i64 = 30;
/// A token that could not be read is left alone for so long.
const TOKEN_PAUSE: Duration = Duration::from_secs(60);
/// Sweeps of one token within a minute: anybody can write a token that always has something to sweep.
const SWEEPS_OF_TOKEN_MAX: u32 = 20;

/// What was learnt about tokens; nothing of it must survive a restart.
#[derive(Default)]
pub struct Deposits {
    unreadable: HashMap<Address, Instant>,
    /// Sweeps since then.
    sweeps: HashMap<Address, (Instant, u32)>,
}

/// Decides on a `postFromDeposit` for a bounty whose payment has just been settled: nobody has to find it.
pub async fn post(db_tx: &mut PgConnection, chain: &Chain, bounty: BountyId) -> Result<(), Error> {
    let Some(offer) = offers::get(db_tx, bounty).await? else { return Ok(()) };
    let data = post_from_deposit_call(&offer.terms);
    txs::queue(db_tx, chain.id, Kind::PostFromDeposit, bounty.0, &data).await?;
    Ok(())
}

impl Deposits {
    /// Decides on a `postFromDeposit` for each announced bounty whose turn it is and whose deposit address holds its token.
    pub async fn look(&mut self, pool: &PgPool, chain: &Chain, relay: &Relay) -> Result<(), Error> {
        self.unreadable.retain(|_, until| *until > Instant::now());
        self.sweeps.retain(|_, (since, _)| since.elapsed() < TOKEN_PAUSE);
        let gas_price = chain.gas_price().await?;
        loop {
            let mut db = acquire(pool).await?;
            let batch = offers::watched(&mut db, chain.id, clock::now(), BATCH).await?;
            drop(db);
            for offer in &batch {
                // Dust and tokens of anybody's own are not worth the gas: who sent them can post them.
                if let Some(least) = relay.least(offer.terms.token, GAS, gas_price) {
                    self.look_at(pool, chain, offer, least).await?;
                }
            }
            if i64::try_from(batch.len()).is_ok_and(|looked_at| looked_at < BATCH) {
                return Ok(());
            }
        }
    }

    async fn look_at(&mut self, pool: &PgPool, chain: &Chain, offer: &Offer, least: U256) -> Result<(), Error> {
        let token = offer.terms.token;
        if self.unreadable.contains_key(&token) {
            return Ok(());
        }
        let held = match chain.balance(offer.deposit_address, token).await {
            Ok(held) => held,
            Err(err) => {
                // One bad token must not hide the other deposits.
                tracing::debug!(bounty = %offer.bounty, %token, error = &err as &dyn std::error::Error, "deposit unreadable");
                if token != NATIVE {
                    self.unreadable.insert(token, Instant::now() + TOKEN_PAUSE);
                }
                return Ok(());
            }
        };
        if held.is_zero() || held.0 < least {
            return Ok(());
        }
        let mut db = acquire(pool).await?;
        if let Some(last) = txs::latest(&mut db, chain.id, Kind::PostFromDeposit, offer.bounty.0).await? {
            let sweeps = txs::recent(&mut db, chain.id, Kind::PostFromDeposit, offer.bounty.0).await?;
            if last.age_seconds < RETRY_SECONDS.saturating_mul(1 << sweeps.saturating_sub(1).min(11)) {
                return Ok(());
            }
        }
        let (_, swept) = self.sweeps.entry(token).or_insert((Instant::now(), 0));
        if token != NATIVE && *swept >= SWEEPS_OF_TOKEN_MAX {
            return Ok(());
        }
        let data = post_from_deposit_call(&offer.terms);
        if txs::queue(&mut db, chain.id, Kind::PostFromDeposit, offer.bounty.0, &data).await?.is_some() {
            *swept += 1;
            tracing::info!(bounty = %offer.bounty, amount = %held, "a deposit has arrived");
        }
        Ok(())
    }
}
