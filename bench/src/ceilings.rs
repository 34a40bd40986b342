//! What the machine can do: fetching and decoding without storing, storing without fetching.

use std::time::Instant;

use alloy::providers::Provider;
use anyhow::Result;
use piecework_indexer::{Backfill, Endpoints, Headers, Plan, Verify};
use piecework_store::events::{self, Placed};

use crate::per_second;
use piecework_bench::chain::{CHAIN_ID, Chain};

/// Fetches, checks and decodes everything as the mirror does, and drops it.
pub async fn fetch_decode(chain: &Chain) -> Result<u64> {
    let since = Instant::now();
    let mut count = 0;
    let mut ranges = ranges(chain, Verify::Events).await?;
    while let Some(range) = ranges.next().await? {
        count += range.placed.len() as u64;
    }
    Ok(per_second(count, since.elapsed()))
}

/// Rows of the event table alone, from memory, in the mirror's portions.
pub async fn insert(chain: &Chain, admin: &str) -> Result<u64> {
    let mut portions: Vec<Vec<Placed>> = Vec::new();
    let mut ranges = ranges(chain, Verify::Events).await?;
    while let Some(range) = ranges.next().await? {
        portions.push(range.placed);
    }
    let url = piecework_store::fresh_database(admin, "bench").await?;
    let pool = piecework_store::connect(&url, 1).await?;
    piecework_store::migrate(&pool).await?;
    let since = Instant::now();
    let mut count = 0;
    for portion in &portions {
        let mut db_tx = pool.begin().await?;
        events::append(&mut db_tx, CHAIN_ID, portion).await?;
        db_tx.commit().await?;
        count += portion.len() as u64;
    }
    Ok(per_second(count, since.elapsed()))
}

async fn ranges(chain: &Chain, verify: Verify) -> Result<Backfill> {
    let head = chain.rpc.get_block_number().await?;
    let endpoints = Endpoints::new(CHAIN_ID, chain.escrow, Headers::Hashed, vec![chain.rpc.clone()]);
    let plan = Plan { verify, witnessed: false };
    Ok(Backfill::new(endpoints.into(), CHAIN_ID, plan, chain.start_block, head))
}
