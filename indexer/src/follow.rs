//! The loop: follow the head, undo reorgs, stop at what can't be understood.

use std::time::Duration;

use alloy::eips::BlockNumberOrTag;
use alloy::providers::DynProvider;
use alloy::rpc::types::Log;
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, B256};
use piecework_store::chains::{Cursor, Header};
use piecework_store::events::Placed;
use piecework_store::{PgPool, chains};
use tokio_util::sync::CancellationToken;

use crate::source::Source;
use crate::{Error, apply, rollback};

/// What to index.
#[derive(Clone, Debug)]
pub struct Config {
    pub chain_id: u64,
    pub escrow: Address,
    /// The block that created the escrow, or any earlier one.
    pub start_block: u64,
    pub poll_interval: Duration,
}

/// Blocks fetched at once, at most. Halved when an endpoint refuses a range, doubled when it answers.
const RANGE_MAX: u64 = 2_000;
/// Headers kept below the cursor for finding fork points.
const HEADERS_KEPT: u64 = 2_048;

/// Indexes until `stop`. Endpoint and database failures are waited out; undecodable logs and too deep reorgs end it.
pub async fn run(pool: PgPool, provider: DynProvider, config: Config, stop: CancellationToken) -> Result<(), Error> {
    let source = Source::new(provider, config.escrow);
    let mut range = RANGE_MAX;
    let mut failures: u32 = 0;
    loop {
        match step(&pool, &source, &config, range).await {
            Ok(Step::Advanced) => {
                failures = 0;
                range = (range * 2).min(RANGE_MAX);
                if stop.is_cancelled() {
                    return Ok(());
                }
                continue;
            }
            Ok(Step::AtHead) => failures = 0,
            Err(err) if err.retryable() => {
                failures += 1;
                range = (range / 2).max(1);
                tracing::warn!(error = &err as &dyn std::error::Error, failures, "indexing paused; trying again");
            }
            Err(err) => return Err(err),
        }
        let pause = config.poll_interval * 2_u32.saturating_pow(failures.min(6));
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(pause.min(Duration::from_secs(10))) => {}
        }
    }
}

enum Step {
    Advanced,
    AtHead,
}

/// Applies the next range, or undoes a reorg. Everything it changes commits together.
async fn step(pool: &PgPool, source: &Source, config: &Config, range: u64) -> Result<Step, Error> {
    let chain_id = config.chain_id;
    let mut db_tx = pool.begin().await.map_err(piecework_store::Error::from)?;
    chains::lock(&mut db_tx, chain_id).await?;
    let Some(cursor) = chains::cursor(&mut db_tx, chain_id).await? else {
        begin(&mut db_tx, source, config).await?;
        db_tx.commit().await.map_err(piecework_store::Error::from)?;
        return Ok(Step::Advanced);
    };
    let Some(head) = source.header(BlockNumberOrTag::Latest).await? else {
        return Err(Error::Rpc { what: "its head", problem: "no answer".to_owned() });
    };
    metrics::gauge!("piecework_index_lag_blocks").set(lossy(head.number.saturating_sub(cursor.number)));

    // The block at the cursor must still be the one that was indexed.
    let at_cursor = source.header(BlockNumberOrTag::Number(cursor.number)).await?;
    if at_cursor.is_none() && is_behind(&mut db_tx, source, &head, chain_id).await? {
        return Ok(Step::AtHead);
    }
    if at_cursor.is_none_or(|header| header.hash != cursor.hash) {
        let fork = rollback::fork_point(&mut db_tx, source, &cursor).await?;
        let undone = rollback::to(&mut db_tx, chain_id, &fork).await?;
        db_tx.commit().await.map_err(piecework_store::Error::from)?;
        metrics::counter!("piecework_index_reorgs_total").increment(1);
        tracing::info!(chain_id, from = cursor.number, to = fork.number, undone, "rolled back a reorg");
        return Ok(Step::Advanced);
    }
    if head.number <= cursor.number {
        return Ok(Step::AtHead);
    }

    let to = head.number.min(cursor.number.saturating_add(range));
    let events = fetch(source, chain_id, &cursor, to).await?;
    let Fetched { last, placed } = events;
    for event in &placed {
        apply::event(&mut db_tx, chain_id, event).await?;
    }
    chains::advance(&mut db_tx, chain_id, &last).await?;
    chains::drop_headers_below(&mut db_tx, chain_id, last.number.saturating_sub(HEADERS_KEPT)).await?;
    db_tx.commit().await.map_err(piecework_store::Error::from)?;
    metrics::counter!("piecework_index_events_total").increment(u64::try_from(placed.len()).unwrap_or(u64::MAX));
    tracing::debug!(chain_id, block = last.number, events = placed.len(), "indexed");
    Ok(Step::Advanced)
}

/// Whether an endpoint without the cursor's block is on the same chain, only not that far.
async fn is_behind(
    db: &mut piecework_store::PgConnection,
    source: &Source,
    head: &Header,
    chain_id: u64,
) -> Result<bool, Error> {
    let Some(stored) = chains::header_at_or_below(db, chain_id, head.number).await? else { return Ok(true) };
    let on_chain = source.header(BlockNumberOrTag::Number(stored.number)).await?;
    Ok(on_chain.is_some_and(|header| header.hash == stored.hash))
}

async fn begin(db_tx: &mut piecework_store::PgConnection, source: &Source, config: &Config) -> Result<(), Error> {
    let actual = source.chain_id().await?;
    if actual != config.chain_id {
        return Err(Error::WrongChain { expected: config.chain_id, actual });
    }
    let before = config.start_block.saturating_sub(1);
    let header = source.header(BlockNumberOrTag::Number(before)).await?;
    let header = header.ok_or(Error::Rpc { what: "the start block", problem: format!("no block {before}") })?;
    chains::begin(db_tx, config.chain_id, config.escrow, &header).await?;
    Ok(())
}

struct Fetched {
    last: Header,
    placed: Vec<Placed>,
}

/// Reads the blocks after the cursor up to `to`. Logs and headers must agree with each other and with the cursor;
/// where they don't, the chain moved between two answers and the step is tried again.
async fn fetch(source: &Source, chain_id: u64, cursor: &Cursor, to: u64) -> Result<Fetched, Error> {
    let moved = |problem: &str| Error::Rpc { what: "a consistent range", problem: problem.to_owned() };
    let last = source.header(BlockNumberOrTag::Number(to)).await?.ok_or_else(|| moved("the last block is gone"))?;
    let logs = source.logs(cursor, &last).await?;
    if to == cursor.number + 1 && last.parent_hash != cursor.hash {
        return Err(moved("the next block has another parent"));
    }
    let mut placed = Vec::with_capacity(logs.len());
    let mut block: Option<Header> = None;
    for log in &logs {
        let (Some(number), Some(hash), Some(log_index), Some(tx_hash)) =
            (log.block_number, log.block_hash, log.log_index, log.transaction_hash)
        else {
            return Err(moved("a log without its place"));
        };
        let header = match block {
            Some(known) if known.number == number => known,
            _ if number == last.number => last,
            _ => {
                source.header(BlockNumberOrTag::Number(number)).await?.ok_or_else(|| moved("a log's block is gone"))?
            }
        };
        block = Some(header);
        if header.hash != hash {
            return Err(moved("a log is of another block than the chain's"));
        }
        if let Some(event) = place(chain_id, log, header.time, (number, hash, log_index, tx_hash))? {
            placed.push(event);
        }
    }
    // One hash names the whole chain below it: if it still stands, the logs were this chain's.
    let again = source.header(BlockNumberOrTag::Number(to)).await?;
    if again.is_none_or(|header| header.hash != last.hash) {
        return Err(moved("the chain was reorganised meanwhile"));
    }
    Ok(Fetched { last, placed })
}

fn place(
    chain_id: u64,
    log: &Log,
    block_time: Timestamp,
    (block_number, block_hash, log_index, tx_hash): (u64, B256, u64, B256),
) -> Result<Option<Placed>, Error> {
    let event = piecework_contracts::decode(log).map_err(|err| Error::Undecodable { chain_id, err })?;
    Ok(event.map(|event| Placed { block_number, block_hash, block_time, log_index, tx_hash, event }))
}

/// Metrics take floats; a lag is far below where they lose digits.
fn lossy(blocks: u64) -> f64 {
    f64::from(u32::try_from(blocks).unwrap_or(u32::MAX))
}
