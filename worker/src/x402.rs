//! Authorizations of payers become transfers: each is tried, signed and stored before it is sent, and settled once however often it came.

use futures::StreamExt;
use piecework_contracts::Revert;
use piecework_contracts::x402::{
    authorization_state, authorization_state_call, authorization_used_topics, is_transfer_of,
    transfer_with_authorization_call,
};
use piecework_domain::x402::Reason;
use piecework_domain::x402::exact::Payment;
use piecework_domain::{B256, Bytes, U256};
use piecework_store::PgPool;
use piecework_store::payments::{self as stored, Pending};
use piecework_store::txs::{self, Attempt, Kind};

use crate::chain::{Chain, Refused};
use crate::outbox::{self, Call, GAS_MAX, Purse};
use crate::run::Config;
use crate::{Error, acquire, begin, clock, commit, deposits};

/// Payments settled together.
const TAKEN_MAX: i64 = 32;
const SIDE_BY_SIDE: usize = 16;
/// Payments of one payer on their way at once: a payer that moves its money away makes all of them revert, at the operator's cost.
const OF_PAYER_MAX: i64 = 4;
/// Payments that others submitted, looked at again per round.
const LOOKED_AT_MAX: i64 = 32;
/// Until what this worker or its endpoint could not do is tried again.
const RETRY_SECONDS: u32 = 2;

/// What trying a payment came to.
enum Tried {
    Ready(Box<Payment>, Bytes, u64),
    /// Somebody else submitted it, in that transaction.
    Settled(B256),
    Failed(Reason, String),
    /// The endpoint didn't answer.
    Unknown(Error),
}

/// A payment that can be sent.
struct Ready {
    pending: Pending,
    payment: Box<Payment>,
    data: Bytes,
    gas: u64,
}

/// Settles what is pending, until nothing is.
pub async fn look(pool: &PgPool, chain: &Chain, config: &Config) -> Result<(), Error> {
    loop {
        let taken = stored::take(&mut *acquire(pool).await?, chain.id, config.lease, TAKEN_MAX).await?;
        if taken.is_empty() {
            return Ok(());
        }
        let mut tried = futures::stream::iter(taken)
            .map(|pending| async move {
                let tried = attempt(chain, config, &pending).await;
                (pending, tried)
            })
            .buffer_unordered(SIDE_BY_SIDE);
        let mut ready = Vec::new();
        while let Some((pending, tried)) = tried.next().await {
            match tried {
                Tried::Ready(payment, data, gas) => ready.push(Ready { pending, payment, data, gas }),
                other => note(pool, chain, &pending, other).await?,
            }
        }
        if !send(pool, chain, ready).await? {
            return Ok(());
        }
    }
}

/// A reorg can take away the transaction by which somebody else settled a payment: then it is not known any more whether it is.
pub async fn look_at_others(pool: &PgPool, chain: &Chain) -> Result<(), Error> {
    let settled = stored::settled_by_others(&mut *acquire(pool).await?, chain.id, LOOKED_AT_MAX).await?;
    for (id, tx_hash) in settled {
        // Read twice: one endpoint of several may be behind.
        if chain.receipt(tx_hash).await?.is_none() && chain.receipt(tx_hash).await?.is_none() {
            tracing::warn!(payment = %id, tx = %tx_hash, "the transaction that settled a payment is gone");
            stored::reopen(&mut *acquire(pool).await?, id, tx_hash).await?;
        }
    }
    Ok(())
}

async fn attempt(chain: &Chain, config: &Config, pending: &Pending) -> Tried {
    let payment = match Payment::read(&pending.payload) {
        Ok(payment) => payment,
        Err(reason) => return Tried::Failed(reason, reason.to_string()),
    };
    // What the operator pays gas for may have changed since it was accepted.
    let worth = config.relay.tokens.get(&pending.asset).is_some_and(|least| payment.value >= U256::from(*least));
    if !worth {
        return Tried::Failed(Reason::Requirements, "this token or amount is not relayed here".to_owned());
    }
    if pending.reverted {
        let reverted = Revert {
            code: "reverted".to_owned(),
            detail: "this or another payment of the payer did when it was sent, less than a day ago".to_owned(),
        };
        return why(chain, pending, &payment, reverted).await.unwrap_or_else(Tried::Unknown);
    }
    if payment.is_late(clock::now()) {
        // It may be settled already, by somebody else.
        let late = Revert { code: "too_late".to_owned(), detail: "it could run out before it is mined".to_owned() };
        return why(chain, pending, &payment, late).await.unwrap_or_else(Tried::Unknown);
    }
    let data = transfer_with_authorization_call(&payment);
    match chain.estimate_at(pending.asset, &data, GAS_MAX).await {
        Ok(gas) => Tried::Ready(Box::new(payment), data, gas),
        Err(Refused::Unknown(err)) => Tried::Unknown(err),
        Err(Refused::Reverts(revert)) => why(chain, pending, &payment, revert).await.unwrap_or_else(Tried::Unknown),
    }
}

/// Why the token refuses a payment, as far as it can be told.
async fn why(chain: &Chain, pending: &Pending, payment: &Payment, revert: Revert) -> Result<Tried, Error> {
    let asked = chain.call(pending.asset, authorization_state_call(payment.from, payment.nonce)).await?;
    if asked.as_ref().and_then(|answer| authorization_state(answer)) == Some(true) {
        let topics = authorization_used_topics(payment.from, payment.nonce);
        let Some(used) = chain.find_log(pending.asset, topics).await? else {
            return Ok(Tried::Failed(Reason::State, "the authorization was canceled, or used long ago".to_owned()));
        };
        // A payer can sign two authorizations with one nonce: what was used need not be this one.
        let next = chain.log_after(&used).await?;
        let paid = next.is_some_and(|next| is_transfer_of(&next.inner, pending.asset, payment));
        return Ok(match used.transaction_hash.filter(|_| paid) {
            Some(tx_hash) => Tried::Settled(tx_hash),
            None => Tried::Failed(Reason::State, "another authorization with this nonce was used".to_owned()),
        });
    }
    let reason = if chain.balance(payment.from, pending.asset).await?.0 < payment.value {
        Reason::Funds
    } else if payment.is_late(clock::now()) {
        Reason::ValidBefore
    } else {
        Reason::State
    };
    Ok(Tried::Failed(reason, format!("the token refuses it: {} {}", revert.code, revert.detail)))
}

async fn note(pool: &PgPool, chain: &Chain, pending: &Pending, tried: Tried) -> Result<(), Error> {
    let id = pending.id;
    let mut db_tx = begin(pool).await?;
    match tried {
        Tried::Ready(..) => {}
        Tried::Settled(tx) => {
            stored::settled_by_another(&mut db_tx, id, tx).await?;
            if let Some(bounty) = pending.bounty {
                deposits::post(&mut db_tx, chain, bounty).await?;
            }
            tracing::info!(payment = %id, %tx, "settled by somebody else");
        }
        Tried::Failed(reason, detail) => {
            tracing::info!(payment = %id, reason = reason.code(), detail, "a payment can't be settled");
            stored::failed(&mut db_tx, id, reason.code(), &detail).await?;
        }
        Tried::Unknown(err) => {
            tracing::warn!(payment = %id, error = &err as &dyn std::error::Error, "payment not settled; trying again");
            stored::release(&mut db_tx, id, RETRY_SECONDS).await?;
        }
    }
    commit(db_tx).await
}

/// Signs and stores all of `ready` in one db_tx, then sends them. False if there is no use in more now.
async fn send(pool: &PgPool, chain: &Chain, ready: Vec<Ready>) -> Result<bool, Error> {
    if ready.is_empty() {
        return Ok(true);
    }
    let mut db_tx = begin(pool).await?;
    txs::lock_sender(&mut db_tx, chain.operator()).await?;
    let mut purse = Purse::open(&mut db_tx, chain).await?;
    let mut attempts: Vec<Attempt> = Vec::with_capacity(ready.len());
    let mut go_on = true;
    for Ready { pending: Pending { id, asset, known_signer, .. }, payment, data, gas } in ready {
        // Each was tried by itself: what a payer holds must be enough for all that it has under way, or the operator pays for reverts.
        // What a smart account has under way shows first whether it does what it says.
        let (count, under_way) = stored::under_way(&mut db_tx, chain.id, asset, payment.from).await?;
        if count > 0 {
            let needed = under_way.saturating_add(payment.value);
            if count >= OF_PAYER_MAX || !known_signer || chain.balance(payment.from, asset).await?.0 < needed {
                stored::release(&mut db_tx, id, RETRY_SECONDS).await?;
                continue;
            }
        }
        let queued = txs::queue_to(&mut db_tx, chain.id, Kind::X402, id, Some(asset), &data).await?;
        let Some(tx) = queued else {
            stored::release(&mut db_tx, id, RETRY_SECONDS).await?;
            continue;
        };
        let call = Call { target: Some(asset), data, gas };
        match purse.sign(&mut db_tx, chain, tx, call).await? {
            Ok(attempt) => {
                stored::sent(&mut db_tx, id, tx, attempt.tx_hash).await?;
                attempts.push(attempt);
            }
            Err(not_sent) => {
                txs::fail(&mut db_tx, tx, "not_sent").await?;
                stored::release(&mut db_tx, id, RETRY_SECONDS).await?;
                tracing::warn!(payment = %id, ?not_sent, "payment waits");
                go_on = false;
            }
        }
    }
    commit(db_tx).await?;
    futures::stream::iter(&attempts).for_each_concurrent(SIDE_BY_SIDE, |attempt| outbox::send(chain, attempt)).await;
    Ok(go_on)
}
