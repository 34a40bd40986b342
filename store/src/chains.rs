//! Cursors, certainty and recent headers. Written by the indexer.

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

/// A block's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub number: u64,
    pub hash: B256,
}

/// How far a chain is mirrored, and how far that is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub chain_id: u64,
    pub number: u64,
    pub hash: B256,
    pub time: Timestamp,
    pub safe: Mark,
    pub finalized: Mark,
}

/// Up to which block a reader wants to hear what holds (the chain's own tags).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Certainty {
    #[default]
    Latest,
    Safe,
    Finalized,
}

impl Certainty {
    /// The place of its block in `array[block_number, safe_number, finalized_number]`.
    pub(crate) fn index(self) -> i32 {
        match self {
            Self::Latest => 1,
            Self::Safe => 2,
            Self::Finalized => 3,
        }
    }
}

impl Cursor {
    /// The block that answers of this certainty are about.
    pub fn at(&self, certainty: Certainty) -> Mark {
        match certainty {
            Certainty::Latest => Mark { number: self.number, hash: self.hash },
            Certainty::Safe => self.safe,
            Certainty::Finalized => self.finalized,
        }
    }
}

/// The cursor of a chain, `None` before its first block is indexed.
pub async fn cursor(db: &mut PgConnection, chain_id: u64) -> Result<Option<Cursor>> {
    let row = sqlx::query!(
        "select block_number, block_hash, block_time, safe_number, safe_hash, finalized_number, finalized_hash
         from chains where chain_id = $1",
        to_i64(chain_id)?
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(Cursor {
            chain_id,
            number: to_u64(row.block_number)?,
            hash: hash(&row.block_hash)?,
            time: to_timestamp(row.block_time)?,
            safe: Mark { number: to_u64(row.safe_number)?, hash: hash(&row.safe_hash)? },
            finalized: Mark { number: to_u64(row.finalized_number)?, hash: hash(&row.finalized_hash)? },
        })
    })
    .transpose()
}

/// Which escrow a chain's mirror is of.
pub async fn escrow(db: &mut PgConnection, chain_id: u64) -> Result<Option<Address>> {
    let row =
        sqlx::query!("select escrow from chains where chain_id = $1", to_i64(chain_id)?).fetch_optional(db).await?;
    row.map(|row| crate::convert::address(&row.escrow)).transpose()
}

/// Makes this connection the chain's only writer until it closes, unless another one is. Whoever dies lets go of it.
pub async fn try_lead(db: &mut PgConnection, chain_id: u64) -> Result<bool> {
    let row = sqlx::query!(
        r#"select pg_try_advisory_lock(hashtextextended('piecework index ' || $1::text, 0)) as "leads!""#,
        chain_id.to_string()
    )
    .fetch_one(db)
    .await?;
    Ok(row.leads)
}

/// Starts a chain at the block before its first, which must be final for whoever relies on the mirror.
pub async fn begin(db: &mut PgConnection, chain_id: u64, escrow: Address, start: &Header) -> Result<()> {
    sqlx::query!(
        "insert into chains (chain_id, escrow, start_block, block_number, block_hash, block_time,
                             safe_number, safe_hash, finalized_number, finalized_hash)
         values ($1, $2, $3, $3, $4, $5, $3, $4, $3, $4)",
        to_i64(chain_id)?,
        escrow.as_slice(),
        to_i64(start.number)?,
        start.hash.as_slice(),
        to_time(start.time),
    )
    .execute(&mut *db)
    .await?;
    add_headers(db, chain_id, std::slice::from_ref(start)).await
}

/// Stores headers, which must not be stored yet.
pub async fn add_headers(db: &mut PgConnection, chain_id: u64, headers: &[Header]) -> Result<()> {
    let numbers = headers.iter().map(|h| to_i64(h.number)).collect::<Result<Vec<_>>>()?;
    let hashes: Vec<_> = headers.iter().map(|h| h.hash.to_vec()).collect();
    let parents: Vec<_> = headers.iter().map(|h| h.parent_hash.to_vec()).collect();
    let times: Vec<_> = headers.iter().map(|h| to_time(h.time)).collect();
    sqlx::query!(
        "insert into blocks (chain_id, number, hash, parent_hash, time)
         select $1, * from unnest($2::bigint[], $3::bytea[], $4::bytea[], $5::timestamptz[])",
        to_i64(chain_id)?,
        &numbers,
        &hashes,
        &parents,
        &times,
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

/// All stored headers in order: those from finality to the cursor that were needed or had events.
pub async fn headers(db: &mut PgConnection, chain_id: u64) -> Result<Vec<Header>> {
    let rows = sqlx::query!(
        "select number, hash, parent_hash, time from blocks where chain_id = $1 order by number",
        to_i64(chain_id)?
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Header {
                number: to_u64(row.number)?,
                hash: hash(&row.hash)?,
                parent_hash: hash(&row.parent_hash)?,
                time: to_timestamp(row.time)?,
            })
        })
        .collect()
}

/// Forgets headers above `number`.
pub async fn drop_headers_above(db: &mut PgConnection, chain_id: u64, number: u64) -> Result<()> {
    sqlx::query!("delete from blocks where chain_id = $1 and number > $2", to_i64(chain_id)?, to_i64(number)?)
        .execute(db)
        .await?;
    Ok(())
}

/// Moves the cursor onto a stored header. What was certain above it no longer is.
pub async fn set_cursor(db: &mut PgConnection, chain_id: u64, header: &Header) -> Result<()> {
    sqlx::query!(
        "update chains set block_number = $2, block_hash = $3, block_time = $4, updated_at = now(),
                safe_number = least(safe_number, $2), safe_hash = case when safe_number > $2 then $3 else safe_hash end
         where chain_id = $1",
        to_i64(chain_id)?,
        to_i64(header.number)?,
        header.hash.as_slice(),
        to_time(header.time),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Says how far the mirrored blocks are certain. Finality never falls back.
pub async fn set_certain(db: &mut PgConnection, chain_id: u64, safe: Mark, finalized: Mark) -> Result<()> {
    sqlx::query!(
        "update chains set safe_number = $2, safe_hash = $3, finalized_number = $4, finalized_hash = $5
         where chain_id = $1 and finalized_number <= $4",
        to_i64(chain_id)?,
        to_i64(safe.number)?,
        safe.hash.as_slice(),
        to_i64(finalized.number)?,
        finalized.hash.as_slice(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Drops what only a reorg below `finalized` could need: older headers and the versions that it replaced.
pub async fn compact(db: &mut PgConnection, chain_id: u64, finalized: u64) -> Result<()> {
    let (chain, finalized) = (to_i64(chain_id)?, to_i64(finalized)?);
    sqlx::query!("delete from blocks where chain_id = $1 and number < $2", chain, finalized).execute(&mut *db).await?;
    sqlx::query!("delete from bounties_past where chain_id = $1 and valid_to <= $2", chain, finalized)
        .execute(&mut *db)
        .await?;
    sqlx::query!("delete from engagements_past where chain_id = $1 and valid_to <= $2", chain, finalized)
        .execute(&mut *db)
        .await?;
    sqlx::query!("delete from balances_past where chain_id = $1 and valid_to <= $2", chain, finalized)
        .execute(db)
        .await?;
    Ok(())
}

/// Removes everything that was mirrored of a chain. Its stream is not rewritten: what is indexed again is told again.
pub async fn forget(db: &mut PgConnection, chain_id: u64) -> Result<()> {
    let chain = to_i64(chain_id)?;
    for table in [
        "balances_past",
        "balances",
        "payouts",
        "assignments",
        "engagements_past",
        "engagements",
        "bounties_past",
        "bounties",
        "reverted_events",
        "events",
        "blocks",
        "chains",
    ] {
        let statement = format!("delete from {table} where chain_id = $1");
        sqlx::query(sqlx::AssertSqlSafe(statement)).bind(chain).execute(&mut *db).await?;
    }
    Ok(())
}
