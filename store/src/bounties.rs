//! Bounties as the chain tells them. Written by the indexer.

use piecework_domain::Address;
use piecework_domain::chain::Bounty;
use piecework_domain::ids::BountyId;
use piecework_domain::time::Timestamp;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::Result;
use crate::convert::{to_i64, to_time, to_u64};

/// A bounty and the block that last changed it.
#[derive(Clone, Debug)]
pub struct Row {
    pub chain_id: u64,
    pub block_number: u64,
    pub bounty: Bounty,
}

/// What a list asks for. Unset filters match everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub poster: Option<Address>,
    pub token: Option<Address>,
    pub kind: Option<String>,
    /// Open for claims and awards at this time.
    pub open_at: Option<Timestamp>,
    /// After this row in the list's order (posted_at descending, id).
    pub after: Option<(Timestamp, BountyId)>,
}

/// Writes the state of a bounty, or removes it when nothing is left of it.
pub async fn put(
    db: &mut PgConnection,
    chain_id: u64,
    id: BountyId,
    state: Option<&Bounty>,
    block_number: u64,
) -> Result<()> {
    let Some(state) = state else {
        sqlx::query!("delete from bounties where id = $1", id.0.as_slice()).execute(db).await?;
        return Ok(());
    };
    let terms = &state.terms;
    sqlx::query!(
        "insert into bounties (id, chain_id, poster, token, spec_hash, rate_max, bond, seats, seats_taken, open_claim,
                               open_until, posted_at, state, block_number)
         values ($1, $2, $3, $4, $5, $6::text::numeric, $7::text::numeric, $8, $9, $10, $11, $12, $13, $14)
         on conflict (id) do update set seats_taken = excluded.seats_taken, posted_at = excluded.posted_at,
                                        state = excluded.state, block_number = excluded.block_number",
        id.0.as_slice(),
        to_i64(chain_id)?,
        terms.poster.as_slice(),
        terms.token.as_slice(),
        terms.spec_hash.0.as_slice(),
        terms.rate_max.to_string(),
        terms.bond.to_string(),
        i64::from(terms.seats),
        i64::from(state.seats_taken),
        terms.open_claim,
        to_time(terms.open_until),
        to_time(state.posted_at),
        Json(state) as _,
        to_i64(block_number)?,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn get(db: &mut PgConnection, id: BountyId) -> Result<Option<Row>> {
    let row = sqlx::query!(
        r#"select chain_id, block_number, state as "state: Json<Bounty>" from bounties where id = $1"#,
        id.0.as_slice()
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(Row { chain_id: to_u64(row.chain_id)?, block_number: to_u64(row.block_number)?, bounty: row.state.0 })
    })
    .transpose()
}

/// Newest first.
pub async fn list(db: &mut PgConnection, filter: &Filter, limit: i64) -> Result<Vec<Row>> {
    let (after_time, after_id) = match &filter.after {
        Some((time, id)) => (Some(to_time(*time)), Some(id.0)),
        None => (None, None),
    };
    let rows = sqlx::query!(
        r#"select b.chain_id, b.block_number, b.state as "state: Json<Bounty>" from bounties b
           where ($1::bytea is null or b.poster = $1)
             and ($2::bytea is null or b.token = $2)
             and ($3::text is null or exists (select from specs s where s.hash = b.spec_hash and s.kind = $3))
             and ($4::timestamptz is null or (b.open_until > $4 and b.seats_taken < b.seats))
             and ($5::timestamptz is null or b.posted_at < $5 or (b.posted_at = $5 and b.id > $6::bytea))
           order by b.posted_at desc, b.id limit $7"#,
        filter.poster.as_ref().map(|a| a.as_slice()),
        filter.token.as_ref().map(|a| a.as_slice()),
        filter.kind,
        filter.open_at.map(to_time),
        after_time,
        after_id.as_ref().map(|id| id.as_slice()),
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Row { chain_id: to_u64(row.chain_id)?, block_number: to_u64(row.block_number)?, bounty: row.state.0 })
        })
        .collect()
}

/// How many bounties and how many of them are open at `now`.
pub async fn count(db: &mut PgConnection, now: Timestamp) -> Result<(u64, u64)> {
    let row = sqlx::query!(
        r#"select count(*) as "all!", count(*) filter (where open_until > $1 and seats_taken < seats) as "open!" from bounties"#,
        to_time(now)
    )
    .fetch_one(db)
    .await?;
    Ok((to_u64(row.all)?, to_u64(row.open)?))
}
