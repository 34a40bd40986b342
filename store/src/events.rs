//! The escrow's decoded events. Written by the indexer.

use piecework_domain::chain::{Event, Subject};
use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, B256};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::Result;
use crate::convert::{to_i64, to_time, to_timestamp, to_u64};

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

/// Adds one event.
pub async fn append(db: &mut PgConnection, chain_id: u64, placed: &Placed) -> Result<()> {
    let subject = placed.event.subject();
    let (bounty, engagement, account, token) = match subject {
        Subject::Bounty(bounty) => (Some(bounty), None, None, None),
        Subject::Engagement(engagement) => (None, Some(engagement), None, None),
        Subject::Both(engagement, bounty) => (Some(bounty), Some(engagement), None, None),
        Subject::Balance { account, token } => (None, None, Some(account), Some(token)),
    };
    sqlx::query!(
        "insert into events (chain_id, block_number, log_index, block_hash, block_time, tx_hash, name,
                             bounty_id, engagement_id, account, token, payload)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        to_i64(chain_id)?,
        to_i64(placed.block_number)?,
        to_i64(placed.log_index)?,
        placed.block_hash.as_slice(),
        to_time(placed.block_time),
        placed.tx_hash.as_slice(),
        placed.event.name(),
        bounty.as_ref().map(|id| id.0.as_slice()),
        engagement.as_ref().map(|id| id.0.as_slice()),
        account.as_ref().map(|a| a.as_slice()),
        token.as_ref().map(|a| a.as_slice()),
        Json(&placed.event) as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes all events above `number` and says what they were about, newest first.
pub async fn remove_above(db: &mut PgConnection, chain_id: u64, number: u64) -> Result<Vec<Event>> {
    let rows = sqlx::query!(
        r#"with gone as (delete from events where chain_id = $1 and block_number > $2 returning *)
           select payload as "payload: Json<Event>" from gone order by block_number desc, log_index desc"#,
        to_i64(chain_id)?,
        to_i64(number)?,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| Ok(row.payload.0)).collect()
}

/// A bounty's events in order, each with its block's time and number.
pub async fn of_bounty(db: &mut PgConnection, id: BountyId) -> Result<Vec<(Timestamp, u64, Event)>> {
    let rows = sqlx::query!(
        r#"select block_time, block_number, payload as "payload: Json<Event>" from events
           where bounty_id = $1 order by block_number, log_index"#,
        id.0.as_slice()
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| Ok((to_timestamp(row.block_time)?, to_u64(row.block_number)?, row.payload.0))).collect()
}

/// An engagement's events in order, each with its block's number.
pub async fn of_engagement(db: &mut PgConnection, id: EngagementId) -> Result<Vec<(u64, Event)>> {
    let rows = sqlx::query!(
        r#"select block_number, payload as "payload: Json<Event>" from events
           where engagement_id = $1 order by block_number, log_index"#,
        id.0.as_slice()
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| Ok((to_u64(row.block_number)?, row.payload.0))).collect()
}

/// The last event of a free balance, with its block's number.
pub async fn last_of_balance(
    db: &mut PgConnection,
    chain_id: u64,
    account: Address,
    token: Address,
) -> Result<Option<(u64, Event)>> {
    let row = sqlx::query!(
        r#"select block_number, payload as "payload: Json<Event>" from events
           where chain_id = $1 and account = $2 and token = $3 order by block_number desc, log_index desc limit 1"#,
        to_i64(chain_id)?,
        account.as_slice(),
        token.as_slice(),
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| Ok((to_u64(row.block_number)?, row.payload.0))).transpose()
}
