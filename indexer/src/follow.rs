//! One step after the other: catch up with what is final, follow the head, undo reorgs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::eips::BlockNumberOrTag;
use piecework_domain::Address;
use piecework_store::chains::{Cursor, Mark};
use piecework_store::{Connection, PgConnection, chains};
use tokio_util::sync::CancellationToken;

use crate::backfill::{Backfill, Plan};
use crate::endpoints::{COMPARE_EVERY, Endpoints};
use crate::range::{Fetched, Verify, each};
use crate::source::{Head, Source};
use crate::tags::Tags;
use crate::{Error, check, fold, rollback};

/// What to index.
#[derive(Clone, Debug)]
pub struct Config {
    pub chain_id: u64,
    pub escrow: Address,
    /// The block that created the escrow, or any earlier one.
    pub start_block: u64,
    pub poll_interval: Duration,
    pub verify: Verify,
    pub headers: Headers,
    /// Two endpoints must agree about every log, even if that means waiting for a second one. Otherwise they do while two are well.
    pub witnessed: bool,
}

/// Whether a header must hash to the hash that it comes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headers {
    /// As on Ethereum and what is built like it.
    Hashed,
    /// For chains whose headers have fields that this program doesn't know: an endpoint could make up a bloom there and hide logs.
    Trusted,
}

/// Final blocks ahead of the cursor from which on they are fetched in ranges.
const BACKFILL_FROM: u64 = 32;
/// Blocks followed in one step.
const FOLLOW_MAX: u64 = 128;
/// What a step came to.
pub enum Step {
    Advanced,
    AtHead,
}

/// Follows one chain through the connection that leads it.
pub struct Follower<'a> {
    pub endpoints: Arc<Endpoints>,
    pub config: &'a Config,
    tags: Tags,
    compared: Option<Instant>,
    /// Whether chain and escrow were checked.
    known: bool,
}

impl<'a> Follower<'a> {
    pub fn new(endpoints: Arc<Endpoints>, config: &'a Config) -> Self {
        Self { endpoints, config, tags: Tags::default(), compared: None, known: false }
    }

    /// Applies what comes next, or undoes a reorg. Everything that belongs to a block commits together.
    pub async fn step(&mut self, db: &mut PgConnection, stop: &CancellationToken) -> Result<Step, Error> {
        let chain_id = self.config.chain_id;
        if self.compared.is_none_or(|at| at.elapsed() > COMPARE_EVERY) {
            self.endpoints.compare().await;
            self.compared = Some(Instant::now());
        }
        let Some(cursor) = chains::cursor(db, chain_id).await? else {
            self.begin(db).await?;
            return Ok(Step::Advanced);
        };
        if !self.known {
            self.check_escrow(db).await?;
            self.known = true;
        }
        let endpoints = self.endpoints.clone();
        let source = endpoints.pick()?;
        let head = source.head(BlockNumberOrTag::Latest).await?.ok_or_else(|| source.missing(cursor.number))?;
        metrics::gauge!("piecework_index_lag_blocks", "chain" => chain_id.to_string())
            .set(lossy(head.number().saturating_sub(cursor.number)));
        self.tags.refresh(&endpoints, source).await?;

        let final_number = self.tags.final_number(&head);
        let step = if final_number >= cursor.number.saturating_add(BACKFILL_FROM) {
            self.catch_up(db, source, &cursor, final_number, stop).await?
        } else if head.number() > cursor.number {
            self.advance(db, source, &cursor, &head).await?
        } else if head.hash == cursor.hash || is_behind(db, &cursor, &head).await? {
            self.ascertain(db, source, &cursor, &head).await?;
            Step::AtHead
        } else {
            undo(db, &endpoints, source, &cursor).await?
        };
        endpoints.well(source);
        Ok(step)
    }

    /// What is mirrored must be what is asked for, on the chain that is asked for.
    async fn check_escrow(&self, db: &mut PgConnection) -> Result<(), Error> {
        let (chain_id, asked) = (self.config.chain_id, self.config.escrow);
        match chains::escrow(db, chain_id).await? {
            Some(mirrored) if mirrored != asked => Err(Error::WrongEscrow { chain_id, mirrored, asked }),
            _ => self.endpoints.check_chain().await,
        }
    }

    async fn begin(&self, db: &mut PgConnection) -> Result<(), Error> {
        self.endpoints.check_chain().await?;
        let source = self.endpoints.pick()?;
        let before = self.config.start_block.saturating_sub(1);
        let head = source.head(BlockNumberOrTag::Number(before)).await?.ok_or_else(|| source.missing(before))?;
        let mut db_tx = begin(db).await?;
        chains::begin(&mut db_tx, self.config.chain_id, self.config.escrow, &head.header()).await?;
        commit(db_tx).await
    }

    /// Final blocks, in ranges: nothing in them can be undone, so no older versions are kept.
    async fn catch_up(
        &mut self,
        db: &mut PgConnection,
        source: &Source,
        cursor: &Cursor,
        to: u64,
        stop: &CancellationToken,
    ) -> Result<Step, Error> {
        let at_cursor = source.head(BlockNumberOrTag::Number(cursor.number)).await?;
        if at_cursor.is_none_or(|head| head.hash != cursor.hash) {
            return undo(db, &self.endpoints, source, cursor).await;
        }
        let chain_id = self.config.chain_id;
        let plan = Plan { verify: self.config.verify, witnessed: self.config.witnessed };
        let mut ranges = Backfill::new(self.endpoints.clone(), chain_id, plan, cursor.number + 1, to);
        let mut below = cursor.hash;
        while let Some(Fetched { parent_hash, last, placed }) = ranges.next().await? {
            if parent_hash != below {
                return Err(Error::Moved);
            }
            let mut db_tx = begin(db).await?;
            fold::write(&mut db_tx, chain_id, &placed, false).await?;
            chains::add_headers(&mut db_tx, chain_id, std::slice::from_ref(&last)).await?;
            chains::set_cursor(&mut db_tx, chain_id, &last).await?;
            let mark = Mark { number: last.number, hash: last.hash };
            chains::set_certain(&mut db_tx, chain_id, mark, mark).await?;
            chains::compact(&mut db_tx, chain_id, last.number).await?;
            commit(db_tx).await?;
            below = last.hash;
            counted(chain_id, placed.len());
            tracing::debug!(chain_id, block = last.number, events = placed.len(), "caught up");
            if stop.is_cancelled() {
                break;
            }
        }
        Ok(Step::Advanced)
    }

    /// Blocks that a reorg may still take back, one at a time where they have events.
    async fn advance(
        &mut self,
        db: &mut PgConnection,
        source: &Source,
        cursor: &Cursor,
        head: &Head,
    ) -> Result<Step, Error> {
        let to = head.number().min(cursor.number.saturating_add(FOLLOW_MAX));
        let heads = match to == cursor.number + 1 && to == head.number() {
            true => vec![head.clone()],
            false => source.heads(cursor.number + 1, to).await?,
        };
        if heads.first().is_none_or(|first| first.parent_hash != cursor.hash) {
            return undo(db, &self.endpoints, source, cursor).await;
        }
        // Between two answers the chain may have moved on: not worth blaming anybody.
        check::linked(cursor.hash, &heads).map_err(|_| Error::Moved)?;
        let chain_id = self.config.chain_id;
        let witness = self.endpoints.witness(source, self.config.witnessed)?;
        let mut blocks = each(source, witness, chain_id, &heads).await?;
        let mut from = 0;
        for (at, head) in heads.iter().enumerate() {
            let placed = blocks.remove(&head.number()).unwrap_or_default();
            if placed.is_empty() && at + 1 < heads.len() {
                continue;
            }
            let headers: Vec<_> = heads[from..=at].iter().map(Head::header).collect();
            from = at + 1;
            let mut db_tx = begin(db).await?;
            chains::add_headers(&mut db_tx, chain_id, &headers).await?;
            chains::set_cursor(&mut db_tx, chain_id, &head.header()).await?;
            self.tags.store(&mut db_tx, chain_id, source, &head.mark()).await?;
            fold::write(&mut db_tx, chain_id, &placed, true).await?;
            commit(db_tx).await?;
            counted(chain_id, placed.len());
            tracing::debug!(chain_id, block = head.number(), events = placed.len(), "indexed");
        }
        Ok(Step::Advanced)
    }

    /// Nothing new, but more of it may have become certain.
    async fn ascertain(
        &mut self,
        db: &mut PgConnection,
        source: &Source,
        cursor: &Cursor,
        head: &Head,
    ) -> Result<(), Error> {
        if head.hash != cursor.hash || !self.tags.news(cursor) {
            return Ok(());
        }
        let mut db_tx = begin(db).await?;
        let mark = Mark { number: cursor.number, hash: cursor.hash };
        self.tags.store(&mut db_tx, self.config.chain_id, source, &mark).await?;
        commit(db_tx).await
    }
}

/// Whether an endpoint whose head is not above the cursor is on the same chain, only not that far.
async fn is_behind(db: &mut PgConnection, cursor: &Cursor, head: &Head) -> Result<bool, Error> {
    let stored = chains::header_at_or_below(db, cursor.chain_id, head.number()).await?;
    Ok(match stored {
        Some(stored) if stored.number == head.number() => stored.hash == head.hash,
        // Below what is kept, or between kept headers: nothing contradicts it.
        _ => true,
    })
}

async fn undo(db: &mut PgConnection, endpoints: &Endpoints, source: &Source, cursor: &Cursor) -> Result<Step, Error> {
    let fork = rollback::fork_point(db, endpoints, source, cursor).await?;
    if fork.number == cursor.number {
        // It stands after all: the answers were of different moments.
        return Err(Error::Moved);
    }
    let mut db_tx = begin(db).await?;
    let undone = rollback::to(&mut db_tx, cursor.chain_id, &fork).await?;
    commit(db_tx).await?;
    metrics::counter!("piecework_index_reorgs_total", "chain" => cursor.chain_id.to_string()).increment(1);
    tracing::info!(chain_id = cursor.chain_id, from = cursor.number, to = fork.number, undone, "rolled back a reorg");
    Ok(Step::Advanced)
}

pub async fn begin(db: &mut PgConnection) -> Result<piecework_store::Transaction<'_>, Error> {
    Ok(db.begin().await.map_err(piecework_store::Error::from)?)
}

pub async fn commit(db_tx: piecework_store::Transaction<'_>) -> Result<(), Error> {
    Ok(db_tx.commit().await.map_err(piecework_store::Error::from)?)
}

fn counted(chain_id: u64, events: usize) {
    metrics::counter!("piecework_index_events_total", "chain" => chain_id.to_string())
        .increment(u64::try_from(events).unwrap_or(u64::MAX));
}

/// Metrics take floats; a lag is far below where they lose digits.
fn lossy(blocks: u64) -> f64 {
    f64::from(u32::try_from(blocks).unwrap_or(u32::MAX))
}
