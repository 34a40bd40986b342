//! The operator's transactions. Written by the worker.
//!
//! queued → signed → mined, or failed. The signed bytes are stored before they are sent, and a retry sends the same bytes.

use piecework_domain::{Address, B256, Bytes};
use sqlx::PgConnection;

use crate::Result;
use crate::convert::{hash, to_i64, to_u64};

/// What a transaction is for. `subject` is the bounty's or engagement's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    PostFromDeposit,
    Award,
    Redeem,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::PostFromDeposit => "post_from_deposit",
            Self::Award => "award",
            Self::Redeem => "redeem",
        }
    }
}

/// Decides on a transaction. False if one for the same purpose is under way.
pub async fn queue(
    db: &mut PgConnection,
    chain_id: u64,
    kind: Kind,
    subject: B256,
    data: &Bytes,
    units: Option<u64>,
) -> Result<bool> {
    let done = sqlx::query!(
        "insert into txs (chain_id, kind, subject, data, units) values ($1, $2, $3, $4, $5)
         on conflict (chain_id, kind, subject) where state in ('queued', 'signed') do nothing",
        to_i64(chain_id)?,
        kind.name(),
        subject.as_slice(),
        data.as_ref(),
        units.map(to_i64).transpose()?,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A decided transaction to be signed.
#[derive(Clone, Debug)]
pub struct Queued {
    pub id: i64,
    pub kind: String,
    pub subject: B256,
    pub data: Bytes,
}

/// Takes the oldest queued transaction for this db_tx, pay before everything else; other workers skip it.
pub async fn take_queued(db: &mut PgConnection, chain_id: u64) -> Result<Option<Queued>> {
    let row = sqlx::query!(
        "select id, kind, subject, data from txs where chain_id = $1 and state = 'queued'
         order by kind <> 'redeem', id limit 1 for update skip locked",
        to_i64(chain_id)?
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| Ok(Queued { id: row.id, kind: row.kind, subject: hash(&row.subject)?, data: row.data.into() }))
        .transpose()
}

/// Makes workers that share a key take nonces one after another, until the db_tx ends.
pub async fn lock_sender(db: &mut PgConnection, sender: Address) -> Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(7004, hashtext(encode($1, 'hex')))", sender.as_slice())
        .fetch_one(db)
        .await?;
    Ok(())
}

/// Nonces of transactions under way, ascending.
pub async fn open_nonces(db: &mut PgConnection, chain_id: u64, sender: Address) -> Result<Vec<u64>> {
    let rows = sqlx::query!(
        r#"select nonce as "nonce!" from txs where chain_id = $1 and sender = $2 and state = 'signed' order by nonce"#,
        to_i64(chain_id)?,
        sender.as_slice(),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| to_u64(row.nonce)).collect()
}

/// A stored, signed transaction.
#[derive(Clone, Debug)]
pub struct Signed {
    pub id: i64,
    pub kind: String,
    pub subject: B256,
    pub nonce: u64,
    pub raw: Bytes,
    pub tx_hash: B256,
}

/// Stores the bytes that will be sent. A mined transaction of the same nonce is one a reorg took away.
pub async fn sign(
    db: &mut PgConnection,
    id: i64,
    sender: Address,
    nonce: u64,
    raw: &Bytes,
    tx_hash: B256,
) -> Result<()> {
    sqlx::query!(
        "update txs set state = 'failed', error = 'reorged out', updated_at = now()
         where sender = $1 and nonce = $2 and state = 'mined' and chain_id = (select chain_id from txs where id = $3)",
        sender.as_slice(),
        to_i64(nonce)?,
        id,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "update txs set state = 'signed', sender = $2, nonce = $3, raw = $4, tx_hash = $5, updated_at = now() where id = $1",
        id,
        sender.as_slice(),
        to_i64(nonce)?,
        raw.as_ref(),
        tx_hash.as_slice(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Signed transactions whose fate is open, in nonce order.
pub async fn signed(db: &mut PgConnection, chain_id: u64, sender: Address, limit: i64) -> Result<Vec<Signed>> {
    let rows = sqlx::query!(
        r#"select id, kind, subject, nonce as "nonce!", raw as "raw!", tx_hash as "tx_hash!" from txs
           where chain_id = $1 and sender = $2 and state = 'signed' order by nonce limit $3"#,
        to_i64(chain_id)?,
        sender.as_slice(),
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Signed {
                id: row.id,
                kind: row.kind,
                subject: hash(&row.subject)?,
                nonce: to_u64(row.nonce)?,
                raw: row.raw.into(),
                tx_hash: hash(&row.tx_hash)?,
            })
        })
        .collect()
}

/// Records a receipt: mined, or failed when it reverted.
pub async fn mined(
    db: &mut PgConnection,
    id: i64,
    block_number: u64,
    gas_used: u64,
    error: Option<&str>,
) -> Result<()> {
    sqlx::query!(
        "update txs set state = case when $4::text is null then 'mined' else 'failed' end, block_number = $2, gas_used = $3,
                        error = $4, updated_at = now() where id = $1",
        id,
        to_i64(block_number)?,
        to_i64(gas_used)?,
        error,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Gives up on a transaction that was not or can no longer be mined.
pub async fn fail(db: &mut PgConnection, id: i64, error: &str) -> Result<()> {
    sqlx::query!("update txs set state = 'failed', error = $2, updated_at = now() where id = $1", id, error)
        .execute(db)
        .await?;
    Ok(())
}

/// The newest transaction for a purpose: its state, error and hash.
#[derive(Clone, Debug)]
pub struct Latest {
    pub state: String,
    pub error: Option<String>,
    pub tx_hash: Option<B256>,
    pub age_seconds: i64,
}

/// How many transactions of a kind there were about a subject in a day.
pub async fn recent(db: &mut PgConnection, chain_id: u64, kind: Kind, subject: B256) -> Result<u64> {
    let row = sqlx::query!(
        r#"select count(*) as "count!" from txs
           where chain_id = $1 and kind = $2 and subject = $3 and updated_at > now() - interval '1 day'"#,
        to_i64(chain_id)?,
        kind.name(),
        subject.as_slice(),
    )
    .fetch_one(db)
    .await?;
    to_u64(row.count)
}

pub async fn latest(db: &mut PgConnection, chain_id: u64, kind: Kind, subject: B256) -> Result<Option<Latest>> {
    let row = sqlx::query!(
        r#"select state, error, tx_hash, extract(epoch from now() - updated_at)::bigint as "age!" from txs
           where chain_id = $1 and kind = $2 and subject = $3 order by id desc limit 1"#,
        to_i64(chain_id)?,
        kind.name(),
        subject.as_slice(),
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(Latest {
            state: row.state,
            error: row.error,
            tx_hash: row.tx_hash.map(|h| hash(&h)).transpose()?,
            age_seconds: row.age,
        })
    })
    .transpose()
}
