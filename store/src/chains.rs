//! Cursors and recent headers. Written by the indexer.

use piecework_domain::time::Timestamp;
use piecework_domain::{Address, B256};
use sqlx::PgConnection;

use crate::Result;
use crate::convert::{hash, to_i64, to_time, to_timestamp, to_u64};

/// A block as the mirror knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub number: u64,
    pub hash: B256,
    pub parent_hash: B256,
    pub time: Timestamp,
}

/// How far a chain is mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub chain_id: u64,
    pub number: u64,
    pub hash: B256,
    pub time: Timestamp,
}

/// The cursor of a chain, `None` before its first block is indexed.
pub async fn cursor(db: &mut PgConnection, chain_id: u64) -> Result<Option<Cursor>> {
    let row =
        sqlx::query!("select block_number, block_hash, block_time from chains where chain_id = $1", to_i64(chain_id)?)
            .fetch_optional(db)
            .await?;
    row.map(|row| {
        Ok(Cursor {
            chain_id,
            number: to_u64(row.block_number)?,
            hash: hash(&row.block_hash)?,
            time: to_timestamp(row.block_time)?,
        })
    })
    .transpose()
}

/// Takes the chain for this db_tx: a second indexer of the chain waits here.
pub async fn lock(db: &mut PgConnection, chain_id: u64) -> Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(7001, $1::bigint::int)", to_i64(chain_id)?).fetch_one(db).await?;
    Ok(())
}

/// Starts a chain at the block before its first.
pub async fn begin(db: &mut PgConnection, chain_id: u64, escrow: Address, start: &Header) -> Result<()> {
    sqlx::query!(
        "insert into chains (chain_id, escrow, start_block, block_number, block_hash, block_time)
         values ($1, $2, $3, $3, $4, $5)",
        to_i64(chain_id)?,
        escrow.as_slice(),
        to_i64(start.number)?,
        start.hash.as_slice(),
        to_time(start.time),
    )
    .execute(&mut *db)
    .await?;
    add_header(db, chain_id, start).await
}

/// Moves the cursor onto `header`.
pub async fn advance(db: &mut PgConnection, chain_id: u64, header: &Header) -> Result<()> {
    add_header(&mut *db, chain_id, header).await?;
    reset(db, chain_id, header).await
}

async fn add_header(db: &mut PgConnection, chain_id: u64, header: &Header) -> Result<()> {
    sqlx::query!(
        "insert into blocks (chain_id, number, hash, parent_hash, time) values ($1, $2, $3, $4, $5)",
        to_i64(chain_id)?,
        to_i64(header.number)?,
        header.hash.as_slice(),
        header.parent_hash.as_slice(),
        to_time(header.time),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The stored header with the highest number at or below `number`.
pub async fn header_at_or_below(db: &mut PgConnection, chain_id: u64, number: u64) -> Result<Option<Header>> {
    let row = sqlx::query!(
        "select number, hash, parent_hash, time from blocks
         where chain_id = $1 and number <= $2 order by number desc limit 1",
        to_i64(chain_id)?,
        to_i64(number)?,
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(Header {
            number: to_u64(row.number)?,
            hash: hash(&row.hash)?,
            parent_hash: hash(&row.parent_hash)?,
            time: to_timestamp(row.time)?,
        })
    })
    .transpose()
}

/// Forgets headers above `number`.
pub async fn drop_headers_above(db: &mut PgConnection, chain_id: u64, number: u64) -> Result<()> {
    sqlx::query!("delete from blocks where chain_id = $1 and number > $2", to_i64(chain_id)?, to_i64(number)?)
        .execute(db)
        .await?;
    Ok(())
}

/// Forgets headers below `number`: they are final.
pub async fn drop_headers_below(db: &mut PgConnection, chain_id: u64, number: u64) -> Result<()> {
    sqlx::query!("delete from blocks where chain_id = $1 and number < $2", to_i64(chain_id)?, to_i64(number)?)
        .execute(db)
        .await?;
    Ok(())
}

/// Moves the cursor back onto a stored header.
pub async fn reset(db: &mut PgConnection, chain_id: u64, header: &Header) -> Result<()> {
    sqlx::query!(
        "update chains set block_number = $2, block_hash = $3, block_time = $4, updated_at = now() where chain_id = $1",
        to_i64(chain_id)?,
        to_i64(header.number)?,
        header.hash.as_slice(),
        to_time(header.time),
    )
    .execute(db)
    .await?;
    Ok(())
}
