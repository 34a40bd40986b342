//! One run of the worker over what is due, and what became of it on chain.

use std::path::Path;
use std::time::{Duration, Instant};

use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::Filter;
use anyhow::{Context, Result, bail};
use piecework_bench::chain::CHAIN_ID;
use piecework_domain::chain::Event;
use piecework_store::txs;
use piecework_worker::{Config, Policy, Relay};
use tokio_util::sync::CancellationToken;

use super::payouts::{DUE, Stage};
use crate::per_second;

const WITHIN: Duration = Duration::from_secs(60);
/// Transactions looked at at once.
const LOOKED_AT_MAX: i64 = 1_000;

/// What came of payouts that were due at once.
#[derive(Clone, Copy)]
pub struct Paid {
    /// From the worker's start to the last block.
    pub took: Duration,
    pub payouts: u64,
    /// Payouts that were not made, were skipped in a batch, or were in a transaction that reverted.
    pub failed: u64,
    pub transactions: u64,
}

impl Paid {
    pub fn payouts_per_s(&self) -> u64 {
        per_second(self.payouts, self.took)
    }

    pub fn transactions_per_s(&self) -> u64 {
        per_second(self.transactions, self.took)
    }
}

/// A worker begins when all is due, and ends when all is paid and recorded.
pub async fn pay(stage: &mut Stage, logs: &Path) -> Result<Paid> {
    let before = stage.chain.rpc.get_block_number().await?;
    let rpc = ProviderBuilder::new().disable_recommended_fillers().connect_http(stage.chain.rpc_url.parse()?).erased();
    let config = Config {
        webhooks: piecework_worker::Reach::Public,
        chain_id: CHAIN_ID,
        escrow: stage.chain.escrow,
        policy: Policy { pause: Duration::ZERO, gas_price_max: None },
        relay: Relay::default(),
        lease: Duration::from_secs(30),
        poll_interval: Duration::from_millis(200),
    };
    let stop = CancellationToken::new();
    let (pool, operator) = (stage.mirror.pool.clone(), stage.operator.clone());
    let since = Instant::now();
    let working = tokio::spawn(piecework_worker::run(pool, rpc, operator, config, stop.clone()));
    let payouts = all_paid(stage, before, since).await;
    let took = since.elapsed();
    let recorded = recorded(stage, logs).await;
    stop.cancel();
    working.await??;
    recorded?;
    let (transactions, failed) = outcome(stage, before).await?;
    let payouts = payouts?;
    Ok(Paid { took, payouts, failed: failed + DUE.saturating_sub(payouts), transactions })
}

/// Waits until the chain says that all is paid. Returns how many are, at the latest after a minute.
async fn all_paid(stage: &Stage, before: u64, since: Instant) -> Result<u64> {
    loop {
        let paid = events(stage, before).await?.iter().filter(|event| matches!(event, Event::Redeemed { .. })).count();
        let paid = u64::try_from(paid)?;
        if paid >= DUE || since.elapsed() > WITHIN {
            return Ok(paid);
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

/// What the escrow says happened after block `before`.
async fn events(stage: &Stage, before: u64) -> Result<Vec<Event>> {
    // From `before` on: nodes refuse a range that is not there yet.
    let filter = Filter::new().address(stage.chain.escrow).from_block(before);
    let logs = stage.chain.rpc.get_logs(&filter).await?;
    let after = logs.iter().filter(|log| log.block_number > Some(before));
    let decoded = after.map(piecework_contracts::decode);
    Ok(decoded.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Waits until the worker knows of every receipt, and the mirror of every block: the next run begins from there.
async fn recorded(stage: &mut Stage, logs: &Path) -> Result<()> {
    let since = Instant::now();
    let operator = stage.operator.address();
    while since.elapsed() < WITHIN {
        let nonce = stage.chain.rpc.get_transaction_count(operator).await?;
        let mut db = stage.mirror.pool.acquire().await?;
        let open = txs::open(&mut db, CHAIN_ID, operator, nonce, 0, LOOKED_AT_MAX).await?;
        drop(db);
        if open.iter().all(|tx| tx.mined_in.is_some()) {
            return stage.mirror.reaches(stage.chain.rpc.get_block_number().await?, logs).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("the worker doesn't know what became of its transactions")
}

/// The operator's transactions after block `before`, and the payouts in them that failed.
async fn outcome(stage: &Stage, before: u64) -> Result<(u64, u64)> {
    let (mut transactions, mut reverted) = (0, 0);
    for number in before + 1..=stage.chain.rpc.get_block_number().await? {
        let receipts = stage.chain.rpc.get_block_receipts(number.into()).await?.context("a block without receipts")?;
        let ours = receipts.iter().filter(|receipt| receipt.from == stage.operator.address());
        for receipt in ours {
            transactions += 1;
            reverted += u64::from(!receipt.status());
        }
    }
    let skipped = events(stage, before).await?.iter().filter(|event| matches!(event, Event::Skipped { .. })).count();
    Ok((transactions, reverted + u64::try_from(skipped)?))
}
