//! Money that has arrived at deposit addresses becomes escrow.

use piecework_contracts::post_from_deposit_call;
use piecework_store::txs::{self, Kind};
use piecework_store::{PgPool, offers};

use crate::chain::Chain;
use crate::{Error, clock};

/// Offers looked at per query.
const BATCH: i64 = 100;
/// Between two sweeps of one address: one that failed is tried again, and dust or a token that never runs out of it waits.
const RETRY_SECONDS: i64 = 30;

/// Decides on a `postFromDeposit` for every announced bounty whose deposit address holds its token.
pub async fn look(pool: &PgPool, chain: &Chain) -> Result<(), Error> {
    let mut after = None;
    loop {
        let mut db = pool.acquire().await.map_err(piecework_store::Error::from)?;
        let batch = offers::watched(&mut db, chain.id, clock::now(), after, BATCH).await?;
        drop(db);
        let Some(last) = batch.last() else {
            return Ok(());
        };
        after = Some(last.bounty);
        for offer in batch {
            let held = match chain.balance(offer.deposit_address, offer.terms.token).await {
                Ok(held) => held,
                Err(err) => {
                    // One bad token must not hide the other deposits.
                    tracing::debug!(bounty = %offer.bounty, error = &err as &dyn std::error::Error, "deposit unreadable");
                    continue;
                }
            };
            if held.is_zero() {
                continue;
            }
            let mut db = pool.acquire().await.map_err(piecework_store::Error::from)?;
            let last = txs::latest(&mut db, chain.id, Kind::PostFromDeposit, offer.bounty.0).await?;
            if last.is_some_and(|tx| tx.age_seconds < RETRY_SECONDS) {
                continue;
            }
            let data = post_from_deposit_call(&offer.terms);
            if txs::queue(&mut db, chain.id, Kind::PostFromDeposit, offer.bounty.0, &data, None).await? {
                tracing::info!(bounty = %offer.bounty, amount = %held, "a deposit has arrived");
            }
        }
    }
}
