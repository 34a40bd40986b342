//! The verifier's own account on the settlement chain: it sends without waiting, and never gets stuck.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy::eips::eip1559::Eip1559Estimation;
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::TransactionRequest;
use piecework_domain::{Address, B256, Bytes, U256};
use tokio::time::Instant;

use crate::Error;
use crate::error::rpc;

/// No honest call of a verifier takes more; with a hostile token it could.
const GAS_MAX: u64 = 3_000_000;
/// Transactions under way at once.
const PENDING_MAX: usize = 16;
/// After it, what is not mined is sent again at a higher price.
const MINED_WITHIN: Duration = Duration::from_secs(30);
/// Times a price is raised, 1.25 each, while gas gets no dearer: a chain that stands still must not cost more the longer it does.
const RAISES_MAX: u32 = 8;

/// Only this process may send from the account.
pub struct Account {
    provider: DynProvider,
    pub me: Address,
    /// By nonce.
    pending: BTreeMap<u64, Sent>,
}

#[derive(Clone)]
struct Sent {
    tx: TransactionRequest,
    price: Eip1559Estimation,
    raises: u32,
    at: Instant,
}

impl Account {
    /// `provider` signs with `me`'s key.
    pub fn new(provider: DynProvider, me: Address) -> Self {
        Self { provider, me, pending: BTreeMap::new() }
    }

    pub async fn balance(&self) -> Result<U256, Error> {
        self.provider.get_balance(self.me).await.map_err(rpc("reading the account's balance"))
    }

    /// Whether there is room for another transaction, `kept` places left free.
    pub fn has_room(&self, kept: usize) -> bool {
        self.pending.len() + kept < PENDING_MAX
    }

    /// Forgets what is mined, and sends again, at a higher price, what is not in time.
    pub async fn settle(&mut self) -> Result<(), Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mined = self.mined().await?;
        self.pending = self.pending.split_off(&mined);
        for (nonce, sent) in &mut self.pending {
            if sent.at.elapsed() < MINED_WITHIN {
                continue;
            }
            let now = self.provider.estimate_eip1559_fees().await.map_err(rpc("asking for the gas price"))?;
            // As it was otherwise: a node may have forgotten it.
            if sent.raises < RAISES_MAX || now.max_fee_per_gas > sent.price.max_fee_per_gas {
                sent.price = dearer(&sent.price, &now);
                sent.raises += 1;
            }
            sent.at = Instant::now();
            let tx = priced(sent.tx.clone(), *nonce, sent.price);
            if let Err(err) = self.provider.send_transaction(tx).await {
                tracing::debug!(nonce, error = %err, "sent again");
            }
        }
        Ok(())
    }

    /// Sends `data`. `None` if gas would cost more than `cost_max`. What would revert, or burn more gas than any honest call, is not sent.
    pub async fn send(&mut self, to: Address, data: Bytes, value: U256, cost_max: U256) -> Result<Option<B256>, Error> {
        let tx = TransactionRequest::default().from(self.me).to(to).input(data.into()).value(value);
        let gas = self.provider.estimate_gas(tx.clone()).await.map_err(rpc("estimating a transaction"))?;
        if gas > GAS_MAX {
            return Err(Error::TooMuchGas(gas));
        }
        let price = self.provider.estimate_eip1559_fees().await.map_err(rpc("asking for the gas price"))?;
        let gas = gas.saturating_add(gas / 5);
        if U256::from(gas).saturating_mul(U256::from(price.max_fee_per_gas)) > cost_max {
            return Ok(None);
        }
        // Not counted up here: a transaction that fails before it is sent would leave a gap that blocks all later ones.
        let above = self.pending.last_key_value().map_or(0, |(nonce, _)| nonce + 1);
        let nonce = self.mined().await?.max(above);
        let tx = tx.gas_limit(gas);
        let sent = self.provider.send_transaction(priced(tx.clone(), nonce, price)).await;
        let hash = *sent.map_err(rpc("sending a transaction"))?.tx_hash();
        self.pending.insert(nonce, Sent { tx, price, raises: 0, at: Instant::now() });
        Ok(Some(hash))
    }

    /// The account's next nonce as of the newest block.
    async fn mined(&self) -> Result<u64, Error> {
        self.provider.get_transaction_count(self.me).await.map_err(rpc("reading the nonce"))
    }
}

fn priced(tx: TransactionRequest, nonce: u64, price: Eip1559Estimation) -> TransactionRequest {
    tx.nonce(nonce).max_fee_per_gas(price.max_fee_per_gas).max_priority_fee_per_gas(price.max_priority_fee_per_gas)
}

/// What replaces a transaction of `price` where gas costs `now`.
fn dearer(price: &Eip1559Estimation, now: &Eip1559Estimation) -> Eip1559Estimation {
    Eip1559Estimation {
        max_fee_per_gas: now.max_fee_per_gas.max(raised(price.max_fee_per_gas)),
        max_priority_fee_per_gas: now.max_priority_fee_per_gas.max(raised(price.max_priority_fee_per_gas)),
    }
}

/// A node takes a replacement for at least a tenth more; a quarter more is on the safe side.
fn raised(price: u128) -> u128 {
    price.saturating_add(price / 4).saturating_add(1)
}
