//! The escrow as a verifier reads it, through an endpoint of its own.

use std::collections::HashSet;

use alloy::eips::BlockId;
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::{Filter, TransactionRequest};
use alloy::sol_types::{SolCall, SolEvent};
use piecework_client::Assignment;
use piecework_contracts::abi::Escrow as abi;
use piecework_contracts::{abi_bid, abi_subject, abi_terms, allowance_call, balance_of_call};
use piecework_domain::chain::Contested;
use piecework_domain::ids::EngagementId;
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, Bytes, U256};

use crate::Error;
use crate::error::rpc;

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

/// The one escrow that its owner named.
#[derive(Clone, Debug)]
pub struct Escrow {
    pub address: Address,
    provider: DynProvider,
}

impl Escrow {
    pub fn new(address: Address, provider: DynProvider) -> Self {
        Self { address, provider }
    }

    pub async fn head(&self) -> Result<Head, Error> {
        let chain_id = self.provider.get_chain_id().await.map_err(rpc("asking the settlement chain for its id"))?;
        let block = self.provider.get_block(BlockId::latest()).await.map_err(rpc("reading a block"))?;
        let header = block.map(|block| block.header);
        let header =
            header.ok_or_else(|| Error::Rpc { what: "reading a block", problem: "no newest block".to_owned() })?;
        Ok(Head { chain_id, number: header.number, time: Timestamp(header.timestamp) })
    }

    /// The assignment with the chain's own word for what can change: when it ends and how many units are reserved. The API may be a block
    /// behind, for ever if a poster extends in every block. `None` where they began at different times: honest blocks would lie outside their
    /// epochs; also while this endpoint is behind the API.
    pub async fn confirmed(&self, a: &Assignment) -> Result<Option<Assignment>, Error> {
        let state = self.read(abi::engagementCall { id: a.engagement.0 }).await?;
        if Timestamp(state.startedAt.to()) != a.started_at {
            return Ok(None);
        }
        let ends_at = Some(state.endsAt.to::<u64>()).filter(|at| *at != 0).map(Timestamp);
        Ok(Some(Assignment { ends_at, units_max: state.unitsMax.to(), ..a.clone() }))
    }

    /// Engagements that units were asserted for after block `since` (and some blocks before it, which a reorg may have replaced).
    pub async fn assertions_since(&self, since: Option<u64>, head: u64) -> Result<HashSet<EngagementId>, Error> {
        let mut found = HashSet::new();
        let Some(since) = since else { return Ok(found) };
        let mut from = since.saturating_sub(REORG_BLOCKS).max(head.saturating_sub(LOOK_BACK_MAX));
        while from <= head {
            let to = head.min(from + LOGS_RANGE - 1);
            let filter = Filter::new()
                .address(self.address)
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
        let asserted = self.read(abi::assertionCall { id }).await?;
        let at: u64 = asserted.assertedAt.to();
        if at == 0 {
            return Ok(None);
        }
        let subject = abi_subject(Contested::Assertion);
        let dispute = self.read(abi::disputeOfCall { id, subject }).await?;
        let floor = (dispute.by != Address::ZERO).then(|| dispute.floor.to());
        Ok(Some(Asserted { units: asserted.units.to(), at: Timestamp(at), floor }))
    }

    /// Units paid so far.
    pub async fn units_paid(&self, a: &Assignment) -> Result<u64, Error> {
        Ok(self.read(abi::engagementCall { id: a.engagement.0 }).await?.unitsPaid.to())
    }

    /// What disputing `contested` asserted units puts at risk.
    pub async fn dispute_bond(&self, a: &Assignment, by: Address, contested: u64) -> Result<U256, Error> {
        let subject = abi_subject(Contested::Assertion);
        self.read(abi::disputeBondCall { terms: abi_terms(&a.terms), bid: abi_bid(&a.bid), subject, by, contested })
            .await
    }

    /// What `owner` could bond in a token now: its free balance here, and what it holds and lets the escrow take.
    pub async fn bondable(&self, owner: Address, token: Address) -> Result<U256, Error> {
        let free = self.read(abi::balancesCall { account: owner, token }).await?;
        let word = |answer: Bytes| U256::try_from_be_slice(&answer).unwrap_or_default();
        let held = word(self.call(token, balance_of_call(owner)).await?);
        let allowed = word(self.call(token, allowance_call(owner, self.address)).await?);
        Ok(free.saturating_add(held.min(allowed)))
    }

    /// The first epoch that `verifier` was not paid for.
    pub async fn next_fee_epoch(&self, a: &Assignment, verifier: Address) -> Result<u64, Error> {
        Ok(self.read(abi::nextFeeEpochCall { id: a.engagement.0, verifier }).await?.saturating_to())
    }

    /// How many epochs a claim of fees would be paid for now: what the escrow skips, it skips without reverting.
    pub async fn epochs_paid_by(&self, from: Address, claim: &Bytes) -> Result<u64, Error> {
        let tx = TransactionRequest::default().from(from).to(self.address).input(claim.clone().into());
        let answer = self.provider.call(tx).await.map_err(rpc("trying a claim of fees"))?;
        let paid = abi::claimFeeCall::abi_decode_returns(&answer).map_err(rpc("reading the escrow's answer"))?;
        Ok(paid.saturating_to())
    }

    async fn read<C: SolCall>(&self, call: C) -> Result<C::Return, Error> {
        let answer = self.call(self.address, call.abi_encode().into()).await?;
        C::abi_decode_returns(&answer).map_err(rpc("reading the escrow's answer"))
    }
    async fn call(&self, to: Address, data: Bytes) -> Result<Bytes, Error> {
        let tx = TransactionRequest::default().to(to).input(data.into());
        self.provider.call(tx).await.map_err(rpc("reading the escrow"))
    }
}
