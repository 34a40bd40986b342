//! Signed awards become engagements.

use piecework_contracts::award_call;
use piecework_store::txs::{self, Kind};
use piecework_store::{PgPool, awards};

use crate::chain::Chain;
use crate::{Error, clock};

const BATCH: i64 = 100;

/// Decides on an `award` for every stored award that isn't on chain.
pub async fn look(pool: &PgPool, chain: &Chain) -> Result<(), Error> {
    let mut db = pool.acquire().await.map_err(piecework_store::Error::from)?;
    for relay in awards::to_relay(&mut db, chain.id, clock::now(), BATCH).await? {
        let data = award_call(
            &relay.terms,
            &relay.verifiers,
            (&relay.bid, &relay.bid_signature),
            (&relay.award, &relay.award_signature),
        );
        if txs::queue(&mut db, chain.id, Kind::Award, relay.award.bid.0, &data, None).await? {
            tracing::info!(bounty = %relay.award.bounty, bid = %relay.award.bid, "relaying an award");
        }
    }
    Ok(())
}
