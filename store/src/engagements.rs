//! Engagements as the chain tells them. Written by the indexer.

use std::collections::HashMap;

use piecework_domain::Address;
use piecework_domain::chain::{Bounty, Engagement};
use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::time::Timestamp;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::Result;
use crate::chains::Certainty;
use crate::convert::{hash, to_i64, to_time, to_u64};

/// An engagement, its bounty's terms, and the block that last changed it.
#[derive(Clone, Debug)]
pub struct Row {
    pub chain_id: u64,
    pub block_number: u64,
    pub engagement: Engagement,
    pub terms: Terms,
}

/// What a list asks for. Unset filters match everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub bounty: Option<BountyId>,
    pub runner: Option<Address>,
    pub status: Option<String>,
    pub certainty: Certainty,
    /// After this row in the list's order (started_at descending, id).
    pub after: Option<(Timestamp, EngagementId)>,
}

/// Writes new versions, each with the block that made it; one per engagement.
pub async fn put(db: &mut PgConnection, chain_id: u64, rows: &[(Engagement, u64)]) -> Result<()> {
    let of = |f: fn(&Engagement) -> Vec<u8>| rows.iter().map(|(e, _)| f(e)).collect::<Vec<_>>();
    let statuses: Vec<String> = rows.iter().map(|(e, _)| e.status.name().to_owned()).collect();
    let units = rows.iter().map(|(e, _)| to_i64(e.units_paid)).collect::<Result<Vec<_>>>()?;
    let starts: Vec<_> = rows.iter().map(|(e, _)| to_time(e.started_at)).collect();
    let ends: Vec<_> = rows.iter().map(|(e, _)| e.ends_at.map(to_time)).collect();
    let states: Vec<Json<&Engagement>> = rows.iter().map(|(e, _)| Json(e)).collect();
    let blocks = rows.iter().map(|(_, block)| to_i64(*block)).collect::<Result<Vec<_>>>()?;
    sqlx::query!(
        "insert into engagements (chain_id, id, bounty_id, runner, node, status, units_paid, started_at, ends_at, state,
                                  block_number)
         select $1, * from unnest($2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[], $6::text[], $7::bigint[],
                                  $8::timestamptz[], $9::timestamptz[], $10::jsonb[], $11::bigint[])
         on conflict (id) do update set status = excluded.status, units_paid = excluded.units_paid,
             started_at = excluded.started_at, ends_at = excluded.ends_at, state = excluded.state,
             block_number = excluded.block_number",
        to_i64(chain_id)?,
        &of(|e| e.id.0.to_vec()),
        &of(|e| e.bounty.0.to_vec()),
        &of(|e| e.bid.runner.to_vec()),
        &of(|e| e.bid.node.to_vec()),
        &statuses,
        &units,
        &starts,
        &ends as _,
        &states as _,
        &blocks,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Keeps the versions that block `valid_to` is about to replace.
pub async fn keep(db: &mut PgConnection, ids: &[EngagementId], valid_to: u64) -> Result<()> {
    sqlx::query!(
        "insert into engagements_past select *, $2 from engagements where id = any($1)",
        &bytes(ids),
        to_i64(valid_to)?
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Brings back the versions that held at block `fork`, or removes what came later.
pub async fn restore(db: &mut PgConnection, ids: &[EngagementId], fork: u64) -> Result<()> {
    let (ids, fork) = (bytes(ids), to_i64(fork)?);
    sqlx::query!("delete from engagements where id = any($1) and block_number > $2", &ids, fork)
        .execute(&mut *db)
        .await?;
    sqlx::query!(
        "with gone as (delete from engagements_past where id = any($1) and valid_to > $2 returning *)
         insert into engagements
         select id, chain_id, bounty_id, runner, node, status, units_paid, started_at, ends_at, state, block_number
         from gone where block_number <= $2",
        &ids,
        fork
    )
    .execute(db)
    .await?;
    Ok(())
}

fn bytes(ids: &[EngagementId]) -> Vec<Vec<u8>> {
    ids.iter().map(|id| id.0.to_vec()).collect()
}

/// The newest versions of those that exist, each with its block.
pub async fn load(db: &mut PgConnection, ids: &[EngagementId]) -> Result<Vec<(Engagement, u64)>> {
    let rows = sqlx::query!(
        r#"select block_number, state as "state: Json<Engagement>" from engagements where id = any($1)"#,
        &bytes(ids)
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| Ok((row.state.0, to_u64(row.block_number)?))).collect()
}

/// A row's columns as the queries below select them.
pub(crate) struct Selected {
    pub(crate) chain_id: i64,
    pub(crate) block_number: i64,
    pub(crate) state: Json<Engagement>,
    pub(crate) bounty: Json<Bounty>,
}

impl Selected {
    pub(crate) fn row(self) -> Result<Row> {
        Ok(Row {
            chain_id: to_u64(self.chain_id)?,
            block_number: to_u64(self.block_number)?,
            engagement: self.state.0,
            terms: self.bounty.0.terms,
        })
    }
}

pub async fn get(db: &mut PgConnection, id: EngagementId, certainty: Certainty) -> Result<Option<Row>> {
    let row = sqlx::query_as!(
        Selected,
        r#"select e.chain_id as "chain_id!", e.block_number as "block_number!", e.state as "state!: Json<Engagement>",
                  b.state as "bounty: Json<Bounty>"
           from engagement_versions e join bounties b on b.id = e.bounty_id
           where e.id = $1 and (select h between e.block_number and e.valid_to - 1
                  from (select (array[c.block_number, c.safe_number, c.finalized_number])[$2::int] as h
                        from chains c where c.chain_id = e.chain_id) at)"#,
        id.0.as_slice(),
        certainty.index(),
    )
    .fetch_optional(db)
    .await?;
    row.map(Selected::row).transpose()
}

/// Newest first.
pub async fn list(db: &mut PgConnection, filter: &Filter, limit: i64) -> Result<Vec<Row>> {
    let (after_time, after_id) = match &filter.after {
        Some((time, id)) => (Some(to_time(*time)), Some(id.0)),
        None => (None, None),
    };
    let rows = sqlx::query_as!(
        Selected,
        r#"select e.chain_id as "chain_id!", e.block_number as "block_number!", e.state as "state!: Json<Engagement>",
                  b.state as "bounty: Json<Bounty>"
           from (select * from engagement_versions e
           where (select h between e.block_number and e.valid_to - 1
                  from (select (array[c.block_number, c.safe_number, c.finalized_number])[$7::int] as h
                        from chains c where c.chain_id = e.chain_id) at)
             and ($1::bytea is null or e.bounty_id = $1)
             and ($2::bytea is null or e.runner = $2)
             and ($3::text is null or e.status = $3)
             and ($4::timestamptz is null or (e.started_at <= $4 and (e.started_at < $4 or e.id > $5::bytea)))
           order by e.started_at desc, e.id limit $6) e
           join bounties b on b.id = e.bounty_id order by e.started_at desc, e.id"#,
        filter.bounty.as_ref().map(|id| id.0.as_slice()),
        filter.runner.as_ref().map(|a| a.as_slice()),
        filter.status,
        after_time,
        after_id.as_ref().map(|id| id.as_slice()),
        limit,
        filter.certainty.index(),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Selected::row).collect()
}

/// The verifier sets of those bounties that somebody is or was engaged for.
pub async fn verifiers(db: &mut PgConnection, ids: &[BountyId]) -> Result<HashMap<BountyId, VerifierSet>> {
    let ids: Vec<_> = ids.iter().map(|id| id.0.to_vec()).collect();
    let rows = sqlx::query!(
        r#"select e.bounty_id as "bounty_id!", e.state as "state!: Json<Engagement>"
           from unnest($1::bytea[]) wanted (id)
           cross join lateral (select bounty_id, state from engagements where bounty_id = wanted.id limit 1) e"#,
        &ids
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| Ok((BountyId(hash(&row.bounty_id)?), row.state.0.verifiers))).collect()
}

/// A chain's engagements in id order after `after`. For audits.
pub async fn page(db: &mut PgConnection, chain_id: u64, after: Option<EngagementId>, limit: i64) -> Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        Selected,
        r#"select e.chain_id, e.block_number, e.state as "state: Json<Engagement>", b.state as "bounty: Json<Bounty>"
           from engagements e join bounties b on b.id = e.bounty_id
           where e.chain_id = $1 and ($2::bytea is null or e.id > $2) order by e.id limit $3"#,
        to_i64(chain_id)?,
        after.as_ref().map(|id| id.0.as_slice()),
        limit
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Selected::row).collect()
}

/// How many engagements, and how many of them are active.
pub async fn count(db: &mut PgConnection) -> Result<(u64, u64)> {
    let row = sqlx::query!(
        r#"select count(*) as "all!", count(*) filter (where status = 'active') as "active!" from engagements"#
    )
    .fetch_one(db)
    .await?;
    Ok((to_u64(row.all)?, to_u64(row.active)?))
}
