//! Engagements as rows, without a chain that they are on.

use alloy::primitives::keccak256;
use anyhow::{Context, Result};
use piecework_bench::chain::CHAIN_ID;
use piecework_domain::canonical;
use piecework_domain::chain::{Bounty, Engagement, Event};
use piecework_domain::money::Amount;
use piecework_domain::spec::Spec;
use piecework_store::chains::{self, Header};
use piecework_store::{PgConnection, PgPool, bounties, engagements, specs};

use super::clock;
use super::work::{ESCROW, Engaged};

/// Rows written at once.
const PORTION: usize = 2_500;

/// Writes what the indexer would have written of `engaged`, which share a spec.
pub async fn insert(pool: &PgPool, engaged: &[Engaged]) -> Result<()> {
    let first = engaged.first().context("no engagements")?;
    let mut db = pool.acquire().await?;
    let header = Header { number: 1, hash: keccak256([1]), parent_hash: keccak256([0]), time: clock::now() };
    chains::begin(&mut db, CHAIN_ID, ESCROW, &header).await?;
    put_spec(&mut db, first).await?;
    drop(db);
    for portion in engaged.chunks(PORTION) {
        let rows = portion.iter().map(row).collect::<Result<Vec<_>>>()?;
        let (posted, engaged): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        let mut db_tx = pool.begin().await?;
        bounties::add(&mut db_tx, CHAIN_ID, &posted.iter().collect::<Vec<_>>()).await?;
        engagements::put(&mut db_tx, CHAIN_ID, &engaged).await?;
        db_tx.commit().await?;
    }
    Ok(piecework_store::analyze(pool).await?)
}

/// The spec that the engagement's terms name: nobody tells the API otherwise.
pub async fn put_spec(db: &mut PgConnection, engaged: &Engaged) -> Result<()> {
    let spec = Spec::Sequencer(engaged.spec.clone());
    specs::put(db, spec.hash()?, &spec, &canonical::bytes(&spec)?).await?;
    Ok(())
}

fn row(engaged: &Engaged) -> Result<((Bounty, u64), (Engagement, u64))> {
    let Engaged { id, bid, terms, verifiers, started_at, .. } = engaged.clone();
    let post = Event::Posted { bounty: bid.bounty, terms: terms.clone() };
    let start = Event::Engaged {
        engagement: id,
        bounty: bid.bounty,
        bid,
        verifiers,
        units_max: terms.units_max,
        started_at,
        ends_at: engaged.ends_at(),
        reserve: terms.cost(engaged.verifiers.members.len()).context("a cost")?,
        spare: false,
        escrow: Amount::ZERO,
    };
    let bounty = Bounty::apply(None, &post, started_at)?;
    let bounty = Bounty::apply(bounty, &start, started_at)?.context("a bounty")?;
    let engagement = Engagement::apply(None, &start)?.context("an engagement")?;
    Ok(((bounty, 1), (engagement, 1)))
}
