//! What happened, in the order it became visible. Written by the indexer.

use piecework_domain::ids::{BountyId, EngagementId};
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use crate::Result;
use crate::convert::{hash, to_i64, to_u64};

/// One item of the feed.
#[derive(Clone, Debug)]
pub struct Item {
    pub seq: u64,
    pub chain_id: u64,
    pub name: String,
    pub bounty: Option<BountyId>,
    pub engagement: Option<EngagementId>,
    pub payload: serde_json::Value,
    pub created_at: OffsetDateTime,
}

/// Appends an item. The lock makes commit order the order of `seq`, so that no reader skips an item that commits late.
pub async fn append(
    db: &mut PgConnection,
    chain_id: u64,
    name: &str,
    bounty: Option<BountyId>,
    engagement: Option<EngagementId>,
    payload: &serde_json::Value,
) -> Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(7002, 0)").fetch_one(&mut *db).await?;
    sqlx::query!(
        "insert into feed (chain_id, name, bounty_id, engagement_id, payload) values ($1, $2, $3, $4, $5)",
        to_i64(chain_id)?,
        name,
        bounty.as_ref().map(|id| id.0.as_slice()),
        engagement.as_ref().map(|id| id.0.as_slice()),
        Json(payload) as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Which items a reader wants. Unset filters match everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    pub bounty: Option<BountyId>,
    pub engagement: Option<EngagementId>,
}

/// Items after `seq`, oldest first.
pub async fn after(db: &mut PgConnection, seq: u64, filter: Filter, limit: i64) -> Result<Vec<Item>> {
    let rows = sqlx::query!(
        r#"select seq, chain_id, name, bounty_id, engagement_id, payload, created_at from feed
           where seq > $1 and ($2::bytea is null or bounty_id = $2) and ($3::bytea is null or engagement_id = $3)
           order by seq limit $4"#,
        to_i64(seq)?,
        filter.bounty.as_ref().map(|id| id.0.as_slice()),
        filter.engagement.as_ref().map(|id| id.0.as_slice()),
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Item {
                seq: to_u64(row.seq)?,
                chain_id: to_u64(row.chain_id)?,
                name: row.name,
                bounty: row.bounty_id.map(|id| hash(&id).map(BountyId)).transpose()?,
                engagement: row.engagement_id.map(|id| hash(&id).map(EngagementId)).transpose()?,
                payload: row.payload,
                created_at: row.created_at,
            })
        })
        .collect()
}

/// The newest item's `seq`, 0 for an empty feed.
pub async fn newest(db: &mut PgConnection) -> Result<u64> {
    let row = sqlx::query!(r#"select coalesce(max(seq), 0) as "seq!" from feed"#).fetch_one(db).await?;
    to_u64(row.seq)
}
