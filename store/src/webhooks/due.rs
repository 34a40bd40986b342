//! What is to be sent, and what became of it. Written by `piecework work`.

use std::time::Duration;

use piecework_domain::B256;
use sqlx::PgConnection;

use super::{WebhookId, filter, id};
use crate::Result;
use crate::convert::{hash, to_i64, to_u64};
use crate::feed::Filter;

/// A webhook that may have something to be told.
#[derive(Debug)]
pub struct Due {
    pub id: WebhookId,
    pub url: String,
    /// Each signs: the newest, and the one before while it is good.
    pub secrets: Vec<B256>,
    pub filter: Filter,
    pub seq: u64,
    /// Since the last success.
    pub failures: u32,
}

/// Webhooks behind the stream whose time has come, the longest waiting first. Nobody else gets them for `lease`.
pub async fn take(db: &mut PgConnection, slow: bool, limit: i64, lease: Duration) -> Result<Vec<Due>> {
    let rows = sqlx::query!(
        r#"update webhooks set next_at = now() + make_interval(secs => $3) where id in (
               select id from webhooks
               where disabled is null and slow = $1 and next_at <= now() and seq < (select seq from stream)
               order by next_at limit $2 for update skip locked)
           returning id, url, secret, case when old_until > now() then old_secret end as old_secret,
                     bounty_id, engagement_id, about_account, names, seq, failures"#,
        slow,
        limit,
        lease.as_secs_f64()
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let secrets = std::iter::once(row.secret).chain(row.old_secret);
            let (bounty, engagement, about) = (&row.bounty_id, &row.engagement_id, &row.about_account);
            Ok(Due {
                id: id(&row.id)?,
                url: row.url,
                secrets: secrets.map(|secret| hash(&secret)).collect::<Result<_>>()?,
                filter: filter(bounty.as_deref(), engagement.as_deref(), about.as_deref(), row.names)?,
                seq: to_u64(row.seq)?,
                failures: u32::try_from(row.failures).unwrap_or(0),
            })
        })
        .collect()
}

/// Everything from `from` up to `to` is told or not asked for. False if somebody moved it meanwhile: then nothing is changed.
pub async fn passed(db: &mut PgConnection, id: WebhookId, from: u64, to: u64, told: bool) -> Result<bool> {
    let done = sqlx::query!(
        "update webhooks set seq = $3, delivered_at = case when $4 then now() else delivered_at end,
                             failures = case when $4 then 0 else failures end,
                             failing_since = case when $4 then null else failing_since end,
                             last_error = case when $4 then null else last_error end
         where id = $1 and seq = $2 and disabled is null",
        id.as_slice(),
        to_i64(from)?,
        to_i64(to)?,
        told
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The item after `seq` could not be told: again after `pause`, unless it has failed for `give_up` by now, or is `gone`.
pub async fn failed(
    db: &mut PgConnection,
    id: WebhookId,
    seq: u64,
    error: &str,
    pause: Duration,
    give_up: Duration,
    gone: bool,
) -> Result<()> {
    sqlx::query!(
        "update webhooks set failures = least(failures, 1000000) + 1, failing_since = coalesce(failing_since, now()), last_error = $3,
                             slow = true, next_at = now() + make_interval(secs => $4),
                             disabled = case when $6 then 'gone'
                                             when failing_since < now() - make_interval(secs => $5) then 'failing' end
         where id = $1 and seq = $2 and disabled is null",
        id.as_slice(),
        to_i64(seq)?,
        error,
        pause.as_secs_f64(),
        give_up.as_secs_f64(),
        gone
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Gives a webhook back before its lease is over.
pub async fn release(db: &mut PgConnection, id: WebhookId, slow: bool) -> Result<()> {
    sqlx::query!("update webhooks set next_at = now(), slow = $2 where id = $1", id.as_slice(), slow)
        .execute(db)
        .await?;
    Ok(())
}
