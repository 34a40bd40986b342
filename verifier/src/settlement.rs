//! The escrow as one verifier sees it on chain.

use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use piecework_client::Assignment;
use piecework_contracts::abi::Escrow as abi;
use piecework_contracts::{abi_bid, abi_subject, abi_terms};
use piecework_domain::chain::Contested;
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, B256, Bytes, U256};

use crate::Error;
use crate::error::rpc;

/// Units a runner asserted.
#[derive(Clone, Copy, Debug)]
pub struct Asserted {
    pub units: u64,
    pub at: Timestamp,
    /// What somebody who disputes it leaves uncontested.
    pub floor: Option<u64>,
}

/// Reads the escrow and sends transactions of the verifier's own account.
#[derive(Clone, Debug)]
pub struct Settlement {
    provider: DynProvider,
    me: Address,
}

impl Settlement {
    /// `provider` signs with `me`'s key.
    pub fn new(provider: DynProvider, me: Address) -> Self {
        Self { provider, me }
    }

    pub fn me(&self) -> Address {
        self.me
    }

    pub async fn chain_id(&self) -> Result<u64, Error> {
        self.provider.get_chain_id().await.map_err(rpc("asking the settlement chain for its id"))
    }

    /// The newest block's time.
    pub async fn now(&self) -> Result<Timestamp, Error> {
        let block = self.provider.get_block(alloy::eips::BlockId::latest()).await.map_err(rpc("reading a block"))?;
        Ok(Timestamp(block.map(|block| block.header.timestamp).unwrap_or_default()))
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

    /// Sends `data` and waits until it is mined. What the escrow would refuse is not sent.
    pub async fn send(&self, escrow: Address, data: Bytes, value: U256) -> Result<B256, Error> {
        let tx = TransactionRequest::default().from(self.me).to(escrow).input(data.into()).value(value);
        let pending = self.provider.send_transaction(tx).await.map_err(rpc("sending a transaction"))?;
        let receipt = pending.get_receipt().await.map_err(rpc("waiting for a transaction"))?;
        let hash = receipt.transaction_hash;
        if receipt.status() { Ok(hash) } else { Err(Error::Reverted(hash)) }
    }

    async fn read<C: SolCall>(&self, escrow: Address, call: C) -> Result<C::Return, Error> {
        let tx = TransactionRequest::default().to(escrow).input(Bytes::from(call.abi_encode()).into());
        let answer = self.provider.call(tx).await.map_err(rpc("reading the escrow"))?;
        C::abi_decode_returns(&answer).map_err(rpc("reading the escrow's answer"))
    }
}
