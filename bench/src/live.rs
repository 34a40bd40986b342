//! How long a sent transaction takes to be a row that can be read.

use std::path::Path;
use std::time::{Duration, Instant};

use alloy::providers::Provider;
use anyhow::Result;
use piecework_store::feed;

use crate::mirror::Mirror;
use crate::percentile;
use piecework_bench::chain::Chain;

const TRANSACTIONS: u64 = 200;

pub struct Delays {
    pub p50: u64,
    pub p95: u64,
}

pub async fn measure(chain: &mut Chain, admin: &str, logs: &Path) -> Result<Delays> {
    let mut mirror = Mirror::start(chain, admin, logs).await?;
    mirror.reaches(chain.rpc.get_block_number().await?, logs).await?;
    let mut db = mirror.pool.acquire().await?;
    let mut delays = Vec::new();
    for n in 0..TRANSACTIONS {
        let known = feed::newest(&mut db).await?;
        // Not in step with the mirror's own rhythm.
        tokio::time::sleep(Duration::from_millis(20 + n * 7 % 41)).await;
        let since = Instant::now();
        // A deposit: one event.
        let tx = chain.some(0);
        chain.send(vec![tx]).await?;
        while feed::newest(&mut db).await? == known {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        delays.push(u64::try_from(since.elapsed().as_millis())?);
    }
    delays.sort_unstable();
    Ok(Delays { p50: percentile(&delays, 50), p95: percentile(&delays, 95) })
}
