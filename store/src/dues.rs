//! When each engagement's payout is looked at next. Written by the API with the verdicts that cause it, and by the worker.
//!
//! A row is ready when `due_at` has come and neither a worker nor an open transaction has it. Taking it moves `due_at` to never, so
//! that whatever is announced during the look is seen afterwards.

use std::time::Duration;

use piecework_domain::ids::EngagementId;
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, B256};
use sqlx::PgConnection;
use sqlx::types::time::OffsetDateTime;

use crate::Result;
use crate::convert::{hash, to_i64, to_time, to_timestamp, to_u64};

/// Asks for a look at engagements at these times, or earlier where that was asked for already, but not before now: a statement can be
/// dated back, and places in the queue go by when it was asked. One that the escrow refused keeps its pause.
pub async fn announce(db: &mut PgConnection, chain_id: u64, times: &[(EngagementId, Timestamp)]) -> Result<()> {
    // In one order everywhere, so that two that write the same rows never wait for each other.
    let mut times = times.to_vec();
    times.sort();
    times.dedup_by_key(|(id, _)| *id);
    let ids: Vec<_> = times.iter().map(|(id, _)| id.0.to_vec()).collect();
    let at: Vec<_> = times.iter().map(|(_, at)| to_time(*at)).collect();
    sqlx::query!(
        "insert into dues (chain_id, engagement_id, due_at)
         select $1, id, greatest(at, now()) from unnest($2::bytea[], $3::timestamptz[]) as asked (id, at)
         on conflict (engagement_id) do update set due_at = least(dues.due_at, excluded.due_at)
         where dues.failures = 0 or dues.due_at = 'infinity'",
        to_i64(chain_id)?,
        &ids,
        &at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Asks for a look at everything in one of `tokens` that has more proven than paid and no look ahead of it, and forgets what is closed:
/// whatever was missed, or undone by a reorg, is found again.
pub async fn reconcile(db: &mut PgConnection, chain_id: u64, tokens: &[Address]) -> Result<()> {
    let chain_id = to_i64(chain_id)?;
    let tokens: Vec<_> = tokens.iter().map(|token| token.to_vec()).collect();
    sqlx::query!(
        "insert into dues (engagement_id, chain_id, due_at)
         select e.id, e.chain_id, now() from engagements e join bounties b on b.id = e.bounty_id
         where e.chain_id = $1 and e.status <> 'closed' and b.token = any($2)
           and exists (select from verdicts v where v.engagement_id = e.id
                       and (v.units > e.units_paid or v.faults > (e.state ->> 'faults')::bigint))
         order by e.id
         on conflict (engagement_id) do update set due_at = excluded.due_at
         where dues.due_at = 'infinity' and dues.tx_id is null and dues.taken_until is null",
        chain_id,
        &tokens,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "delete from dues where engagement_id in (
             select d.engagement_id from dues d join engagements e on e.id = d.engagement_id
             where d.chain_id = $1 and e.status = 'closed' and d.tx_id is null for update of d skip locked)",
        chain_id
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What the worker last said about an engagement's payout.
#[derive(Clone, Debug)]
pub struct Standing {
    /// When it is looked at next; `None`: once there is news.
    pub due_at: Option<Timestamp>,
    /// The transaction that pays it, if one is under way.
    pub tx_hash: Option<B256>,
    /// Why the last look sent nothing: a stable code, and in words.
    pub reason: Option<String>,
    pub detail: Option<String>,
}

/// `None` for an engagement without verdicts, or one that is closed.
pub async fn standing(db: &mut PgConnection, id: EngagementId) -> Result<Option<Standing>> {
    let row = sqlx::query!(
        r#"select case when isfinite(d.due_at) then d.due_at end as due_at, t.tx_hash as "tx_hash?", d.reason, d.detail
           from dues d left join txs t on t.id = d.tx_id where d.engagement_id = $1"#,
        id.0.as_slice()
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(Standing {
            due_at: row.due_at.map(to_timestamp).transpose()?,
            tx_hash: row.tx_hash.map(|tx_hash| hash(&tx_hash)).transpose()?,
            reason: row.reason.filter(|reason| !reason.is_empty()),
            detail: row.detail.filter(|detail| !detail.is_empty()),
        })
    })
    .transpose()
}

/// An engagement to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    pub engagement: EngagementId,
    /// Seconds since a transaction that pays it was signed last.
    pub sent_seconds_ago: Option<u64>,
    /// Whether the escrow refused or skipped it last time.
    pub failed: bool,
    /// Until when it is the taker's.
    pub lease: OffsetDateTime,
}

/// Takes what is ready, what was never refused first; other workers don't see it for `lease`.
pub async fn take(db: &mut PgConnection, chain_id: u64, lease: Duration, limit: i64) -> Result<Vec<Due>> {
    let rows = sqlx::query!(
        r#"update dues set due_at = 'infinity', taken_until = now() + $3::float8 * interval '1 second'
           where engagement_id in (
               select engagement_id from dues
               where chain_id = $1 and tx_id is null
                 and ((taken_until is null and due_at <= now()) or taken_until <= now())
               order by failures > 0, due_at limit $2 for update skip locked)
           returning engagement_id, failures, taken_until as "taken_until!: OffsetDateTime",
                     case when sent_at is not null then greatest(0, extract(epoch from now() - sent_at))::bigint end
                     as sent_seconds_ago"#,
        to_i64(chain_id)?,
        limit,
        lease.as_secs_f64(),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Due {
                engagement: EngagementId(hash(&row.engagement_id)?),
                sent_seconds_ago: row.sent_seconds_ago.map(to_u64).transpose()?,
                failed: row.failures > 0,
                lease: row.taken_until,
            })
        })
        .collect()
}

/// Ends a look that sent nothing: the next one is at `until`, or when there is news.
pub async fn wait(
    db: &mut PgConnection,
    id: EngagementId,
    until: Option<Timestamp>,
    reason: &str,
    detail: &str,
) -> Result<()> {
    sqlx::query!(
        "update dues set due_at = least(due_at, coalesce($2, 'infinity'::timestamptz)), taken_until = null, reason = $3, detail = $4
         where engagement_id = $1",
        id.0.as_slice(),
        until.map(to_time),
        reason,
        detail,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How the escrow refused a redemption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// When it was tried, which costs nothing.
    Estimated,
    /// In a block: a revert or a skipped entry, for which gas was burned.
    Mined,
}

/// Ends a look at what the escrow refuses. The next one is after a pause, twice as long each time: from 2 s to ten minutes. Once gas
/// was burned: 16 s (a reorg may have set the chain's time back), 16 times as long each time, a day at most.
pub async fn refuse(
    db: &mut PgConnection,
    id: EngagementId,
    refusal: Refusal,
    reason: &str,
    detail: &str,
) -> Result<()> {
    let (more, seconds_max) = match refusal {
        Refusal::Estimated => (1, 600.0),
        Refusal::Mined => (4, 86_400.0),
    };
    sqlx::query!(
        "update dues set due_at = now() + least($5::float8, 2 ^ least(failures + $4::int, 20)) * interval '1 second',
                         taken_until = null, failures = least(failures + $4::int, 20), reason = $2, detail = $3
         where engagement_id = $1",
        id.0.as_slice(),
        reason,
        detail,
        more,
        seconds_max,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Hands taken engagements over to a stored transaction. False, and nothing done, if one of them is somebody else's by now.
pub async fn hand_over(
    db: &mut PgConnection,
    tx: i64,
    payments: &[Payment],
    leases: &[OffsetDateTime],
) -> Result<bool> {
    let ids: Vec<_> = payments.iter().map(|p| p.engagement.0.to_vec()).collect();
    let done = sqlx::query!(
        "with ours as (
             select d.engagement_id from dues d
             join unnest($2::bytea[], $3::timestamptz[]) as t (id, lease) on t.id = d.engagement_id
             where d.tx_id is null and d.taken_until = t.lease order by d.engagement_id for update of d)
         update dues set tx_id = $1, sent_at = now(), taken_until = null, reason = null, detail = null
         from ours where dues.engagement_id = ours.engagement_id",
        tx,
        &ids,
        leases,
    )
    .execute(&mut *db)
    .await?;
    if done.rows_affected() != u64::try_from(ids.len()).unwrap_or(u64::MAX) {
        return Ok(false);
    }
    let units = payments.iter().map(|p| to_i64(p.units)).collect::<Result<Vec<_>>>()?;
    let faults = payments.iter().map(|p| to_i64(p.faults)).collect::<Result<Vec<_>>>()?;
    sqlx::query!(
        "insert into tx_payouts (tx_id, engagement_id, units, faults)
         select $1, * from unnest($2::bytea[], $3::bigint[], $4::bigint[])",
        tx,
        &ids,
        &units,
        &faults,
    )
    .execute(db)
    .await?;
    Ok(true)
}

/// What a transaction redeems of one engagement: the voucher's counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payment {
    pub engagement: EngagementId,
    pub units: u64,
    pub faults: u64,
}

/// What a transaction was to pay.
pub async fn payments(db: &mut PgConnection, tx: i64) -> Result<Vec<Payment>> {
    let rows =
        sqlx::query!("select engagement_id, units, faults from tx_payouts where tx_id = $1 order by engagement_id", tx)
            .fetch_all(db)
            .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Payment {
                engagement: EngagementId(hash(&row.engagement_id)?),
                units: to_u64(row.units)?,
                faults: to_u64(row.faults)?,
            })
        })
        .collect()
}

/// A transaction is over: what it paid is looked at again. Refusals are forgotten for what it really paid, which is all but `unpaid`.
pub async fn take_back(db: &mut PgConnection, tx: i64, unpaid: &[EngagementId]) -> Result<()> {
    let unpaid: Vec<_> = unpaid.iter().map(|id| id.0.to_vec()).collect();
    sqlx::query!(
        "with ours as (select engagement_id from dues where tx_id = $1 order by engagement_id for update)
         update dues set tx_id = null, due_at = now(), taken_until = null, reason = null, detail = null,
             failures = case when dues.engagement_id = any($2) then failures else 0 end,
             sent_at = case when dues.engagement_id = any($2) then null else sent_at end
         from ours where dues.engagement_id = ours.engagement_id",
        tx,
        &unpaid,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A reorg made a transaction open again: what it pays is under way again, unless another transaction has it meanwhile.
pub async fn reopen(db: &mut PgConnection, tx: i64) -> Result<()> {
    sqlx::query!(
        "update dues set tx_id = $1, taken_until = null where tx_id is null
         and engagement_id in (select engagement_id from tx_payouts where tx_id = $1)",
        tx
    )
    .execute(db)
    .await?;
    Ok(())
}
