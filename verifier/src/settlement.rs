//! The escrow as one verifier sees it on chain.

use std::collections::HashSet;
use std::time::Duration;

use alloy::eips::BlockId;
use alloy::eips::eip1559::Eip1559Estimation;
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::{Filter, TransactionRequest};
use alloy::sol_types::{SolCall, SolEvent};
use piecework_client::Assignment;
use piecework_contracts::abi::Escrow as abi;
use piecework_contracts::{abi_bid, abi_subject, abi_terms};
use piecework_domain::chain::Contested;
use piecework_domain::ids::EngagementId;
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, B256, Bytes, U256};

use crate::Error;
use crate::error::rpc;

/// How long a transaction is waited for.
const MINED_MAX: Duration = Duration::from_secs(60);
/// Blocks read again, since a reorg may have replaced them.
const REORG_BLOCKS: u64 = 64;
/// Blocks whose logs are asked for at once.
const LOGS_RANGE: u64 = 1_000;
/// After being away, older assertions have been settled long ago.
const LOOK_BACK_MAX: u64 = 100_000;

/// Units a runner asserted.
#[derive(Clone, Copy, Debug)]
pub struct Asserted {
    pub units: u64,
    pub at: Timestamp,
    /// What somebody who disputes it leaves uncontested.
    pub floor: Option<u64>,
}

/// The newest block of the settlement chain.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    pub chain_id: u64,
    pub number: u64,
    pub time: Timestamp,
}

/// Reads the escrow and sends transactions of the verifier's own account, one at a time.
#[derive(Debug)]
pub struct Settlement {
    provider: DynProvider,
    me: Address,
    /// What was sent last and not seen mined.
    pending: Option<Sent>,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    nonce: u64,
    price: Eip1559Estimation,
}

impl Settlement {
    /// `provider` signs with `me`'s key.
    pub fn new(provider: DynProvider, me: Address) -> Self {
        Self { provider, me, pending: None }
    }

    pub fn me(&self) -> Address {
        self.me
    }

    pub async fn head(&self) -> Result<Head, Error> {
        let chain_id = self.provider.get_chain_id().await.map_err(rpc("asking the settlement chain for its id"))?;
        let block = self.provider.get_block(BlockId::latest()).await.map_err(rpc("reading a block"))?;
        let header = block.map(|block| block.header);
        let header =
            header.ok_or_else(|| Error::Rpc { what: "reading a block", problem: "no newest block".to_owned() })?;
        Ok(Head { chain_id, number: header.number, time: Timestamp(header.timestamp) })
    }

    /// Engagements that units were asserted for after block `since` (and some blocks before it, which a reorg may have replaced).
    pub async fn assertions_since(
        &self,
        escrow: Address,
        since: Option<u64>,
        head: u64,
    ) -> Result<HashSet<EngagementId>, Error> {
        let mut found = HashSet::new();
        let Some(since) = since else { return Ok(found) };
        let mut from = since.saturating_sub(REORG_BLOCKS).max(head.saturating_sub(LOOK_BACK_MAX));
        while from <= head {
            let to = head.min(from + LOGS_RANGE - 1);
            let filter = Filter::new()
                .address(escrow)
                .event_signature(abi::UnitsAsserted::SIGNATURE_HASH)
                .from_block(from)
                .to_block(to);
            let logs = self.provider.get_logs(&filter).await.map_err(rpc("reading the escrow's logs"))?;
            found.extend(logs.iter().filter_map(|log| log.topics().get(1).copied()).map(EngagementId));
            from = to + 1;
        }
        Ok(found)
    }

    /// What the runner asserted, if that is still open.
    pub async fn asserted(&self, a: &Assignment) -> Result<Option<Asserted>, Error> {
        let id = a.engagement.0;
        let asserted = self.read(a.escrow, abi::assertionCall { id }).await?;
        let at: u64 = asserted.assertedAt.to();
        if at == 0 {
            return Ok(None);
        }
        let subject = abi_subject(Contested::Assertion);
        let dispute = self.read(a.escrow, abi::disputeOfCall { id, subject }).await?;
        let floor = (dispute.by != Address::ZERO).then(|| dispute.floor.to());
        Ok(Some(Asserted { units: asserted.units.to(), at: Timestamp(at), floor }))
    }

    /// Units paid so far, and whether the engagement can still be paid.
    pub async fn units_paid(&self, a: &Assignment) -> Result<u64, Error> {
        let state = self.read(a.escrow, abi::engagementCall { id: a.engagement.0 }).await?;
        Ok(state.unitsPaid.to())
    }

    /// What disputing `contested` asserted units puts at risk.
    pub async fn dispute_bond(&self, a: &Assignment, contested: u64) -> Result<U256, Error> {
        let call = abi::disputeBondCall {
            terms: abi_terms(&a.terms),
            bid: abi_bid(&a.bid),
            subject: abi_subject(Contested::Assertion),
            by: self.me,
            contested,
        };
        self.read(a.escrow, call).await
    }

    /// The first epoch this verifier was not paid for.
    pub async fn next_fee_epoch(&self, a: &Assignment) -> Result<u64, Error> {
        let call = abi::nextFeeEpochCall { id: a.engagement.0, verifier: self.me };
        Ok(self.read(a.escrow, call).await?.saturating_to())
    }

    /// Sends `data` and waits until it is mined, `None` if gas would cost more than `cost_max`. What the escrow would refuse is not
    /// sent. What is not mined in time is replaced by what is sent next, at a higher price: the account never gets stuck.
    pub async fn send(
        &mut self,
        escrow: Address,
        data: Bytes,
        value: U256,
        cost_max: U256,
    ) -> Result<Option<B256>, Error> {
        let tx = TransactionRequest::default().from(self.me).to(escrow).input(data.into()).value(value);
        let gas = self.provider.estimate_gas(tx.clone()).await.map_err(rpc("estimating a transaction"))?;
        let nonce = self.provider.get_transaction_count(self.me).await.map_err(rpc("reading the nonce"))?;
        let mut price = self.provider.estimate_eip1559_fees().await.map_err(rpc("asking for the gas price"))?;
        if let Some(before) = self.pending.filter(|sent| sent.nonce == nonce) {
            price.max_fee_per_gas = price.max_fee_per_gas.max(raised(before.price.max_fee_per_gas));
            price.max_priority_fee_per_gas =
                price.max_priority_fee_per_gas.max(raised(before.price.max_priority_fee_per_gas));
        }
        let gas = gas.saturating_add(gas / 5);
        if U256::from(gas).saturating_mul(U256::from(price.max_fee_per_gas)) > cost_max {
            return Ok(None);
        }
        let tx = tx
            .nonce(nonce)
            .gas_limit(gas)
            .max_fee_per_gas(price.max_fee_per_gas)
            .max_priority_fee_per_gas(price.max_priority_fee_per_gas);
        let pending = self.provider.send_transaction(tx).await.map_err(rpc("sending a transaction"))?;
        self.pending = Some(Sent { nonce, price });
        let hash = *pending.tx_hash();
        let Ok(receipt) = tokio::time::timeout(MINED_MAX, pending.get_receipt()).await else {
            return Err(Error::Pending(hash));
        };
        let receipt = receipt.map_err(rpc("waiting for a transaction"))?;
        self.pending = None;
        if receipt.status() { Ok(Some(hash)) } else { Err(Error::Reverted(hash)) }
    }

    async fn read<C: SolCall>(&self, escrow: Address, call: C) -> Result<C::Return, Error> {
        let tx = TransactionRequest::default().to(escrow).input(Bytes::from(call.abi_encode()).into());
        let answer = self.provider.call(tx).await.map_err(rpc("reading the escrow"))?;
        C::abi_decode_returns(&answer).map_err(rpc("reading the escrow's answer"))
    }
}

/// A node takes a replacement for at least a tenth more; a quarter more is on the safe side.
fn raised(price: u128) -> u128 {
    price.saturating_add(price / 4).saturating_add(1)
}
