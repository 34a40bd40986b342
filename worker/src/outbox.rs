//! From decision to sent bytes. A transaction is signed and stored in one db_tx, with what it pays, before it is sent: a crash at any
//! point leaves either a decision or bytes whose fate the chain knows (`settle.rs`).

use alloy::primitives::keccak256;
use piecework_contracts::Revert;
use piecework_domain::money::NATIVE;
use piecework_domain::{Address, B256, Bytes, U256};
use piecework_store::dues::{self, Payment};
use piecework_store::txs::{self, Attempt, Kind};
use piecework_store::{OffsetDateTime, PgConnection, PgPool};

use crate::chain::{Chain, Fees, Refused};
use crate::{Error, begin, commit};

/// Transactions under way at most: what nodes keep of one account.
const IN_FLIGHT_MAX: usize = 64;
/// No honest call of ours comes near this; a hostile token's could.
pub const GAS_MAX: u64 = 1_000_000;

/// What came of sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Signed and stored; it will be sent until its fate is known.
    Yes(B256),
    /// Another transaction does this already.
    UnderWay,
    /// Too many are under way.
    Full,
    /// The operator's account can't pay for it.
    LowBalance(String),
}

/// Sends `data`, which was tried, takes `gas` and redeems `payments`, taken until `leases`: they are under way from then on.
pub async fn pay(
    pool: &PgPool,
    chain: &Chain,
    data: Bytes,
    gas: u64,
    payments: &[Payment],
    leases: &[OffsetDateTime],
) -> Result<Sent, Error> {
    let mut db_tx = begin(pool).await?;
    txs::lock_sender(&mut db_tx, chain.operator()).await?;
    let Some(id) = txs::queue(&mut db_tx, chain.id, Kind::Redeem, keccak256(&data), &data).await? else {
        return Ok(Sent::UnderWay);
    };
    let call = Call { target: None, data, gas };
    let attempt = match Purse::open(&mut db_tx, chain).await?.sign(&mut db_tx, chain, id, call).await? {
        Ok(attempt) => attempt,
        Err(not_sent) => return Ok(not_sent),
    };
    // Last: the API writes these rows, too, and must not wait for an endpoint.
    if !dues::hand_over(&mut db_tx, id, payments, leases).await? {
        return Ok(Sent::UnderWay);
    }
    commit(db_tx).await?;
    send(chain, &attempt).await;
    Ok(Sent::Yes(attempt.tx_hash))
}

/// Signs and sends what is queued. True if there may be more.
pub async fn send_next(pool: &PgPool, chain: &Chain) -> Result<bool, Error> {
    let mut db_tx = begin(pool).await?;
    let Some(queued) = txs::take_queued(&mut db_tx, chain.id).await? else {
        return Ok(false);
    };
    let gas = match chain.estimate(&queued.data, GAS_MAX).await {
        Ok(gas) => gas,
        Err(Refused::Unknown(err)) => return Err(err),
        Err(Refused::Reverts(Revert { code, detail })) => {
            // Not sent, so nothing is burned. "Already done" is what a second sender hears, and is fine.
            txs::fail(&mut db_tx, queued.id, &code).await?;
            commit(db_tx).await?;
            tracing::warn!(kind = queued.kind, subject = %queued.subject, code, detail, "not sent: it would revert");
            return Ok(true);
        }
    };
    txs::lock_sender(&mut db_tx, chain.operator()).await?;
    let call = Call { target: None, data: queued.data, gas };
    let signed = Purse::open(&mut db_tx, chain).await?.sign(&mut db_tx, chain, queued.id, call).await?;
    let Ok(attempt) = signed else { return Ok(false) };
    commit(db_tx).await?;
    send(chain, &attempt).await;
    Ok(true)
}

/// The operator's account while its lock is held: which nonces and how much money its next transactions have.
pub struct Purse {
    mined_nonce: u64,
    open: Vec<u64>,
    committed: u128,
    held: U256,
    fees: Fees,
}

/// A call to be signed.
pub struct Call {
    /// The escrow where that is `None`.
    pub target: Option<Address>,
    pub data: Bytes,
    pub gas: u64,
}

impl Purse {
    /// The caller holds the sender's lock.
    pub async fn open(db_tx: &mut PgConnection, chain: &Chain) -> Result<Self, Error> {
        let operator = chain.operator();
        // Others wait for the lock: what the endpoint has to say is asked for at once.
        let asked = futures::try_join!(chain.mined_nonce(operator), chain.fees(), chain.balance(operator, NATIVE));
        let (mined_nonce, fees, held) = asked?;
        let in_flight = txs::in_flight(db_tx, chain.id, operator, mined_nonce).await?;
        Ok(Self {
            mined_nonce,
            open: in_flight.iter().map(|(nonce, _)| *nonce).collect(),
            committed: in_flight.iter().fold(0_u128, |sum, (_, cost)| sum.saturating_add(*cost)),
            fees,
            held: held.0,
        })
    }

    /// Signs a decided transaction with the next free nonce and stores it, unless the account can't take it.
    pub async fn sign(
        &mut self,
        db_tx: &mut PgConnection,
        chain: &Chain,
        id: i64,
        call: Call,
    ) -> Result<Result<Attempt, Sent>, Error> {
        if self.open.len() >= IN_FLIGHT_MAX {
            return Ok(Err(Sent::Full));
        }
        // Estimates are exact for one state; the state moves.
        let gas_limit = call.gas + call.gas / 4;
        let cost_max = self.fees.max_fee_per_gas.saturating_mul(gas_limit.into());
        let needed = U256::from(self.committed).saturating_add(U256::from(cost_max));
        let held = self.held;
        metrics::gauge!("piecework_worker_balance_low").set(if held < needed { 1.0 } else { 0.0 });
        if held < needed {
            let operator = chain.operator();
            let detail = format!("the operator {operator} holds {held} wei, its transactions can take {needed}");
            tracing::error!(%operator, %held, %needed, "nothing is sent: the operator's balance is too low");
            return Ok(Err(Sent::LowBalance(detail)));
        }
        let nonce = first_free(self.mined_nonce, &self.open);
        let attempt = chain.sign(call.target, call.data, nonce, gas_limit, self.fees)?;
        txs::sign(db_tx, id, chain.operator(), nonce, gas_limit, &attempt).await?;
        self.open.push(nonce);
        self.open.sort_unstable();
        self.committed = self.committed.saturating_add(cost_max);
        Ok(Ok(attempt))
    }
}

/// The lowest nonce that is neither mined nor under way. A reorg can leave a gap below what is under way; until somebody
/// fills it, nothing above it is mined.
fn first_free(mined_nonce: u64, open: &[u64]) -> u64 {
    open.iter()
        .filter(|nonce| **nonce >= mined_nonce)
        .fold(mined_nonce, |free, nonce| if *nonce == free { free + 1 } else { free })
}

pub async fn send(chain: &Chain, attempt: &Attempt) {
    if let Err(err) = chain.send(&attempt.raw).await {
        tracing::warn!(tx = %attempt.tx_hash, error = &err as &dyn std::error::Error, "sending failed; it will be sent again");
    }
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
