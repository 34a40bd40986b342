//! The mirror itself, in a process of its own.

use std::path::Path;
use std::process::{Child as Process, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::providers::{Provider, ProviderBuilder};
use anyhow::{Context, Result, bail};
use clap::Args;
use piecework_domain::Address;
use piecework_store::{PgPool, chains, events};
use tokio_util::sync::CancellationToken;

use crate::per_second;
use piecework_bench::chain::{CHAIN_ID, Chain};

#[derive(Args)]
pub struct Child {
    rpc_url: String,
    escrow: Address,
    start_block: u64,
}

/// What `piecework index` does. The database's address comes by the environment.
pub async fn child(args: Child) -> Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let pool = piecework_store::connect(&std::env::var("DATABASE_URL")?, 4).await?;
    let config = piecework_indexer::Config {
        chain_id: CHAIN_ID,
        escrow: args.escrow,
        start_block: args.start_block,
        poll_interval: Duration::from_millis(25),
        verify: piecework_indexer::Verify::Headers,
        headers: piecework_indexer::Headers::Hashed,
        witnessed: false,
    };
    let provider = ProviderBuilder::new().disable_recommended_fillers().connect_http(args.rpc_url.parse()?).erased();
    let woken = Arc::new(tokio::sync::Notify::new());
    piecework_indexer::run(pool, vec![provider], config, woken, CancellationToken::new()).await?;
    Ok(())
}

/// A running mirror and its database.
pub struct Mirror {
    pub pool: PgPool,
    process: Process,
    pub since: Instant,
}

impl Drop for Mirror {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Mirror {
    pub async fn start(chain: &Chain, admin: &str, logs: &Path) -> Result<Self> {
        let url = piecework_store::fresh_database(admin, "bench").await?;
        let pool = piecework_store::connect(&url, 12).await?;
        piecework_store::migrate(&pool).await?;
        let log = std::fs::File::create(logs.join("mirror.log"))?;
        let since = Instant::now();
        let process = Command::new(std::env::current_exe()?)
            .args(["child", &chain.rpc_url, &chain.escrow.to_string(), &chain.start_block.to_string()])
            .env("DATABASE_URL", &url)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("starting the mirror")?;
        Ok(Self { pool, process, since })
    }

    /// Waits until the mirror has a block.
    pub async fn reaches(&mut self, block: u64, logs: &Path) -> Result<()> {
        let mut db = self.pool.acquire().await?;
        loop {
            if chains::cursor(&mut db, CHAIN_ID).await?.is_some_and(|cursor| cursor.number >= block) {
                return Ok(());
            }
            if self.process.try_wait()?.is_some() {
                bail!("the mirror ended:\n{}", std::fs::read_to_string(logs.join("mirror.log")).unwrap_or_default());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The most memory that the process had so far.
    pub fn peak_rss_mb(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kilobytes / 1024)
    }
}

pub struct Measured {
    pub events_per_s: u64,
    pub peak_rss_mb: u64,
}

/// A cold start to the head.
pub async fn backfill(chain: &Chain, admin: &str, logs: &Path) -> Result<Measured> {
    let head = chain.rpc.get_block_number().await?;
    let mut mirror = Mirror::start(chain, admin, logs).await?;
    mirror.reaches(head, logs).await?;
    let took = mirror.since.elapsed();
    let count = events::count(&mut *mirror.pool.acquire().await?, CHAIN_ID).await?;
    Ok(Measured { events_per_s: per_second(count, took), peak_rss_mb: mirror.peak_rss_mb()? })
}
