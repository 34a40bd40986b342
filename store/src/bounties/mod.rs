//! Bounties as the chain tells them. Written by the indexer.

pub mod ranked;

use piecework_domain::Address;
use piecework_domain::chain::Bounty;
use piecework_domain::ids::BountyId;
use piecework_domain::time::Timestamp;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::Result;
use crate::chains::Certainty;
use crate::convert::{to_i64, to_time, to_u64};
use crate::copy::Rows;

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
    /// Words of the spec, as web searches spell them.
    pub text: Option<String>,
    /// Open for claims and awards at this time.
    pub open_at: Option<Timestamp>,
    pub certainty: Certainty,
    /// After this row in the list's order (posted_at descending, id).
    pub after: Option<(Timestamp, BountyId)>,
}

/// Adds bounties that are not there yet, each with the block that made it.
pub async fn add(db: &mut PgConnection, chain_id: u64, bounties: &[&(Bounty, u64)]) -> Result<()> {
    let statement = "copy bounties (chain_id, id, poster, token, spec_hash, rate_max, bond, seats, seats_taken, open_claim, \
                     open_until, posted_at, state, block_number) from stdin (format binary)";
    let mut rows = Rows::begin(db, statement, 14).await?;
    for (bounty, block) in bounties {
        rows.row().await?;
        rows.bigint(to_i64(chain_id)?)?;
        rows.bytes(bounty.id.0.as_slice())?;
        rows.bytes(bounty.terms.poster.as_slice())?;
        rows.bytes(bounty.terms.token.as_slice())?;
        rows.bytes(bounty.terms.spec_hash.0.as_slice())?;
        rows.numeric(bounty.terms.rate_max)?;
        rows.numeric(bounty.terms.bond)?;
        rows.bigint(bounty.terms.seats.into())?;
        rows.bigint(bounty.seats_taken.into())?;
        rows.boolean(bounty.terms.open_claim)?;
        rows.time(bounty.terms.open_until)?;
        rows.time(bounty.posted_at)?;
        rows.jsonb(bounty)?;
        rows.bigint(to_i64(*block)?)?;
    }
    rows.finish().await?;
    Ok(())
}

/// Writes versions, each with the block that made it; one per bounty.
pub async fn put(db: &mut PgConnection, chain_id: u64, rows: &[&(Bounty, u64)]) -> Result<()> {
    let of = |f: fn(&Bounty) -> Vec<u8>| rows.iter().map(|(bounty, _)| f(bounty)).collect::<Vec<_>>();
    let numbers = |f: fn(&Bounty) -> String| rows.iter().map(|(bounty, _)| f(bounty)).collect::<Vec<_>>();
    let counts = |f: fn(&Bounty) -> i64| rows.iter().map(|(bounty, _)| f(bounty)).collect::<Vec<_>>();
    let times = |f: fn(&Bounty) -> Timestamp| rows.iter().map(|(bounty, _)| to_time(f(bounty))).collect::<Vec<_>>();
    let open_claim: Vec<bool> = rows.iter().map(|(bounty, _)| bounty.terms.open_claim).collect();
    let states: Vec<Json<&Bounty>> = rows.iter().map(|(bounty, _)| Json(bounty)).collect();
    let blocks = rows.iter().map(|(_, block)| to_i64(*block)).collect::<Result<Vec<_>>>()?;
    sqlx::query!(
        "insert into bounties (chain_id, id, poster, token, spec_hash, rate_max, bond, seats, seats_taken, open_claim,
                               open_until, posted_at, state, block_number)
         select $1, * from unnest($2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[], $6::text[]::numeric[],
                                  $7::text[]::numeric[], $8::bigint[], $9::bigint[], $10::boolean[], $11::timestamptz[],
                                  $12::timestamptz[], $13::jsonb[], $14::bigint[])
         on conflict (id) do update set seats_taken = excluded.seats_taken, posted_at = excluded.posted_at,
                                        state = excluded.state, block_number = excluded.block_number",
        to_i64(chain_id)?,
        &of(|b| b.id.0.to_vec()),
        &of(|b| b.terms.poster.to_vec()),
        &of(|b| b.terms.token.to_vec()),
        &of(|b| b.terms.spec_hash.0.to_vec()),
        &numbers(|b| b.terms.rate_max.to_string()),
        &numbers(|b| b.terms.bond.to_string()),
        &counts(|b| b.terms.seats.into()),
        &counts(|b| b.seats_taken.into()),
        &open_claim,
        &times(|b| b.terms.open_until),
        &times(|b| b.posted_at),
        &states as _,
        &blocks,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Keeps the versions that block `valid_to` is about to replace.
pub async fn keep(db: &mut PgConnection, ids: &[BountyId], valid_to: u64) -> Result<()> {
    sqlx::query!(
        "insert into bounties_past select *, $2 from bounties where id = any($1)",
        &bytes(ids),
        to_i64(valid_to)?
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Brings back the versions that held at block `fork`, or removes what came later.
pub async fn restore(db: &mut PgConnection, ids: &[BountyId], fork: u64) -> Result<()> {
    let (ids, fork) = (bytes(ids), to_i64(fork)?);
    sqlx::query!("delete from bounties where id = any($1) and block_number > $2", &ids, fork).execute(&mut *db).await?;
    sqlx::query!(
        "with gone as (delete from bounties_past where id = any($1) and valid_to > $2 returning *)
         insert into bounties
         select id, chain_id, poster, token, spec_hash, rate_max, bond, seats, seats_taken, open_claim, open_until, posted_at,
                state, block_number
         from gone where block_number <= $2",
        &ids,
        fork
    )
    .execute(db)
    .await?;
    Ok(())
}

fn bytes(ids: &[BountyId]) -> Vec<Vec<u8>> {
    ids.iter().map(|id| id.0.to_vec()).collect()
}

/// The newest versions of those that exist.
pub async fn load(db: &mut PgConnection, ids: &[BountyId]) -> Result<Vec<Row>> {
    let rows = sqlx::query!(
        r#"select chain_id, block_number, state as "state: Json<Bounty>" from bounties where id = any($1)"#,
        &bytes(ids)
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| selected(row.chain_id, row.block_number, row.state)).collect()
}

fn selected(chain_id: i64, block_number: i64, state: Json<Bounty>) -> Result<Row> {
    Ok(Row { chain_id: to_u64(chain_id)?, block_number: to_u64(block_number)?, bounty: state.0 })
}

pub async fn get(db: &mut PgConnection, id: BountyId, certainty: Certainty) -> Result<Option<Row>> {
    let row = sqlx::query!(
        r#"select b.chain_id as "chain_id!", b.block_number as "block_number!", b.state as "state!: Json<Bounty>"
           from bounty_versions b
           where b.id = $1 and (select h between b.block_number and b.valid_to - 1
                  from (select (array[c.block_number, c.safe_number, c.finalized_number])[$2::int] as h
                        from chains c where c.chain_id = b.chain_id) at)"#,
        id.0.as_slice(),
        certainty.index(),
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| selected(row.chain_id, row.block_number, row.state)).transpose()
}

/// Newest first.
pub async fn list(db: &mut PgConnection, filter: &Filter, limit: i64) -> Result<Vec<Row>> {
    let (after_time, after_id) = match &filter.after {
        Some((time, id)) => (Some(to_time(*time)), Some(id.0)),
        None => (None, None),
    };
    let rows = sqlx::query!(
        r#"select b.chain_id as "chain_id!", b.block_number as "block_number!", b.state as "state!: Json<Bounty>"
           from bounty_versions b
           where (select h between b.block_number and b.valid_to - 1
                  from (select (array[c.block_number, c.safe_number, c.finalized_number])[$8::int] as h
                        from chains c where c.chain_id = b.chain_id) at)
             and ($1::bytea is null or b.poster = $1)
             and ($2::bytea is null or b.token = $2)
             and ($3::text is null or exists (select from specs s where s.hash = b.spec_hash and s.kind = $3))
             and ($9::text is null
                  or b.spec_hash in (select s.hash from specs s where s.search @@ websearch_to_tsquery('simple', $9)))
             and ($4::timestamptz is null or (b.open_until > $4 and b.seats_taken < b.seats))
             and ($5::timestamptz is null or (b.posted_at <= $5 and (b.posted_at < $5 or b.id > $6::bytea)))
           order by b.posted_at desc, b.id limit $7"#,
        filter.poster.as_ref().map(|a| a.as_slice()),
        filter.token.as_ref().map(|a| a.as_slice()),
        filter.kind,
        filter.open_at.map(to_time),
        after_time,
        after_id.as_ref().map(|id| id.as_slice()),
        limit,
        filter.certainty.index(),
        filter.text,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| selected(row.chain_id, row.block_number, row.state)).collect()
}

/// A chain's bounties in id order after `after`. For audits.
pub async fn page(db: &mut PgConnection, chain_id: u64, after: Option<BountyId>, limit: i64) -> Result<Vec<Bounty>> {
    let rows = sqlx::query!(
        r#"select state as "state: Json<Bounty>" from bounties
           where chain_id = $1 and ($2::bytea is null or id > $2) order by id limit $3"#,
        to_i64(chain_id)?,
        after.as_ref().map(|id| id.0.as_slice()),
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| row.state.0).collect())
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
