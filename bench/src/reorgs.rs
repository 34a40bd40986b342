//! Random reorgs under traffic: is the mirror right afterwards, and how soon.

use std::path::Path;
use std::time::{Duration, Instant};

use alloy::eips::BlockNumberOrTag;
use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use anyhow::{Context, Result};
use piecework_store::{chains, events};
use piecework_toolchain::Tools;
use serde_json::{Value, json};

use crate::mirror::Mirror;
use crate::percentile;
use piecework_bench::chain::{CHAIN_ID, Chain};

const DEPTH_MAX: u64 = 8;
const SETTLED_WITHIN: Duration = Duration::from_secs(10);

pub struct Reorgs {
    pub run: u64,
    pub right: u64,
    pub settle_ms_p99: u64,
}

pub async fn measure(tools: &Tools, admin: &str, logs: &Path, run: u64) -> Result<Reorgs> {
    let mut chain = Chain::start(tools, logs, "reorgs", 32).await?;
    for n in 0..40 {
        let tx = chain.some(n);
        chain.send_and_wait(vec![tx]).await?;
    }
    let mut mirror = Mirror::start(&chain, admin, logs).await?;
    mirror.reaches(chain.rpc.get_block_number().await?, logs).await?;
    let mut settled = Vec::new();
    let mut right = 0;
    // The same in every run.
    let mut dice: u64 = 0x9e37_79b9_7f4a_7c15;
    for n in 0..run {
        for _ in 0..3 {
            let tx = chain.some(n);
            chain.send_and_wait(vec![tx]).await?;
        }
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let depth = 1 + (dice >> 33) % DEPTH_MAX;
        let since = Instant::now();
        chain.rpc.raw_request::<_, Value>("anvil_reorg".into(), json!([depth, []])).await?;
        // A reorg is noticed when the new chain is longer.
        let tx = chain.some(n);
        chain.send_and_wait(vec![tx]).await?;
        if agrees(&chain, &mirror, since).await? {
            right += 1;
        }
        settled.push(u64::try_from(since.elapsed().as_millis())?);
    }
    settled.sort_unstable();
    Ok(Reorgs { run, right, settle_ms_p99: percentile(&settled, 99) })
}

/// Waits until the mirror is at the chain's head, and compares all events with all logs.
async fn agrees(chain: &Chain, mirror: &Mirror, since: Instant) -> Result<bool> {
    let mut db = mirror.pool.acquire().await?;
    let head = chain.rpc.get_block_by_number(BlockNumberOrTag::Latest).await?.context("no head")?.header;
    while since.elapsed() < SETTLED_WITHIN {
        if chains::cursor(&mut db, CHAIN_ID).await?.is_some_and(|cursor| cursor.hash == head.hash) {
            let filter = Filter::new().address(chain.escrow).from_block(0);
            let logs = chain.rpc.get_logs(&filter).await?;
            let on_chain = logs.iter().map(|log| (log.block_hash, log.log_index));
            let mirrored = events::places(&mut db, CHAIN_ID).await?;
            return Ok(on_chain.eq(mirrored.into_iter().map(|(hash, index)| (Some(hash), Some(index)))));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(false)
}
