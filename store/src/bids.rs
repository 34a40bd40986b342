//! Signed bids. Written by the API.

use piecework_domain::Bytes;
use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::messages::Bid;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use crate::Result;
use crate::convert::{to_time, to_u64};

/// A bid as it was received.
#[derive(Clone, Debug)]
pub struct Row {
    pub bid: Bid,
    pub signature: Bytes,
    pub created_at: OffsetDateTime,
    pub withdrawn_at: Option<OffsetDateTime>,
}

/// Stores a bid under its hash; storing it again changes nothing. True if it is new.
pub async fn put(db: &mut PgConnection, bid: &Bid, signature: &Bytes) -> Result<bool> {
    let id = bid.engagement_id();
    let done = sqlx::query!(
        "insert into bids (id, bounty_id, runner, rate, expires_at, bid, signature)
         values ($1, $2, $3, $4::text::numeric, $5, $6, $7) on conflict (id) do nothing",
        id.0.as_slice(),
        bid.bounty.0.as_slice(),
        bid.runner.as_slice(),
        bid.rate.to_string(),
        to_time(bid.expires_at),
        Json(bid) as _,
        signature.as_ref(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn get(db: &mut PgConnection, id: EngagementId) -> Result<Option<Row>> {
    let row = sqlx::query!(
        r#"select bid as "bid: Json<Bid>", signature, created_at, withdrawn_at from bids where id = $1"#,
        id.0.as_slice()
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Row {
        bid: row.bid.0,
        signature: row.signature.into(),
        created_at: row.created_at,
        withdrawn_at: row.withdrawn_at,
    }))
}

/// A bounty's bids that were not withdrawn, cheapest first, then oldest.
pub async fn of_bounty(db: &mut PgConnection, id: BountyId, limit: i64) -> Result<Vec<Row>> {
    let rows = sqlx::query!(
        r#"select bid as "bid: Json<Bid>", signature, created_at, withdrawn_at from bids
           where bounty_id = $1 and withdrawn_at is null order by rate, created_at limit $2"#,
        id.0.as_slice(),
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Row {
            bid: row.bid.0,
            signature: row.signature.into(),
            created_at: row.created_at,
            withdrawn_at: row.withdrawn_at,
        })
        .collect())
}

/// How many bids a bounty has that were not withdrawn and have not expired.
pub async fn count(db: &mut PgConnection, id: BountyId) -> Result<u64> {
    let row = sqlx::query!(
        r#"select count(*) as "count!" from bids where bounty_id = $1 and withdrawn_at is null and expires_at > now()"#,
        id.0.as_slice()
    )
    .fetch_one(db)
    .await?;
    to_u64(row.count)
}

/// Marks a bid withdrawn: it is no longer listed, and awards of it are refused. (It can still be awarded on chain by who
/// holds its signature, until it expires.)
pub async fn withdraw(db: &mut PgConnection, id: EngagementId) -> Result<()> {
    sqlx::query!("update bids set withdrawn_at = coalesce(withdrawn_at, now()) where id = $1", id.0.as_slice())
        .execute(db)
        .await?;
    Ok(())
}
