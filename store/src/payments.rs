//! Payments by EIP-3009 authorization. Written by the API (pending) and by the worker (what became of them).

use std::time::Duration;

use piecework_domain::ids::BountyId;
use piecework_domain::money::Amount;
use piecework_domain::x402::exact::{self, Asset};
use piecework_domain::{Address, B256, U256};
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::convert::{address, amount, hash, to_i64};
use crate::error::OnConstraint;
use crate::{Error, Result};

/// Failed payments older than a week that are forgotten with each new one: anybody can make any number of them.
const FORGOTTEN_AT_ONCE: i64 = 10;

/// A payment to be settled.
#[derive(Clone, Debug)]
pub struct New<'a> {
    pub asset: &'a Asset,
    pub payment: &'a exact::Payment,
    /// As the payer sent it.
    pub payload: &'a Value,
    pub bounty: Option<BountyId>,
    pub identifier: Option<&'a str>,
    pub signer: exact::Signer,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Pending,
    /// Its transaction is signed; whether it is mined is not known yet.
    Sent {
        tx_hash: B256,
    },
    Settled {
        tx_hash: B256,
    },
    Failed {
        reason: String,
        detail: String,
    },
}

#[derive(Clone, Debug)]
pub struct Payment {
    pub id: B256,
    pub payer: Address,
    pub pay_to: Address,
    pub amount: Amount,
    pub bounty: Option<BountyId>,
    pub identifier: Option<String>,
    pub state: State,
}

/// Stores a payment unless what it uses up is known already, and returns what stands. `Conflict("payment_in_progress")`: somebody else's for
/// the same bounty is under way. `Conflict("payment_identifier_used")`: the name is another payment's. One that failed can be tried again.
pub async fn put(db: &mut PgConnection, new: &New<'_>) -> Result<Payment> {
    let id = new.payment.id(new.asset);
    sqlx::query!(
        "delete from x402_payments where id in (
             select id from x402_payments where state = 'failed' and created_at < now() - interval '7 days'
             order by created_at limit $1 for update skip locked)",
        FORGOTTEN_AT_ONCE
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "insert into x402_payments (id, chain_id, asset, payer, pay_to, amount, payload, bounty_id, identifier, known_signer)
         values ($1, $2, $3, $4, $5, $6::text::numeric, $7, $8, $9, $10)
         on conflict (id) do update set state = 'pending', reason = null, detail = null, payload = excluded.payload,
             known_signer = excluded.known_signer, pay_to = excluded.pay_to, amount = excluded.amount, bounty_id = excluded.bounty_id
         where x402_payments.state = 'failed'",
        id.as_slice(),
        to_i64(new.asset.chain_id)?,
        new.asset.token.as_slice(),
        new.payment.from.as_slice(),
        new.payment.to.as_slice(),
        new.payment.value.to_string(),
        new.payload,
        new.bounty.as_ref().map(|bounty| bounty.0.as_slice()),
        new.identifier,
        new.signer == exact::Signer::Key,
    )
    .execute(&mut *db)
    .await
    .on_constraint("x402_one_per_bounty", "payment_in_progress")
    .on_constraint("x402_identifier_once", "payment_identifier_used")?;
    get(db, id).await?.ok_or(Error::Corrupt("payment"))
}

pub async fn get(db: &mut PgConnection, id: B256) -> Result<Option<Payment>> {
    let row = sqlx::query!(
        r#"select payer, pay_to, amount::text as "amount!", bounty_id, identifier, state, tx_hash, reason, detail
           from x402_payments where id = $1"#,
        id.as_slice()
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        let tx_hash = row.tx_hash.map(|tx_hash| hash(&tx_hash)).transpose()?;
        let state = match (row.state.as_str(), tx_hash) {
            ("sent", Some(tx_hash)) => State::Sent { tx_hash },
            ("settled", Some(tx_hash)) => State::Settled { tx_hash },
            ("failed", _) => {
                State::Failed { reason: row.reason.unwrap_or_default(), detail: row.detail.unwrap_or_default() }
            }
            _ => State::Pending,
        };
        Ok(Payment {
            id,
            payer: address(&row.payer)?,
            pay_to: address(&row.pay_to)?,
            amount: amount(&row.amount)?,
            bounty: row.bounty_id.map(|bounty| hash(&bounty).map(BountyId)).transpose()?,
            identifier: row.identifier,
            state,
        })
    })
    .transpose()
}

/// Whether nobody has been told yet that this payment is settled; from now on somebody has.
pub async fn tell(db: &mut PgConnection, id: B256) -> Result<bool> {
    let done = sqlx::query!(
        "update x402_payments set told = true where id = $1 and state = 'settled' and not told",
        id.as_slice()
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What `payer` has under way in a token, sent and not known to be mined: how many and how much.
pub async fn under_way(db: &mut PgConnection, chain_id: u64, token: Address, payer: Address) -> Result<(i64, U256)> {
    let row = sqlx::query!(
        r#"select count(*) as "count!", coalesce(sum(amount), 0)::text as "sum!" from x402_payments
           where chain_id = $1 and asset = $2 and payer = $3 and state = 'sent'"#,
        to_i64(chain_id)?,
        token.as_slice(),
        payer.as_slice(),
    )
    .fetch_one(db)
    .await?;
    Ok((row.count, amount(&row.sum).map_or(U256::MAX, |sum| sum.0)))
}

/// The payment that has this name.
pub async fn named(db: &mut PgConnection, identifier: &str) -> Result<Option<B256>> {
    let row = sqlx::query!("select id from x402_payments where identifier = $1", identifier).fetch_optional(db).await?;
    row.map(|row| hash(&row.id)).transpose()
}

/// How many wait whose signer only the chain knows.
pub async fn doubtful(db: &mut PgConnection, chain_id: u64) -> Result<i64> {
    let row = sqlx::query!(
        r#"select count(*) as "count!" from x402_payments where chain_id = $1 and state = 'pending' and not known_signer"#,
        to_i64(chain_id)?
    )
    .fetch_one(db)
    .await?;
    Ok(row.count)
}

/// A payment to look at.
#[derive(Clone, Debug)]
pub struct Pending {
    pub id: B256,
    pub asset: Address,
    pub payload: Value,
    pub bounty: Option<BountyId>,
    /// Whether the signature is the payer's key's; a smart account's only the token can tell.
    pub known_signer: bool,
    /// A transaction of it reverted, or within a day one of the same payer: what that has when asked is not what it has then.
    pub reverted: bool,
}

/// Takes the oldest pending ones, those with a known signer first; other workers don't see them for `lease`.
pub async fn take(db: &mut PgConnection, chain_id: u64, lease: Duration, limit: i64) -> Result<Vec<Pending>> {
    let rows = sqlx::query!(
        r#"update x402_payments set taken_until = now() + $2::float8 * interval '1 second'
           where id in (select id from x402_payments where chain_id = $1 and state = 'pending'
                        and (taken_until is null or taken_until <= now())
                        order by known_signer desc, created_at limit $3 for update skip locked)
           returning id, asset, payload as "payload: Json<Value>", bounty_id, known_signer, reverted or exists (
               select 1 from x402_payments other where other.asset = x402_payments.asset and other.payer = x402_payments.payer
               and other.reverted and other.created_at > now() - interval '1 day') as "reverted!""#,
        to_i64(chain_id)?,
        lease.as_secs_f64(),
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Pending {
                id: hash(&row.id)?,
                asset: address(&row.asset)?,
                payload: row.payload.0,
                bounty: row.bounty_id.map(|bounty| hash(&bounty).map(BountyId)).transpose()?,
                known_signer: row.known_signer,
                reverted: row.reverted,
            })
        })
        .collect()
}

/// Its transaction is signed and stored. False, and nothing done, if it is not pending any more.
pub async fn sent(db: &mut PgConnection, id: B256, tx: i64, tx_hash: B256) -> Result<bool> {
    let done = sqlx::query!(
        "update x402_payments set state = 'sent', tx_id = $2, tx_hash = $3, taken_until = null where id = $1 and state = 'pending'",
        id.as_slice(),
        tx,
        tx_hash.as_slice(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Somebody else submitted the authorization: it is settled all the same.
pub async fn settled_by_another(db: &mut PgConnection, id: B256, tx_hash: B256) -> Result<()> {
    sqlx::query!(
        "update x402_payments set state = 'settled', tx_id = null, tx_hash = $2, taken_until = null where id = $1 and state = 'pending'",
        id.as_slice(),
        tx_hash.as_slice(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Those of the last day that somebody else submitted, each with its transaction; the same are not returned again for half a minute.
pub async fn settled_by_others(db: &mut PgConnection, chain_id: u64, limit: i64) -> Result<Vec<(B256, B256)>> {
    let rows = sqlx::query!(
        r#"update x402_payments set taken_until = now() + interval '30 seconds'
           where id in (select id from x402_payments where chain_id = $1 and state = 'settled' and tx_id is null
                        and created_at > now() - interval '1 day' and (taken_until is null or taken_until <= now())
                        order by created_at desc limit $2 for update skip locked)
           returning id, tx_hash as "tx_hash!""#,
        to_i64(chain_id)?,
        limit
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| Ok((hash(&row.id)?, hash(&row.tx_hash)?))).collect()
}

/// The transaction by which somebody else settled it is gone: it is pending again, unless another payment of its bounty is.
pub async fn reopen(db: &mut PgConnection, id: B256, tx_hash: B256) -> Result<()> {
    sqlx::query!(
        "update x402_payments set state = 'pending', tx_hash = null, taken_until = null
         where id = $1 and state = 'settled' and tx_id is null and tx_hash = $2
           and not exists (select from x402_payments other where other.bounty_id = x402_payments.bounty_id
                           and other.state in ('pending', 'sent'))",
        id.as_slice(),
        tx_hash.as_slice()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// It can't be settled. No money has moved.
pub async fn failed(db: &mut PgConnection, id: B256, reason: &str, detail: &str) -> Result<()> {
    sqlx::query!(
        "update x402_payments set state = 'failed', reason = $2, detail = $3, tx_id = null, tx_hash = null, taken_until = null
         where id = $1 and state = 'pending'",
        id.as_slice(),
        reason,
        detail,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Lets others look at it soon.
pub async fn release(db: &mut PgConnection, id: B256, seconds: u32) -> Result<()> {
    sqlx::query!(
        "update x402_payments set taken_until = now() + $2::float8 * interval '1 second' where id = $1 and state = 'pending'",
        id.as_slice(),
        f64::from(seconds),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Its transaction was mined, or came to nothing: then it is pending again, for somebody else may have submitted the authorization. Returns
/// the bounty that was paid for.
pub async fn tx_over(db: &mut PgConnection, tx: i64, mined: Option<B256>) -> Result<Option<BountyId>> {
    let row = sqlx::query!(
        "update x402_payments set state = case when $2::bytea is null then 'pending' else 'settled' end, taken_until = null,
             tx_hash = $2, tx_id = case when $2::bytea is null then null else tx_id end
         where tx_id = $1 and state in ('sent', 'settled') returning bounty_id",
        tx,
        mined.as_ref().map(|tx_hash| tx_hash.as_slice()),
    )
    .fetch_optional(db)
    .await?;
    let bounty = row.filter(|_| mined.is_some()).and_then(|row| row.bounty_id);
    bounty.map(|bounty| hash(&bounty).map(BountyId)).transpose()
}

/// Its transaction was mined and reverted. It is pending once more, to find out whether somebody else submitted the authorization.
pub async fn tx_reverted(db: &mut PgConnection, tx: i64) -> Result<()> {
    sqlx::query!("update x402_payments set reverted = true where tx_id = $1 and state = 'sent'", tx)
        .execute(&mut *db)
        .await?;
    tx_over(db, tx, None).await.map(drop)
}

/// A reorg took its transaction away: it is not known any more whether it is settled.
pub async fn tx_reopened(db: &mut PgConnection, tx: i64) -> Result<()> {
    sqlx::query!("update x402_payments set state = 'sent' where tx_id = $1 and state = 'settled'", tx)
        .execute(db)
        .await?;
    Ok(())
}
