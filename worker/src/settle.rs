//! What became of signed transactions: mined, replaced, dropped, taken away by a reorg, or stuck at too low a fee.

use piecework_contracts::Revert;
use piecework_domain::Address;
use piecework_domain::ids::EngagementId;
use piecework_store::dues::{self, Refusal};
use piecework_store::txs::{self, Attempt, Kind, Mined, Open};
use piecework_store::{PgPool, chains, payments};

use crate::chain::{Chain, Receipt, Refused};
use crate::outbox::GAS_MAX;
use crate::{Error, acquire, begin, commit, deposits};

/// Transactions looked after per round.
const LOOKED_AT_MAX: i64 = 64;
/// Unmined for so long, a transaction is signed again at a higher fee.
const BUMP_AFTER_SECONDS: u64 = 30;
/// Fees one transaction is signed with, unless gas gets dearer still.
const ATTEMPTS_MAX: usize = 12;

/// Looks for receipts of what was sent, and sends again what has none: this worker's transactions, and those of a key it had before.
pub async fn look(pool: &PgPool, chain: &Chain) -> Result<(), Error> {
    let senders = txs::senders(&mut *acquire(pool).await?, chain.id).await?;
    for sender in senders {
        look_at(pool, chain, sender).await?;
    }
    Ok(())
}

async fn look_at(pool: &PgPool, chain: &Chain, sender: Address) -> Result<(), Error> {
    let mined_nonce = chain.mined_nonce(sender).await?;
    let mut db = acquire(pool).await?;
    let finalized = chains::cursor(&mut db, chain.id).await?.map_or(0, |cursor| cursor.finalized.number);
    let open = txs::open(&mut db, chain.id, sender, mined_nonce, finalized, LOOKED_AT_MAX).await?;
    drop(db);
    let later = open.iter().any(|tx| tx.nonce > mined_nonce);
    if later && sender == chain.operator() && !open.iter().any(|tx| tx.nonce == mined_nonce) {
        fill_gap(pool, chain, mined_nonce).await?;
    }
    for tx in open {
        if tx.nonce >= mined_nonce {
            // Only the lowest nonce can be stuck at its fee; the others wait for it.
            let may_bump = sender == chain.operator() && tx.nonce == mined_nonce;
            send_again(pool, chain, &tx, may_bump).await?;
            continue;
        }
        match receipt(chain, &tx).await? {
            Some((mined, receipt)) => {
                let is_final = receipt.block_number <= finalized;
                record(pool, chain, &tx, Mined { is_final, ..mined }, &receipt).await?;
            }
            // Read once more: the receipt may have appeared between the two answers.
            None if receipt(chain, &tx).await?.is_none() => {
                give_up(pool, &tx, "another transaction took its nonce").await?;
            }
            None => {}
        }
    }
    Ok(())
}

/// A reorg can take away what used a nonce for good (a transaction that had reverted, or was somebody else's): until it is used, nothing
/// later is mined.
async fn fill_gap(pool: &PgPool, chain: &Chain, mined_nonce: u64) -> Result<(), Error> {
    let mut db_tx = begin(pool).await?;
    txs::lock_sender(&mut db_tx, chain.operator()).await?;
    let in_flight = txs::in_flight(&mut db_tx, chain.id, chain.operator(), mined_nonce).await?;
    if in_flight.first().is_some_and(|(lowest, _)| *lowest > mined_nonce) {
        let filler = chain.sign_filler(mined_nonce, chain.fees().await?)?;
        tracing::warn!(nonce = mined_nonce, tx = %filler.tx_hash, "filling a gap that later transactions wait for");
        send(chain, &filler).await;
    }
    Ok(())
}

/// The receipt of whichever attempt was mined.
async fn receipt(chain: &Chain, tx: &Open) -> Result<Option<(Mined, Receipt)>, Error> {
    for attempt in tx.attempts.iter().rev() {
        if let Some(receipt) = chain.receipt(attempt.tx_hash).await? {
            let Receipt { block_number, gas_used, succeeded, .. } = receipt;
            let tx_hash = attempt.tx_hash;
            return Ok(Some((Mined { tx_hash, block_number, gas_used, succeeded, is_final: false }, receipt)));
        }
    }
    Ok(None)
}

/// Whether it settles a payment by x402.
fn is_payment(tx: &Open) -> bool {
    tx.kind == Kind::X402.name()
}

/// Whether a redemption reverted because somebody else had redeemed the same before: nobody's fault, and no reason to wait.
async fn is_paid_by_another(chain: &Chain, tx: &Open) -> Result<bool, Error> {
    match chain.estimate(&tx.data, GAS_MAX).await {
        Ok(_) => Ok(false),
        Err(Refused::Reverts(Revert { code, .. })) => Ok(code == "nothing_new"),
        Err(Refused::Unknown(err)) => Err(err),
    }
}

/// In one db_tx: the transaction's fate, and that what it paid is looked at again.
async fn record(pool: &PgPool, chain: &Chain, tx: &Open, mined: Mined, receipt: &Receipt) -> Result<(), Error> {
    let payments = dues::payments(&mut *acquire(pool).await?, tx.id).await?;
    let skipped = receipt.skipped.iter().filter(|_| tx.mined_in.is_none());
    let unpaid: Vec<EngagementId> = match mined.succeeded {
        true => skipped.clone().map(|(id, _)| *id).collect(),
        false => payments.iter().map(|payment| payment.engagement).collect(),
    };
    // A reorg is nobody's trick, and of a batch it isn't known whose it was: each goes alone from now on.
    let alone = payments.len() == 1 && !tx.reorged && tx.mined_in.is_none();
    let overtaken = !mined.succeeded && alone && is_paid_by_another(chain, tx).await?;
    let mut db_tx = begin(pool).await?;
    txs::mined(&mut db_tx, tx.id, &mined).await?;
    if is_payment(tx) && tx.mined_in.is_none() {
        if !mined.succeeded {
            payments::tx_reverted(&mut db_tx, tx.id).await?;
        } else if let Some(bounty) = payments::tx_over(&mut db_tx, tx.id, Some(mined.tx_hash)).await? {
            deposits::post(&mut db_tx, chain, bounty).await?;
        }
    }
    dues::take_back(&mut db_tx, tx.id, &unpaid).await?;
    for (id, reason) in skipped {
        // Somebody else was faster.
        if reason.code == "nothing_new" {
            continue;
        }
        tracing::warn!(engagement = %id, code = reason.code, detail = reason.detail, tx = %mined.tx_hash, "skipped in a batch");
        dues::refuse(&mut db_tx, *id, Refusal::Mined, &reason.code, &reason.detail).await?;
    }
    if !mined.succeeded && !overtaken {
        let refusal = if alone { Refusal::Mined } else { Refusal::Estimated };
        for payment in payments {
            let detail = format!("transaction {}", mined.tx_hash);
            dues::refuse(&mut db_tx, payment.engagement, refusal, "reverted", &detail).await?;
        }
    }
    commit(db_tx).await?;
    if tx.mined_in.is_none() {
        let Mined { gas_used, succeeded, .. } = mined;
        metrics::counter!("piecework_worker_txs_total", "kind" => tx.kind.clone(), "ok" => succeeded.to_string())
            .increment(1);
        tracing::info!(kind = tx.kind, subject = %tx.subject, tx = %mined.tx_hash, gas_used, succeeded, "mined");
    }
    Ok(())
}

async fn give_up(pool: &PgPool, tx: &Open, why: &str) -> Result<(), Error> {
    let mut db_tx = begin(pool).await?;
    txs::fail(&mut db_tx, tx.id, why).await?;
    if is_payment(tx) {
        payments::tx_over(&mut db_tx, tx.id, None).await?;
    }
    let unpaid: Vec<_> = dues::payments(&mut db_tx, tx.id).await?.iter().map(|payment| payment.engagement).collect();
    dues::take_back(&mut db_tx, tx.id, &unpaid).await?;
    commit(db_tx).await?;
    tracing::warn!(kind = tx.kind, subject = %tx.subject, nonce = tx.nonce, why, "given up");
    Ok(())
}

/// Not mined, or not any more: the newest bytes once more, or new ones that pay more.
async fn send_again(pool: &PgPool, chain: &Chain, tx: &Open, may_bump: bool) -> Result<(), Error> {
    if tx.mined_in.is_some() {
        let mut db_tx = begin(pool).await?;
        txs::reopen(&mut db_tx, tx.id).await?;
        dues::reopen(&mut db_tx, tx.id).await?;
        if is_payment(tx) {
            payments::tx_reopened(&mut db_tx, tx.id).await?;
        }
        commit(db_tx).await?;
        tracing::warn!(kind = tx.kind, subject = %tx.subject, nonce = tx.nonce, "a reorg took it away; sending it again");
    }
    let Some(newest) = tx.attempts.last() else { return Ok(()) };
    let is_stuck = may_bump && tx.age_seconds >= BUMP_AFTER_SECONDS && tx.mined_in.is_none();
    let bumped = if is_stuck { bump(pool, chain, tx, newest).await? } else { None };
    send(chain, bumped.as_ref().unwrap_or(newest)).await;
    Ok(())
}

/// Signs and stores a transaction that replaces its newest attempt. A chain that stands still is not won over by fees: after some, only a
/// higher price is a reason.
async fn bump(pool: &PgPool, chain: &Chain, tx: &Open, newest: &Attempt) -> Result<Option<Attempt>, Error> {
    let today = chain.fees().await?;
    if tx.attempts.len() >= ATTEMPTS_MAX && today.max_fee_per_gas <= newest.max_fee_per_gas {
        return Ok(None);
    }
    let attempt = chain.sign(tx.target, tx.data.clone(), tx.nonce, tx.gas_limit, today.replacing(newest))?;
    let mut db_tx = begin(pool).await?;
    txs::add_attempt(&mut db_tx, tx.id, &attempt).await?;
    commit(db_tx).await?;
    tracing::info!(kind = tx.kind, subject = %tx.subject, nonce = tx.nonce, tx = %attempt.tx_hash, "signed again at a higher fee");
    Ok(Some(attempt))
}

async fn send(chain: &Chain, attempt: &Attempt) {
    if let Err(err) = chain.send(&attempt.raw).await {
        // Usually "already known".
        tracing::debug!(tx = %attempt.tx_hash, error = &err as &dyn std::error::Error, "sent again");
    }
}
