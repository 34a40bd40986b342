//! What became of signed transactions: mined, replaced, dropped, taken away by a reorg, or stuck at too low a fee.

use piecework_store::dues::{self, Refusal};
use piecework_store::txs::{self, Mined, Open};
use piecework_store::{PgPool, chains};

use crate::chain::{Chain, Receipt};
use crate::{Error, acquire, begin, commit};

/// Transactions looked after per round.
const LOOKED_AT_MAX: i64 = 64;
/// Unmined for so long, a transaction is signed again at a higher fee.
const BUMP_AFTER_SECONDS: u64 = 30;
/// Fees one transaction is signed with at most.
const ATTEMPTS_MAX: usize = 12;

/// Looks for receipts of what was sent, and sends again what has none.
pub async fn look(pool: &PgPool, chain: &Chain) -> Result<(), Error> {
    let mined_nonce = chain.mined_nonce().await?;
    let mut db = acquire(pool).await?;
    let finalized = chains::cursor(&mut db, chain.id).await?.map_or(0, |cursor| cursor.finalized.number);
    let open = txs::open(&mut db, chain.id, chain.operator(), mined_nonce, finalized, LOOKED_AT_MAX).await?;
    drop(db);
    for tx in open {
        match receipt(chain, &tx).await? {
            Some((mined, receipt)) => {
                let is_final = receipt.block_number <= finalized;
                record(pool, &tx, Mined { is_final, ..mined }, &receipt).await?;
            }
            None if tx.nonce < mined_nonce => {
                // Read once more: the receipt may have appeared between the two answers.
                if receipt(chain, &tx).await?.is_none() {
                    give_up(pool, &tx, "another transaction took its nonce").await?;
                }
            }
            None => send_again(pool, chain, &tx).await?,
        }
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

/// In one db_tx: the transaction's fate, and that what it paid is looked at again.
async fn record(pool: &PgPool, tx: &Open, mined: Mined, receipt: &Receipt) -> Result<(), Error> {
    let mut db_tx = begin(pool).await?;
    txs::mined(&mut db_tx, tx.id, &mined).await?;
    dues::take_back(&mut db_tx, tx.id).await?;
    if tx.mined_in.is_none() {
        for (id, reason) in &receipt.skipped {
            // Somebody else was faster.
            if reason.code == "nothing_new" {
                continue;
            }
            tracing::warn!(engagement = %id, code = reason.code, detail = reason.detail, tx = %mined.tx_hash, "skipped in a batch");
            dues::refuse(&mut db_tx, *id, Refusal::Mined, &reason.code, &reason.detail).await?;
        }
    }
    if !mined.succeeded {
        // A reorg is nobody's trick.
        let refusal = if tx.reorged { Refusal::Estimated } else { Refusal::Mined };
        for payment in dues::payments(&mut db_tx, tx.id).await? {
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
    dues::take_back(&mut db_tx, tx.id).await?;
    commit(db_tx).await?;
    tracing::warn!(kind = tx.kind, subject = %tx.subject, nonce = tx.nonce, why, "given up");
    Ok(())
}

/// Not mined, or not any more: the newest bytes once more, or new ones that pay more.
async fn send_again(pool: &PgPool, chain: &Chain, tx: &Open) -> Result<(), Error> {
    if tx.mined_in.is_some() {
        let mut db_tx = begin(pool).await?;
        txs::reopen(&mut db_tx, tx.id).await?;
        dues::reopen(&mut db_tx, tx.id).await?;
        commit(db_tx).await?;
        tracing::warn!(kind = tx.kind, subject = %tx.subject, nonce = tx.nonce, "a reorg took it away; sending it again");
    }
    let Some(newest) = tx.attempts.last() else { return Ok(()) };
    let mut raw = newest.raw.clone();
    if tx.age_seconds >= BUMP_AFTER_SECONDS && tx.attempts.len() < ATTEMPTS_MAX && tx.mined_in.is_none() {
        let fees = chain.fees().await?.replacing(newest);
        let attempt = chain.sign(tx.data.clone(), tx.nonce, tx.gas_limit, fees)?;
        let mut db_tx = begin(pool).await?;
        txs::add_attempt(&mut db_tx, tx.id, &attempt).await?;
        commit(db_tx).await?;
        tracing::info!(kind = tx.kind, subject = %tx.subject, nonce = tx.nonce, tx = %attempt.tx_hash, "signed again at a higher fee");
        raw = attempt.raw;
    }
    if let Err(err) = chain.send(&raw).await {
        // Usually "already known".
        tracing::debug!(tx = %newest.tx_hash, error = &err as &dyn std::error::Error, "sent again");
    }
    Ok(())
}
