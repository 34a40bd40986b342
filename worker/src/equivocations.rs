//! Nodes that signed two blocks for one place in their chain lose their bond; half of it pays for the report.

use piecework_contracts::slash_node_call;
use piecework_domain::U256;
use piecework_domain::chain::{Engagement, Status};
use piecework_store::chains::Certainty;
use piecework_store::engagements;
use piecework_store::equivocations::{self as stored, Equivocation};
use piecework_store::txs::{self, Kind};
use piecework_store::{PgConnection, PgPool};

use crate::chain::Chain;
use crate::relay::Relay;
use crate::{Error, begin, commit};

/// Looked at together.
const TAKEN_MAX: i64 = 16;
/// What a report takes, a smart account's two signatures and pushes of a token included.
const GAS: u64 = 400_000;
/// Until it is looked at again whether a report was mined, or taken away by a reorg.
const CHECK_SECONDS: u32 = 60;
/// Until what is not worth the gas is thought about again.
const RETRY_SECONDS: u32 = 600;

/// Decides on a `slashNode` for every proof that is worth it and isn't on chain.
pub async fn look(pool: &PgPool, chain: &Chain, relay: &Relay) -> Result<(), Error> {
    let mut db_tx = begin(pool).await?;
    let taken = stored::take(&mut db_tx, chain.id, TAKEN_MAX).await?;
    if taken.is_empty() {
        return Ok(());
    }
    let gas_price = chain.gas_price().await?;
    for equivocation in taken {
        let id = equivocation.engagement;
        let seconds = report(&mut db_tx, chain, relay, gas_price, equivocation).await?;
        stored::wait(&mut db_tx, id, seconds).await?;
    }
    commit(db_tx).await
}

/// Nothing is left to take.
fn is_over(e: &Engagement) -> bool {
    e.slashed.is_some() || matches!(e.status, Status::Closed { .. })
}

/// Returns when it is looked at again; `None` where nothing can be done any more.
async fn report(
    db_tx: &mut PgConnection,
    chain: &Chain,
    relay: &Relay,
    gas_price: u128,
    equivocation: Equivocation,
) -> Result<Option<u32>, Error> {
    let Equivocation { engagement, number, revision, claims } = equivocation;
    let Some(row) = engagements::get(db_tx, engagement, Certainty::Latest).await? else {
        // A reorg took it; it may come back.
        return Ok(Some(CHECK_SECONDS));
    };
    let e = &row.engagement;
    if is_over(e) {
        let settled = engagements::get(db_tx, engagement, Certainty::Finalized).await?;
        return Ok(if settled.is_some_and(|row| is_over(&row.engagement)) { None } else { Some(CHECK_SECONDS) });
    }
    let gain = e.bond_left(&row.terms).0 / U256::from(2);
    let least = relay.least(row.terms.token, GAS, gas_price);
    if gain.is_zero() || least.is_none_or(|least| gain < least) {
        tracing::info!(%engagement, %gain, ?least, "an equivocation whose report brings less than it takes is left to others");
        return Ok(Some(RETRY_SECONDS));
    }
    let data = slash_node_call(&row.terms, &e.verifiers, &e.bid, (number, revision), claims);
    if txs::queue(db_tx, chain.id, Kind::SlashNode, engagement.0, &data).await?.is_some() {
        tracing::warn!(%engagement, node = %e.bid.node, number, revision, %gain, "reporting a node that signed two blocks for one place");
    }
    Ok(Some(CHECK_SECONDS))
}
