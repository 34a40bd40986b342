//! Answers by Idempotency-Key. Written by the API.

use piecework_domain::B256;
use sqlx::PgConnection;

use crate::convert::hash;
use crate::{Error, Result};

/// Keys older than a day that are forgotten with each new one.
const FORGOTTEN_AT_ONCE: i64 = 10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub content_type: Option<String>,
    pub body: Vec<u8>,
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing: it is the caller's now.
    New,
    /// The same request is under way.
    UnderWay,
    Answered(Answer),
    /// Another request came with this key.
    Other,
}

/// Takes a key, or says what is known of it. One whose request has been under way for a minute is taken over: its process died.
pub async fn begin(db: &mut PgConnection, key: &str, fingerprint: B256) -> Result<Known> {
    sqlx::query!(
        "delete from idempotency_keys where key in (
             select key from idempotency_keys where created_at < now() - interval '1 day' order by created_at limit $1 for update skip locked)",
        FORGOTTEN_AT_ONCE
    )
    .execute(&mut *db)
    .await?;
    let taken = sqlx::query!(
        "insert into idempotency_keys (key, fingerprint) values ($1, $2)
         on conflict (key) do update set fingerprint = excluded.fingerprint, status = null, content_type = null, body = null,
             created_at = now()
         where (idempotency_keys.status is null and idempotency_keys.created_at < now() - interval '1 minute')
            or idempotency_keys.created_at < now() - interval '1 day'",
        key,
        fingerprint.as_slice()
    )
    .execute(&mut *db)
    .await?;
    if taken.rows_affected() == 1 {
        return Ok(Known::New);
    }
    look(db, key, fingerprint).await
}

/// What is known of a key. One that was given back meanwhile counts as under way: `begin` takes it.
async fn look(db: &mut PgConnection, key: &str, fingerprint: B256) -> Result<Known> {
    let row = sqlx::query!("select fingerprint, status, content_type, body from idempotency_keys where key = $1", key)
        .fetch_optional(db)
        .await?;
    let Some(row) = row else { return Ok(Known::UnderWay) };
    if hash(&row.fingerprint)? != fingerprint {
        return Ok(Known::Other);
    }
    let Some((status, body)) = row.status.zip(row.body) else { return Ok(Known::UnderWay) };
    let status = u16::try_from(status).map_err(|_| Error::Corrupt("status"))?;
    Ok(Known::Answered(Answer { status, content_type: row.content_type, body }))
}

/// Keeps the answer.
pub async fn finish(db: &mut PgConnection, key: &str, answer: &Answer) -> Result<()> {
    sqlx::query!(
        "update idempotency_keys set status = $2, content_type = $3, body = $4 where key = $1",
        key,
        i16::try_from(answer.status).map_err(|_| Error::Corrupt("status"))?,
        answer.content_type,
        answer.body,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Gives a key back: its answer is not final.
pub async fn forget(db: &mut PgConnection, key: &str) -> Result<()> {
    sqlx::query!("delete from idempotency_keys where key = $1 and status is null", key).execute(db).await?;
    Ok(())
}
