//! From decision to receipt. A transaction is signed and stored in one db_tx, before it is sent; from then on every attempt
//! sends the same bytes. So a crash at any point leaves either a decision or bytes whose fate the chain knows.

use piecework_contracts::Revert;
use piecework_store::{PgPool, txs};

use crate::Error;
use crate::chain::{Chain, Refused};

/// Transactions looked after per round.
const IN_FLIGHT_MAX: i64 = 64;
/// No honest call of ours comes near this; a hostile token's could.
const GAS_MAX: u64 = 1_500_000;

/// Signs and sends what is queued. True if there may be more.
pub async fn send_next(pool: &PgPool, chain: &Chain) -> Result<bool, Error> {
    let mut db_tx = pool.begin().await.map_err(piecework_store::Error::from)?;
    let Some(queued) = txs::take_queued(&mut db_tx, chain.id).await? else {
        return Ok(false);
    };
    txs::lock_sender(&mut db_tx, chain.operator()).await?;
    let gas = match chain.estimate(&queued.data).await {
        Ok(gas) => gas,
        Err(Refused::Unknown(err)) => return Err(err),
        Err(Refused::Reverts(Revert { code, detail })) => {
            // Not sent, so nothing is burned. "Already done" is what a second sender hears, and is fine.
            txs::fail(&mut db_tx, queued.id, &code).await?;
            db_tx.commit().await.map_err(piecework_store::Error::from)?;
            tracing::warn!(kind = queued.kind, subject = %queued.subject, code, detail, "not sent: it would revert");
            return Ok(true);
        }
    };
    if gas > GAS_MAX {
        txs::fail(&mut db_tx, queued.id, "gas_above_limit").await?;
        db_tx.commit().await.map_err(piecework_store::Error::from)?;
        tracing::warn!(kind = queued.kind, subject = %queued.subject, gas, "not sent: it would burn too much gas");
        return Ok(true);
    }
    let open = txs::open_nonces(&mut db_tx, chain.id, chain.operator()).await?;
    let nonce = first_free(chain.mined_nonce().await?, &open);
    let signed = chain.sign(queued.data, nonce, gas).await?;
    txs::sign(&mut db_tx, queued.id, chain.operator(), nonce, &signed.raw, signed.hash).await?;
    db_tx.commit().await.map_err(piecework_store::Error::from)?;
    if let Err(err) = chain.send(&signed.raw).await {
        tracing::warn!(tx = %signed.hash, error = &err as &dyn std::error::Error, "sending failed; it will be sent again");
    }
    Ok(true)
}

/// The lowest nonce that is neither mined nor under way. A reorg can leave a gap below what is under way; until somebody
/// fills it, nothing above it is mined.
fn first_free(mined_nonce: u64, open: &[u64]) -> u64 {
    open.iter()
        .filter(|nonce| **nonce >= mined_nonce)
        .fold(mined_nonce, |free, nonce| if *nonce == free { free + 1 } else { free })
}

/// Looks for receipts of what was sent, and sends again what has none.
pub async fn settle(pool: &PgPool, chain: &Chain) -> Result<(), Error> {
    let mut db = pool.acquire().await.map_err(piecework_store::Error::from)?;
    let open = txs::signed(&mut db, chain.id, chain.operator(), IN_FLIGHT_MAX).await?;
    if open.is_empty() {
        return Ok(());
    }
    let mined_nonce = chain.mined_nonce().await?;
    for tx in open {
        if let Some((block, gas_used, succeeded)) = chain.receipt(tx.tx_hash).await? {
            let error = (!succeeded).then_some("reverted");
            txs::mined(&mut db, tx.id, block, gas_used, error).await?;
            metrics::counter!("piecework_worker_txs_total", "kind" => tx.kind.clone(), "ok" => succeeded.to_string())
                .increment(1);
            tracing::info!(kind = tx.kind, subject = %tx.subject, tx = %tx.tx_hash, gas_used, succeeded, "mined");
        } else if tx.nonce < mined_nonce {
            // Read once more: the receipt may have appeared between the two answers.
            if chain.receipt(tx.tx_hash).await?.is_none() {
                txs::fail(&mut db, tx.id, "another transaction took its nonce").await?;
                tracing::warn!(kind = tx.kind, tx = %tx.tx_hash, nonce = tx.nonce, "replaced");
            }
        } else if let Err(err) = chain.send(&tx.raw).await {
            // Usually "already known".
            tracing::debug!(tx = %tx.tx_hash, error = &err as &dyn std::error::Error, "sent again");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::first_free;

    #[test]
    fn the_next_nonce_fills_the_gap_a_reorg_left() {
        assert_eq!(first_free(7, &[]), 7);
        assert_eq!(first_free(7, &[7, 8]), 9);
        assert_eq!(first_free(7, &[8, 9]), 7);
        assert_eq!(first_free(7, &[5, 6, 7]), 8);
    }
}
