//! The stream of events, in the order in which they became visible.

use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, B256};
use serde_json::{Value, json};
use sqlx::PgConnection;
use time::format_description::well_known::Rfc3339;

use crate::convert::{hash, to_i64, to_time, to_timestamp, to_u64};
use crate::{Error, Result};

/// The name of items that take others back.
pub const REVERTED: &str = "reverted";
/// Items looked at for one page of an account or of names: a filter that finds little must not read the whole stream at once.
const LOOKED_AT_MAX: u64 = 10_000;

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
    pub event: Value,
    /// The item that is taken back, and the newest block that stayed.
    pub reverts: Option<(u64, u64)>,
}

impl Item {
    /// As streams and webhooks tell it. A `reverted` item says which one it takes back: `data.reverts` is that one's id.
    pub fn json(&self) -> Result<Value> {
        let mut inside = json!({
            "event": self.event,
            "blockNumber": self.block_number,
            "blockHash": self.block_hash,
            "blockTime": self.time()?,
            "logIndex": self.log_index,
            "txHash": self.tx_hash,
        });
        if let Some((reverts, fork)) = self.reverts {
            inside["reverts"] = reverts.into();
            inside["forkBlockNumber"] = fork.into();
        }
        Ok(json!({
            "seq": self.seq,
            "chainId": self.chain_id,
            "bounty": self.bounty,
            "engagement": self.engagement,
            "name": self.name,
            "data": inside,
        }))
    }

    /// When its block was made, RFC 3339.
    pub fn time(&self) -> Result<String> {
        to_time(self.block_time).format(&Rfc3339).map_err(|_| Error::Corrupt("block time"))
    }
}

/// Whose items a reader wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    Bounty(BountyId),
    Engagement(EngagementId),
    /// What it posted, runs, is paid for or verifies, and its balances.
    Account(Address),
}

/// Which items a reader wants. Unset filters match everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub about: Option<About>,
    /// An item that takes an event back has that event's name here.
    pub names: Option<Vec<String>>,
}

impl Filter {
    /// Whether no index finds its items: a reader looks at all of them.
    pub fn is_search(&self) -> bool {
        match self.about {
            Some(About::Bounty(_) | About::Engagement(_)) => false,
            Some(About::Account(_)) => true,
            None => self.names.is_some(),
        }
    }
}

/// What was found, and up to which item there is nothing else.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub items: Vec<Item>,
    /// The page after this one begins here. As before: nothing is new.
    pub read_to: u64,
}

/// Items after `seq`, oldest first. An event that was taken back later is still there, and so is its `reverted`.
pub async fn after(db: &mut PgConnection, seq: u64, filter: &Filter, limit: i64) -> Result<Page> {
    // What becomes visible after this was read is on the next page.
    let newest = newest(db).await?;
    let to = if filter.is_search() { newest.min(seq.saturating_add(LOOKED_AT_MAX)) } else { newest };
    if to <= seq {
        return Ok(Page { items: Vec::new(), read_to: seq });
    }
    let items = read(db, seq, to, filter, limit).await?;
    let is_full = i64::try_from(items.len()).is_ok_and(|found| found >= limit);
    let read_to = items.last().map(|item| item.seq).filter(|_| is_full).unwrap_or(to);
    Ok(Page { items, read_to })
}

async fn read(db: &mut PgConnection, seq: u64, to: u64, filter: &Filter, limit: i64) -> Result<Vec<Item>> {
    let (bounty, engagement, account) = match filter.about {
        None => (None, None, None),
        Some(About::Bounty(id)) => (Some(id.0), None, None),
        Some(About::Engagement(id)) => (None, Some(id.0), None),
        Some(About::Account(account)) => (None, None, Some(format!("{account:#x}"))),
    };
    let rows = sqlx::query!(
        r#"with items as (
             (select seq, null::bigint as reverts, null::bigint as fork, chain_id, name, bounty_id, engagement_id,
                     block_number, block_hash, block_time, log_index, tx_hash, payload
              from events where seq > $1 and seq <= $6 and ($2::bytea is null or bounty_id = $2)
                and ($3::bytea is null or engagement_id = $3) and ($5::text[] is null or name = any($5))
                and ($7::text is null or concerns(payload, bounty_id, engagement_id, $7))
              order by seq limit $4)
             union all
             (select seq, null, null, chain_id, name, bounty_id, engagement_id,
                     block_number, block_hash, block_time, log_index, tx_hash, payload
              from reverted_events where seq > $1 and seq <= $6 and ($2::bytea is null or bounty_id = $2)
                and ($3::bytea is null or engagement_id = $3) and ($5::text[] is null or name = any($5))
                and ($7::text is null or concerns(payload, bounty_id, engagement_id, $7))
              order by seq limit $4)
             union all
             (select undone_seq, seq, fork_block_number, chain_id, 'reverted', bounty_id, engagement_id,
                     block_number, block_hash, block_time, log_index, tx_hash, payload
              from reverted_events where undone_seq > $1 and undone_seq <= $6 and ($2::bytea is null or bounty_id = $2)
                and ($3::bytea is null or engagement_id = $3) and ($5::text[] is null or name = any($5))
                and ($7::text is null or concerns(payload, bounty_id, engagement_id, $7))
              order by undone_seq limit $4))
           select seq as "seq!", reverts, fork, chain_id as "chain_id!", name as "name!", bounty_id, engagement_id,
                  block_number as "block_number!", block_hash as "block_hash!", block_time as "block_time!",
                  log_index as "log_index!", tx_hash as "tx_hash!", payload as "payload!"
           from items order by seq limit $4"#,
        to_i64(seq)?,
        bounty.as_ref().map(|id| id.as_slice()),
        engagement.as_ref().map(|id| id.as_slice()),
        limit,
        filter.names.as_deref(),
        to_i64(to)?,
        account,
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
