//! The operator's transactions. Written by the worker.
//!
//! queued → signed → mined → final, back to signed where a reorg took it away; or failed. Signed bytes are stored before they are sent:
//! every attempt to send a transaction has the same nonce, so that one of them is mined at most.

use piecework_domain::{Address, B256, Bytes};
use sqlx::PgConnection;

use crate::convert::{address, hash, to_i64, to_u64};
use crate::{Error, Result};

/// What a transaction is for. `subject` is the bounty's or engagement's id, or the hash of a batch's calldata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    PostFromDeposit,
    Award,
    Redeem,
    SlashNode,
    /// Settles an x402 payment.
    X402,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::PostFromDeposit => "post_from_deposit",
            Self::Award => "award",
            Self::Redeem => "redeem",
            Self::SlashNode => "slash_node",
            Self::X402 => "x402",
        }
    }
}

/// Decides on a call of the escrow. `None` if one for the same purpose is under way.
pub async fn queue(
    db: &mut PgConnection,
    chain_id: u64,
    kind: Kind,
    subject: B256,
    data: &Bytes,
) -> Result<Option<i64>> {
    queue_to(db, chain_id, kind, subject, None, data).await
}

/// Decides on a call of `target`, the escrow where that is `None`.
pub async fn queue_to(
    db: &mut PgConnection,
    chain_id: u64,
    kind: Kind,
    subject: B256,
    target: Option<Address>,
    data: &Bytes,
) -> Result<Option<i64>> {
    let row = sqlx::query!(
        "insert into txs (chain_id, kind, subject, target, data) values ($1, $2, $3, $4, $5)
         on conflict (chain_id, kind, subject) where state in ('queued', 'signed') do nothing returning id",
        to_i64(chain_id)?,
        kind.name(),
        subject.as_slice(),
        target.as_ref().map(|target| target.as_slice()),
        data.as_ref(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| row.id))
}

/// A decided transaction to be signed.
#[derive(Clone, Debug)]
pub struct Queued {
    pub id: i64,
    pub kind: String,
    pub subject: B256,
    pub data: Bytes,
}

/// Takes the oldest queued transaction for this db_tx; other workers skip it.
pub async fn take_queued(db: &mut PgConnection, chain_id: u64) -> Result<Option<Queued>> {
    let row = sqlx::query!(
        "select id, kind, subject, data from txs where chain_id = $1 and state = 'queued'
         order by id limit 1 for update skip locked",
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

/// Bytes of a transaction, as they are or were sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub raw: Bytes,
    pub tx_hash: B256,
    /// In wei per gas.
    pub max_fee_per_gas: u128,
    pub max_priority_fee_per_gas: u128,
}

/// Stores the bytes that will be sent first.
pub async fn sign(
    db: &mut PgConnection,
    id: i64,
    sender: Address,
    nonce: u64,
    gas_limit: u64,
    attempt: &Attempt,
) -> Result<()> {
    sqlx::query!(
        "update txs set state = 'signed', sender = $2, nonce = $3, gas_limit = $4, updated_at = now() where id = $1",
        id,
        sender.as_slice(),
        to_i64(nonce)?,
        to_i64(gas_limit)?,
    )
    .execute(&mut *db)
    .await?;
    add_attempt(db, id, attempt).await
}

/// Stores bytes with other fees; from now on they are the newest.
pub async fn add_attempt(db: &mut PgConnection, id: i64, attempt: &Attempt) -> Result<()> {
    sqlx::query!(
        "insert into tx_attempts (tx_id, tx_hash, raw, max_fee_per_gas, max_priority_fee_per_gas)
         values ($1, $2, $3, $4::text::numeric, $5::text::numeric)",
        id,
        attempt.tx_hash.as_slice(),
        attempt.raw.as_ref(),
        attempt.max_fee_per_gas.to_string(),
        attempt.max_priority_fee_per_gas.to_string(),
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!("update txs set tx_hash = $2 where id = $1", id, attempt.tx_hash.as_slice()).execute(db).await?;
    Ok(())
}

/// What a sender's transactions under way take: their nonces, and what each can cost at most in wei.
pub async fn in_flight(
    db: &mut PgConnection,
    chain_id: u64,
    sender: Address,
    from_nonce: u64,
) -> Result<Vec<(u64, u128)>> {
    let rows = sqlx::query!(
        r#"select nonce as "nonce!", trunc(gas_limit * max(max_fee_per_gas))::text as "cost!"
           from txs t join tx_attempts a on a.tx_id = t.id
           where chain_id = $1 and sender = $2 and nonce >= $3 and state in ('signed', 'mined') group by t.id order by nonce"#,
        to_i64(chain_id)?,
        sender.as_slice(),
        to_i64(from_nonce)?,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| Ok((to_u64(row.nonce)?, row.cost.parse().map_err(|_| Error::Corrupt("cost"))?)))
        .collect()
}

/// Whose transactions are not final: after a change of keys, not only this worker's.
pub async fn senders(db: &mut PgConnection, chain_id: u64) -> Result<Vec<Address>> {
    let rows = sqlx::query!(
        r#"select distinct sender as "sender!" from txs where chain_id = $1 and state in ('signed', 'mined')"#,
        to_i64(chain_id)?
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| address(&row.sender)).collect()
}

/// How many transactions of a kind wait to be signed.
pub async fn waiting(db: &mut PgConnection, chain_id: u64, kind: Kind) -> Result<i64> {
    let row = sqlx::query!(
        r#"select count(*) as "count!" from txs where chain_id = $1 and kind = $2 and state = 'queued'"#,
        to_i64(chain_id)?,
        kind.name(),
    )
    .fetch_one(db)
    .await?;
    Ok(row.count)
}

/// A transaction to look after.
#[derive(Clone, Debug)]
pub struct Open {
    pub id: i64,
    pub kind: String,
    pub subject: B256,
    /// What it calls, the escrow where that is `None`.
    pub target: Option<Address>,
    pub data: Bytes,
    pub nonce: u64,
    pub gas_limit: u64,
    /// Where it was mined, as far as is known.
    pub mined_in: Option<u64>,
    /// It had been mined before a reorg.
    pub reorged: bool,
    /// Oldest first; at least one.
    pub attempts: Vec<Attempt>,
    /// Since the newest attempt was signed.
    pub age_seconds: u64,
}

/// A sender's signed transactions, and those mined ones of which something can be new: a reorg took them away, by the account's nonce,
/// or nothing can any more. In nonce order.
pub async fn open(
    db: &mut PgConnection,
    chain_id: u64,
    sender: Address,
    mined_nonce: u64,
    finalized: u64,
    limit: i64,
) -> Result<Vec<Open>> {
    let rows = sqlx::query!(
        r#"select t.id, kind, subject, target, data, nonce as "nonce!", gas_limit as "gas_limit!", block_number,
                  coalesce(error = 'reorged', false) as "reorged!", array_agg(a.raw order by signed_at) as "raws!", array_agg(a.tx_hash order by signed_at) as "hashes!",
                  array_agg(a.max_fee_per_gas::text order by signed_at) as "fees!",
                  array_agg(a.max_priority_fee_per_gas::text order by signed_at) as "tips!",
                  greatest(0, extract(epoch from now() - max(signed_at)))::bigint as "age!"
           from txs t join tx_attempts a on a.tx_id = t.id
           where chain_id = $1 and sender = $2
             and (state = 'signed' or (state = 'mined' and (nonce >= $3 or block_number <= $4)))
           group by t.id order by nonce limit $5"#,
        to_i64(chain_id)?,
        sender.as_slice(),
        to_i64(mined_nonce)?,
        to_i64(finalized)?,
        limit,
    )
    .fetch_all(db)
    .await?;
    let fee = |text: &String| text.parse::<u128>().map_err(|_| Error::Corrupt("fee"));
    rows.into_iter()
        .map(|row| {
            let fees = row.fees.iter().zip(&row.tips);
            let attempts = row.raws.iter().zip(&row.hashes).zip(fees).map(|((raw, tx_hash), (max, tip))| {
                Ok(Attempt {
                    raw: raw.clone().into(),
                    tx_hash: hash(tx_hash)?,
                    max_fee_per_gas: fee(max)?,
                    max_priority_fee_per_gas: fee(tip)?,
                })
            });
            Ok(Open {
                id: row.id,
                kind: row.kind,
                subject: hash(&row.subject)?,
                target: row.target.map(|target| address(&target)).transpose()?,
                data: row.data.into(),
                nonce: to_u64(row.nonce)?,
                gas_limit: to_u64(row.gas_limit)?,
                mined_in: row.block_number.map(to_u64).transpose()?,
                reorged: row.reorged,
                attempts: attempts.collect::<Result<_>>()?,
                age_seconds: to_u64(row.age)?,
            })
        })
        .collect()
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mined {
    pub tx_hash: B256,
    pub block_number: u64,
    pub gas_used: u64,
    pub succeeded: bool,
    /// No reorg can take it away any more.
    pub is_final: bool,
}

/// Records a receipt.
pub async fn mined(db: &mut PgConnection, id: i64, mined: &Mined) -> Result<()> {
    let state = match mined {
        Mined { succeeded: false, .. } => "failed",
        Mined { is_final: true, .. } => "final",
        Mined { .. } => "mined",
    };
    sqlx::query!(
        "update txs set state = $2, tx_hash = $3, block_number = $4, gas_used = $5,
                        error = case when $2 <> 'failed' then null when error = 'reorged' then 'reverted after a reorg'
                                     else 'reverted' end, updated_at = now() where id = $1",
        id,
        state,
        mined.tx_hash.as_slice(),
        to_i64(mined.block_number)?,
        to_i64(mined.gas_used)?,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A reorg took a mined transaction away: it is sent again as it was, for later nonces wait for it. Where another one for the same
/// purpose is under way meanwhile, this one only keeps its place.
pub async fn reopen(db: &mut PgConnection, id: i64) -> Result<()> {
    sqlx::query!(
        "update txs t set state = 'signed', error = 'reorged', block_number = null, gas_used = null, updated_at = now(),
             subject = case when exists (select from txs o where o.chain_id = t.chain_id and o.kind = t.kind
                                         and o.subject = t.subject and o.state in ('queued', 'signed'))
                       then sha256(subject || int8send(id)) else subject end
         where id = $1",
        id
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
