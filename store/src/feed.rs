//! The stream of events, in the order in which they became visible.

use piecework_domain::B256;
use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::time::Timestamp;
use sqlx::PgConnection;

use crate::Result;
use crate::convert::{hash, to_i64, to_timestamp, to_u64};

/// One item: an event, or that a reorg took one back.
#[derive(Clone, Debug)]
pub struct Item {
    pub seq: u64,
    pub chain_id: u64,
    pub name: String,
    pub bounty: Option<BountyId>,
    pub engagement: Option<EngagementId>,
    pub block_number: u64,
    pub block_hash: B256,
    pub block_time: Timestamp,
    pub log_index: u64,
    pub tx_hash: B256,
    pub event: serde_json::Value,
    /// The item that is taken back, and the newest block that stayed.
    pub reverts: Option<(u64, u64)>,
}

/// Which items a reader wants. Unset filters match everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    pub bounty: Option<BountyId>,
    pub engagement: Option<EngagementId>,
}

/// Items after `seq`, oldest first. An event that was taken back later is still there, and so is its `reverted`.
pub async fn after(db: &mut PgConnection, seq: u64, filter: Filter, limit: i64) -> Result<Vec<Item>> {
    let rows = sqlx::query!(
        r#"with items as (
             (select seq, null::bigint as reverts, null::bigint as fork, chain_id, name, bounty_id, engagement_id,
                     block_number, block_hash, block_time, log_index, tx_hash, payload
              from events where seq > $1
                and ($2::bytea is null or bounty_id = $2) and ($3::bytea is null or engagement_id = $3)
              order by seq limit $4)
             union all
             (select seq, null, null, chain_id, name, bounty_id, engagement_id,
                     block_number, block_hash, block_time, log_index, tx_hash, payload
              from reverted_events where seq > $1
                and ($2::bytea is null or bounty_id = $2) and ($3::bytea is null or engagement_id = $3)
              order by seq limit $4)
             union all
             (select undone_seq, seq, fork_block_number, chain_id, 'reverted', bounty_id, engagement_id,
                     block_number, block_hash, block_time, log_index, tx_hash, payload
              from reverted_events where undone_seq > $1
                and ($2::bytea is null or bounty_id = $2) and ($3::bytea is null or engagement_id = $3)
              order by undone_seq limit $4))
           select seq as "seq!", reverts, fork, chain_id as "chain_id!", name as "name!", bounty_id, engagement_id,
                  block_number as "block_number!", block_hash as "block_hash!", block_time as "block_time!",
                  log_index as "log_index!", tx_hash as "tx_hash!", payload as "payload!"
           from items order by seq limit $4"#,
        to_i64(seq)?,
        filter.bounty.as_ref().map(|id| id.0.as_slice()),
        filter.engagement.as_ref().map(|id| id.0.as_slice()),
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let reverts =
                row.reverts.zip(row.fork).map(|(seq, fork)| Ok::<_, crate::Error>((to_u64(seq)?, to_u64(fork)?)));
            Ok(Item {
                seq: to_u64(row.seq)?,
                chain_id: to_u64(row.chain_id)?,
                name: row.name,
                bounty: row.bounty_id.map(|id| hash(&id).map(BountyId)).transpose()?,
                engagement: row.engagement_id.map(|id| hash(&id).map(EngagementId)).transpose()?,
                block_number: to_u64(row.block_number)?,
                block_hash: hash(&row.block_hash)?,
                block_time: to_timestamp(row.block_time)?,
                log_index: to_u64(row.log_index)?,
                tx_hash: hash(&row.tx_hash)?,
                event: row.payload,
                reverts: reverts.transpose()?,
            })
        })
        .collect()
}

/// The newest item's `seq`, 0 for an empty stream.
pub async fn newest(db: &mut PgConnection) -> Result<u64> {
    let row = sqlx::query!("select seq from stream").fetch_one(db).await?;
    to_u64(row.seq)
}
