//! Signed bids. Written by the API.

use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::messages::Bid;
use piecework_domain::money::Amount;
use piecework_domain::{Address, Bytes};
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use crate::Result;
use crate::convert::{amount, to_i64, to_time, to_u64};

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

/// A bid with what a poster ranks by.
#[derive(Clone, Debug)]
pub struct Ranked {
    pub row: Row,
    /// The runner's free balance of the bounty's token.
    pub deposited: Amount,
    pub history: History,
}

/// What a runner has done in its newest 50 engagements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    pub engagements: u64,
    pub units_paid: u64,
    pub faults: u64,
    /// Ended for faults or equivocation.
    pub ended_for_cause: u64,
}

/// A bounty's bids that can still be awarded at `now`, cheapest first, then oldest; or that one of them.
pub async fn ranked(
    db: &mut PgConnection,
    chain_id: u64,
    bounty: BountyId,
    token: Address,
    one: Option<EngagementId>,
    limit: i64,
) -> Result<Vec<Ranked>> {
    let rows = sqlx::query!(
        r#"select b.bid as "bid: Json<Bid>", b.signature, b.created_at, b.withdrawn_at, coalesce(f.balance, 0)::text as "deposited!",
                  h.engagements as "engagements!", h.units as "units!", h.faults as "faults!", h.for_cause as "for_cause!"
           from bids b
           left join balances f on f.chain_id = $1 and f.account = b.runner and f.token = $3
           cross join lateral (
               select count(*) as engagements, coalesce(sum(units_paid), 0)::bigint as units,
                      coalesce(sum((state ->> 'faults')::bigint), 0)::bigint as faults,
                      count(*) filter (where state ->> 'reason' in ('faults', 'equivocation')) as for_cause
               from (select units_paid, state from engagements where runner = b.runner order by started_at desc limit 50) newest) h
           where b.bounty_id = $2 and b.withdrawn_at is null and b.expires_at > now() and ($4::bytea is null or b.id = $4)
           order by b.rate, b.created_at limit $5"#,
        to_i64(chain_id)?,
        bounty.0.as_slice(),
        token.as_slice(),
        one.as_ref().map(|id| id.0.as_slice()),
        limit
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let history = History {
                engagements: to_u64(row.engagements)?,
                units_paid: to_u64(row.units)?,
                faults: to_u64(row.faults)?,
                ended_for_cause: to_u64(row.for_cause)?,
            };
            let deposited = amount(&row.deposited)?;
            let (bid, signature) = (row.bid.0, row.signature.into());
            let row = Row { bid, signature, created_at: row.created_at, withdrawn_at: row.withdrawn_at };
            Ok(Ranked { row, deposited, history })
        })
        .collect()
}

/// Makes changes of one bounty's book wait for each other until the db_tx ends.
pub async fn lock(db: &mut PgConnection, bounty: BountyId) -> Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(7005, hashtext(encode($1, 'hex')))", bounty.0.as_slice())
        .fetch_one(db)
        .await?;
    Ok(())
}

/// How many of these are one runner's.
pub async fn count_of(db: &mut PgConnection, bounty: BountyId, runner: Address) -> Result<u64> {
    let row = sqlx::query!(
        r#"select count(*) as "count!" from bids
           where bounty_id = $1 and runner = $2 and withdrawn_at is null and expires_at > now()"#,
        bounty.0.as_slice(),
        runner.as_slice()
    )
    .fetch_one(db)
    .await?;
    to_u64(row.count)
}

/// A bid that needs a place in a full book.
#[derive(Clone, Copy, Debug)]
pub struct Newcomer {
    pub bounty: BountyId,
    pub chain_id: u64,
    pub token: Address,
    /// What a runner must have deposited to count as deposited.
    pub bond: Amount,
    pub rate: u128,
    /// Whether this one's runner has it.
    pub is_deposited: bool,
}

/// Takes the worst bid off a full book, if it is worse than the newcomer and was not awarded: one whose runner has not deposited the bond
/// is worse than any whose runner has, then the dearer is worse, then the newer. False if there is none. Money that was only shown can
/// have moved on to show for the next bid; what is deposited shows for its owner alone.
pub async fn displace(db: &mut PgConnection, new: &Newcomer) -> Result<bool> {
    let done = sqlx::query!(
        "update bids set withdrawn_at = now() where id = (
             select b.id from bids b left join balances f on f.chain_id = $2 and f.account = b.runner and f.token = $3
             where b.bounty_id = $1 and b.withdrawn_at is null and b.expires_at > now()
                and not exists (select from awards a where a.bid_id = b.id)
                and (coalesce(f.balance, 0) >= $4::text::numeric, -b.rate) < ($6, -($5::text::numeric))
             order by coalesce(f.balance, 0) >= $4::text::numeric, b.rate desc, b.created_at desc limit 1)",
        new.bounty.0.as_slice(),
        to_i64(new.chain_id)?,
        new.token.as_slice(),
        new.bond.to_string(),
        new.rate.to_string(),
        new.is_deposited,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
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
