//! Sessions of accounts that signed in, and what signs them in. Written by the API.

use std::time::Duration;

use piecework_domain::{Address, B256};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::convert::address;
use crate::{Error, Result};

/// What is over and deleted with each new one of its kind: anybody can make any number of them.
const FORGOTTEN_AT_ONCE: i64 = 20;
/// Sessions of one account; beyond, the oldest is over.
const SESSIONS_MAX: i64 = 50;
/// A session is refreshed so often at once, and once a minute on: all tokens it used are kept.
const REFRESHES_AT_ONCE: i64 = 100;

/// 128 random bits.
pub type SessionId = [u8; 16];

/// What an account is signed in for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub account: Address,
    pub scopes: Vec<String>,
    pub created_at: OffsetDateTime,
    /// It can't be refreshed beyond.
    pub expires_at: OffsetDateTime,
}

/// What came of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// It is used up, and the next one is good.
    Session(Session),
    /// It was used before: its session is over, whoever has the other.
    Reused,
    /// Nothing changes: this token is good a minute later.
    TooOften,
    /// There is none, or it or its session is over.
    Unknown,
}

pub async fn put_nonce(db: &mut PgConnection, nonce: &str, lifetime: Duration) -> Result<()> {
    sqlx::query!(
        "delete from auth_nonces where nonce in (
             select nonce from auth_nonces where expires_at < now() order by expires_at limit $1 for update skip locked)",
        FORGOTTEN_AT_ONCE
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "insert into auth_nonces (nonce, expires_at) values ($1, now() + make_interval(secs => $2))",
        nonce,
        lifetime.as_secs_f64()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Uses a nonce up. False if there is none, or not any more.
pub async fn take_nonce(db: &mut PgConnection, nonce: &str) -> Result<bool> {
    let done =
        sqlx::query!("delete from auth_nonces where nonce = $1 and expires_at > now()", nonce).execute(db).await?;
    Ok(done.rows_affected() == 1)
}

/// Begins a session with its first refresh token. The account's oldest is over if it has too many.
pub async fn begin(db: &mut PgConnection, session: &Session, token: B256, idle: Duration) -> Result<()> {
    sqlx::query!(
        "delete from sessions where id in (
             select id from sessions where expires_at < now() order by expires_at limit $1 for update skip locked)",
        FORGOTTEN_AT_ONCE
    )
    .execute(&mut *db)
    .await?;
    // Sign-ins of one account come one after the other, or they would not see each other's sessions.
    sqlx::query!("select pg_advisory_xact_lock(7006, hashtext(encode($1, 'hex')))", session.account.as_slice())
        .fetch_one(&mut *db)
        .await?;
    sqlx::query!(
        "update sessions set revoked = 'too_many' where id in (
             select id from sessions where account = $1 and revoked is null order by created_at desc offset $2)",
        session.account.as_slice(),
        SESSIONS_MAX - 1
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "insert into sessions (id, account, scopes, created_at, expires_at) values ($1, $2, $3, $4, $5)",
        session.id.as_slice(),
        session.account.as_slice(),
        &session.scopes,
        session.created_at,
        session.expires_at
    )
    .execute(&mut *db)
    .await?;
    put_token(db, session.id, token, idle).await
}

async fn put_token(db: &mut PgConnection, session: SessionId, token: B256, idle: Duration) -> Result<()> {
    sqlx::query!(
        "insert into refresh_tokens (hash, session_id, expires_at) values ($1, $2, now() + make_interval(secs => $3))",
        token.as_slice(),
        session.as_slice(),
        idle.as_secs_f64()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Uses a refresh token up in favour of `next`. In a db_tx.
pub async fn refresh(db: &mut PgConnection, token: B256, next: B256, idle: Duration) -> Result<Refreshed> {
    let row = sqlx::query!(
        r#"select session_id, used_at is not null as "used!", expires_at > now() as "good!" from refresh_tokens where hash = $1 for update"#,
        token.as_slice()
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(row) = row else { return Ok(Refreshed::Unknown) };
    let id = session_id(&row.session_id)?;
    if row.used {
        revoke(db, id, "refresh_reused").await?;
        return Ok(Refreshed::Reused);
    }
    let session = get(db, id).await?;
    let Some(session) = session.filter(|_| row.good) else { return Ok(Refreshed::Unknown) };
    let counted = sqlx::query!(
        "update sessions set refreshes = refreshes + 1
         where id = $1 and refreshes < $2::bigint + floor(extract(epoch from now() - created_at) / 60)::bigint",
        id.as_slice(),
        REFRESHES_AT_ONCE
    )
    .execute(&mut *db)
    .await?;
    if counted.rows_affected() == 0 {
        return Ok(Refreshed::TooOften);
    }
    sqlx::query!("update refresh_tokens set used_at = now() where hash = $1", token.as_slice())
        .execute(&mut *db)
        .await?;
    put_token(db, id, next, idle).await?;
    Ok(Refreshed::Session(session))
}

/// A session that is not over.
pub async fn get(db: &mut PgConnection, id: SessionId) -> Result<Option<Session>> {
    let row = sqlx::query_as!(
        Row,
        "select id, account, scopes, created_at, expires_at from sessions
         where id = $1 and revoked is null and expires_at > now()",
        id.as_slice()
    )
    .fetch_optional(db)
    .await?;
    row.map(Session::try_from).transpose()
}

/// An account's sessions that are not over, the newest first.
pub async fn of_account(db: &mut PgConnection, account: Address) -> Result<Vec<Session>> {
    let rows = sqlx::query_as!(
        Row,
        "select id, account, scopes, created_at, expires_at from sessions
         where account = $1 and revoked is null and expires_at > now() order by created_at desc, id limit $2",
        account.as_slice(),
        SESSIONS_MAX
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Session::try_from).collect()
}

/// Ends a session, at once. False if it was over.
pub async fn revoke(db: &mut PgConnection, id: SessionId, why: &str) -> Result<bool> {
    let done = sqlx::query!("update sessions set revoked = $2 where id = $1 and revoked is null", id.as_slice(), why)
        .execute(db)
        .await?;
    Ok(done.rows_affected() == 1)
}

struct Row {
    id: Vec<u8>,
    account: Vec<u8>,
    scopes: Vec<String>,
    created_at: OffsetDateTime,
    expires_at: OffsetDateTime,
}

impl TryFrom<Row> for Session {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: session_id(&row.id)?,
            account: address(&row.account)?,
            scopes: row.scopes,
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    }
}

fn session_id(bytes: &[u8]) -> Result<SessionId> {
    bytes.try_into().map_err(|_| Error::Corrupt("session"))
}
