//! Signed awards become engagements.

use piecework_contracts::award_call;
use piecework_domain::rules;
use piecework_store::txs::{self, Kind};
use piecework_store::{PgPool, awards};

use crate::chain::Chain;
use crate::relay::Relay;
use crate::{Error, acquire, clock};

/// Awards that wait to be signed at most: what is decided later has its turn by the order of `to_relay`, not behind a long queue.
const WAITING_MAX: i64 = 16;

/// What an award may burn of the operator's gas: it must lock so much more than that, or locking dust could empty the operator's
/// account.
const GAS: u64 = 200_000;
const TIMES: u64 = 10;

/// Decides on an `award` for every stored award that can succeed and isn't on chain.
pub async fn look(pool: &PgPool, chain: &Chain, relay: &Relay) -> Result<(), Error> {
    let mut db = acquire(pool).await?;
    let room = WAITING_MAX - txs::waiting(&mut db, chain.id, Kind::Award).await?;
    if room <= 0 {
        return Ok(());
    }
    let waiting = awards::to_relay(&mut db, chain.id, &relay.listed(), clock::now(), room).await?;
    if waiting.is_empty() {
        return Ok(());
    }
    let gas_price = chain.gas_price().await?;
    for award in waiting {
        let (bounty, bid) = (award.award.bounty, award.award.bid);
        let data = award_call(
            &award.terms,
            &award.verifiers,
            (&award.bid, &award.bid_signature),
            (&award.award, &award.award_signature),
        );
        let Some(id) = txs::queue(&mut db, chain.id, Kind::Award, bid.0, &data).await? else { continue };
        let locked = rules::reserve(&award.terms, award.verifiers.members.len(), award.bid.rate).unwrap_or_default();
        let least = relay.least(award.terms.token, GAS * TIMES, gas_price);
        if least.is_none_or(|least| locked.0 < least) {
            txs::fail(&mut db, id, "too_little_to_relay").await?;
            tracing::info!(%bounty, %bid, %locked, ?least, "an award that locks less than it takes to relay it is left to others");
            continue;
        }
        tracing::info!(%bounty, %bid, "relaying an award");
    }
    Ok(())
}
