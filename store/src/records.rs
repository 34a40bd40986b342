//! What a verifier has done, by its newest verdicts. Read only.

use piecework_domain::Address;
use piecework_domain::time::Timestamp;
use sqlx::PgConnection;

use crate::Result;
use crate::convert::{to_timestamp, to_u64};

/// Verdicts that a record is made of, the newest.
pub const VERDICTS_MAX: i64 = 1_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub verdicts: u64,
    pub engagements: u64,
    /// Epochs that others of the set judged, too, and those of them in which most others counted another number of units.
    pub compared: u64,
    pub apart: u64,
    /// From an epoch's end to the arrival of the verdict, in seconds; `None` without verdicts.
    pub delay_seconds_p50: Option<u64>,
    pub delay_seconds_p95: Option<u64>,
    pub last_seen_at: Option<Timestamp>,
}

pub async fn of_verifier(db: &mut PgConnection, verifier: Address) -> Result<Record> {
    let row = sqlx::query!(
        r#"with mine as (
               select v.engagement_id, v.epoch, v.counted, s.created_at,
                      extract(epoch from s.created_at)::bigint
                      - least((e.state ->> 'startedAt')::bigint + (v.epoch + 1) * (b.state #>> '{terms,epochSeconds}')::bigint,
                              coalesce((e.state ->> 'endsAt')::bigint, 9223372036854775807)) as delay
               from verdicts v
               join statements s on s.id = v.statement_id
               join engagements e on e.id = v.engagement_id
               join bounties b on b.id = e.bounty_id
               where v.verifier = $1 order by v.statement_id desc limit $2),
           judged as (
               select m.*, (select mode() within group (order by o.counted) from verdicts o
                            where o.engagement_id = m.engagement_id and o.epoch = m.epoch and o.verifier <> $1) as others
               from mine m)
           select count(*) as "verdicts!", count(distinct engagement_id) as "engagements!", count(others) as "compared!",
                  count(*) filter (where others <> counted) as "apart!",
                  percentile_disc(0.5) within group (order by greatest(delay, 0)) as p50,
                  percentile_disc(0.95) within group (order by greatest(delay, 0)) as p95, max(created_at) as last_seen
           from judged"#,
        verifier.as_slice(),
        VERDICTS_MAX
    )
    .fetch_one(db)
    .await?;
    Ok(Record {
        verdicts: to_u64(row.verdicts)?,
        engagements: to_u64(row.engagements)?,
        compared: to_u64(row.compared)?,
        apart: to_u64(row.apart)?,
        delay_seconds_p50: row.p50.map(to_u64).transpose()?,
        delay_seconds_p95: row.p95.map(to_u64).transpose()?,
        last_seen_at: row.last_seen.map(to_timestamp).transpose()?,
    })
}
