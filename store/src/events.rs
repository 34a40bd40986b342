//! The escrow's decoded events: what the chain says, and the stream in which it became visible. Written by the indexer.

use std::collections::BTreeSet;

use piecework_domain::B256;
use piecework_domain::chain::{Event, Subject};
use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::time::Timestamp;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::convert::{hash, to_i64, to_time, to_u64};
use crate::copy::Rows;
use crate::{Error, Result};

/// An event and where it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub block_number: u64,
    pub block_hash: B256,
    pub block_time: Timestamp,
    pub log_index: u64,
    pub tx_hash: B256,
    pub event: Event,
}

/// The bounty and the engagement that an event belongs to.
pub fn ids(event: &Event) -> (Option<BountyId>, Option<EngagementId>) {
    match event.subject() {
        Subject::Bounty(bounty) => (Some(bounty), None),
        Subject::Engagement(engagement) => (None, Some(engagement)),
        Subject::Both(engagement, bounty) => (Some(bounty), Some(engagement)),
        Subject::Balance { .. } => (None, None),
    }
}

/// Adds events in their order, and to the stream. Holds the stream until the db_tx ends: call it last.
pub async fn append(db: &mut PgConnection, chain_id: u64, placed: &[Placed]) -> Result<()> {
    if placed.is_empty() {
        return Ok(());
    }
    let months: BTreeSet<_> = placed.iter().map(|event| month(event.block_time)).collect();
    for (_, _, at) in months {
        sqlx::query!("select ensure_events_partition($1)", to_time(at)).fetch_one(&mut *db).await?;
    }
    let mut seq = reserve(db, placed.len()).await?;
    let statement = "copy events (chain_id, block_number, log_index, seq, block_hash, block_time, tx_hash, name, bounty_id, \
                     engagement_id, payload) from stdin (format binary)";
    let mut rows = Rows::begin(db, statement, 11).await?;
    for event in placed {
        let (bounty, engagement) = ids(&event.event);
        rows.row().await?;
        rows.bigint(to_i64(chain_id)?)?;
        rows.bigint(to_i64(event.block_number)?)?;
        rows.bigint(to_i64(event.log_index)?)?;
        rows.bigint(seq)?;
        rows.bytes(event.block_hash.as_slice())?;
        rows.time(event.block_time)?;
        rows.bytes(event.tx_hash.as_slice())?;
        rows.bytes(event.event.name().as_bytes())?;
        rows.nullable(bounty.as_ref().map(|id| id.0.as_slice()))?;
        rows.nullable(engagement.as_ref().map(|id| id.0.as_slice()))?;
        rows.jsonb(&event.event)?;
        seq += 1;
    }
    rows.finish().await?;
    Ok(())
}

/// Year, month, and the first time seen of it.
fn month(at: Timestamp) -> (i32, u8, Timestamp) {
    let time = to_time(at);
    let first = time.date().replace_day(1).ok().map(|day| day.midnight().assume_utc().unix_timestamp());
    let first = first.and_then(|first| u64::try_from(first).ok()).unwrap_or(at.0);
    (time.year(), time.month().into(), Timestamp(first))
}

/// Takes the next `count` places in the stream. Returns the first.
async fn reserve(db: &mut PgConnection, count: usize) -> Result<i64> {
    let count = i64::try_from(count).map_err(|_| Error::Corrupt("count"))?;
    let row = sqlx::query!("update stream set seq = seq + $1 returning seq", count).fetch_one(db).await?;
    Ok(row.seq - count + 1)
}

/// Takes back all events above `fork`, and tells the stream, newest first. Returns what they said.
pub async fn revert_above(db: &mut PgConnection, chain_id: u64, fork: u64) -> Result<Vec<Event>> {
    let (chain, above) = (to_i64(chain_id)?, to_i64(fork)?);
    let gone = sqlx::query!(
        r#"select count(*) as "count!" from events where chain_id = $1 and block_number > $2"#,
        chain,
        above
    )
    .fetch_one(&mut *db)
    .await?;
    if gone.count == 0 {
        return Ok(Vec::new());
    }
    let first = reserve(db, usize::try_from(gone.count).map_err(|_| Error::Corrupt("count"))?).await?;
    let rows = sqlx::query!(
        r#"with gone as (delete from events where chain_id = $1 and block_number > $2 returning *)
           insert into reverted_events
           select gone.*, $3::bigint - 1 + row_number() over (order by block_number desc, log_index desc), $2::bigint from gone
           returning payload as "payload: Json<Event>""#,
        chain,
        above,
        first
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| row.payload.0).collect())
}

/// Block and log index of every mirrored event, in the chain's order. For audits.
pub async fn places(db: &mut PgConnection, chain_id: u64) -> Result<Vec<(B256, u64)>> {
    let rows = sqlx::query!(
        "select block_hash, log_index from events where chain_id = $1 order by block_number, log_index",
        to_i64(chain_id)?
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| Ok((hash(&row.block_hash)?, to_u64(row.log_index)?))).collect()
}

/// How many events of a chain are mirrored.
pub async fn count(db: &mut PgConnection, chain_id: u64) -> Result<u64> {
    let row = sqlx::query!(r#"select count(*) as "count!" from events where chain_id = $1"#, to_i64(chain_id)?)
        .fetch_one(db)
        .await?;
    to_u64(row.count)
}
