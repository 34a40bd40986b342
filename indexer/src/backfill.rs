//! Final history: ranges are fetched side by side and applied in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::Error;
use crate::endpoints::Endpoints;
use crate::range::{Fetched, Verify, fetch};
use crate::source::Source;

/// Ranges under way at once. They and what they hold are all the memory that history takes.
const CONCURRENT: usize = 4;
/// Blocks of a range, at most and at first.
const BLOCKS_MAX: u64 = 10_000;
const BLOCKS_FIRST: u64 = 50;
/// Events that a range should have.
const EVENTS: u64 = 5_000;
/// Events written at once, about: the more, the fewer times a row is replaced.
const PORTION: usize = 20_000;
/// Times that one block is asked for before the step fails.
const ATTEMPTS: u32 = 8;

/// How much is checked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plan {
    pub verify: Verify,
    /// Two endpoints must agree, even if that means waiting for a second one.
    pub witnessed: bool,
}

/// Ranges of `from..=to` in order.
pub struct Backfill {
    endpoints: Arc<Endpoints>,
    chain_id: u64,
    plan: Plan,
    /// Blocks of the next range: what works is learnt on the way.
    blocks: Arc<AtomicU64>,
    next: u64,
    to: u64,
    turn: usize,
    under_way: VecDeque<JoinHandle<Result<Vec<Fetched>, Error>>>,
    ready: VecDeque<Fetched>,
}

impl Backfill {
    pub fn new(endpoints: Arc<Endpoints>, chain_id: u64, plan: Plan, from: u64, to: u64) -> Self {
        let blocks = Arc::new(AtomicU64::new(BLOCKS_FIRST));
        let (under_way, ready) = (VecDeque::new(), VecDeque::new());
        Self { endpoints, chain_id, plan, blocks, next: from, to, turn: 0, under_way, ready }
    }

    /// The next blocks in a row: one range, and with it what else is there already. `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Fetched>, Error> {
        let Some(mut portion) = self.range().await? else { return Ok(None) };
        while portion.placed.len() < PORTION && self.has_more_ready() {
            let Some(next) = self.range().await? else { break };
            if next.parent_hash != portion.last.hash {
                return Err(Error::Moved);
            }
            portion.placed.extend(next.placed);
            portion.last = next.last;
        }
        Ok(Some(portion))
    }

    fn has_more_ready(&self) -> bool {
        !self.ready.is_empty() || self.under_way.front().is_some_and(JoinHandle::is_finished)
    }

    async fn range(&mut self) -> Result<Option<Fetched>, Error> {
        loop {
            while self.next <= self.to && self.under_way.len() < CONCURRENT {
                let last = self.next.saturating_add(self.blocks.load(Ordering::Relaxed) - 1).min(self.to);
                let (endpoints, blocks) = (self.endpoints.clone(), self.blocks.clone());
                let (chain_id, plan, from, turn) = (self.chain_id, self.plan, self.next, self.turn);
                self.under_way.push_back(tokio::spawn(async move {
                    persist(&endpoints, &blocks, chain_id, plan, (from, last), turn).await
                }));
                (self.next, self.turn) = (last + 1, self.turn.wrapping_add(1));
            }
            if let Some(range) = self.ready.pop_front() {
                return Ok(Some(range));
            }
            let Some(oldest) = self.under_way.pop_front() else { return Ok(None) };
            self.ready = oldest.await??.into();
        }
    }
}

impl Drop for Backfill {
    fn drop(&mut self) {
        for task in &self.under_way {
            task.abort();
        }
    }
}

/// Fetches a range, in smaller parts where an endpoint can't give it whole, from another endpoint where one fails.
async fn persist(
    endpoints: &Endpoints,
    blocks: &AtomicU64,
    chain_id: u64,
    plan: Plan,
    range: (u64, u64),
    turn: usize,
) -> Result<Vec<Fetched>, Error> {
    let mut parts = Vec::new();
    let mut todo = vec![range];
    let mut failures: u32 = 0;
    while let Some((from, to)) = todo.pop() {
        let failed = match endpoints.by_turns(turn.wrapping_add(usize::try_from(failures).unwrap_or_default())) {
            Err(nobody) => nobody,
            Ok(source) => match attempt(endpoints, source, chain_id, (from, to), plan).await {
                Ok(range) => {
                    endpoints.well(source);
                    failures = 0;
                    adapt(blocks, to - from + 1, u64::try_from(range.placed.len()).unwrap_or(u64::MAX));
                    parts.push(range);
                    continue;
                }
                Err(err) => {
                    endpoints.blame(&err);
                    err
                }
            },
        };
        failures += 1;
        if !failed.retryable() || failures > ATTEMPTS {
            return Err(failed);
        }
        tracing::debug!(chain_id, from, to, error = &failed as &dyn std::error::Error, "asking for less");
        let middle = from + (to - from) / 2;
        // Too much asked for, too slow, or too often: half of it, and after a pause.
        if middle < to && matches!(failed, Error::Rpc { .. }) {
            blocks.store((to - from).div_ceil(2).max(1), Ordering::Relaxed);
            todo.push((middle + 1, to));
            todo.push((from, middle));
        } else {
            todo.push((from, to));
        }
        tokio::time::sleep(endpoints.next_chance().max(Duration::from_millis(50) * failures)).await;
    }
    Ok(parts)
}

async fn attempt(
    endpoints: &Endpoints,
    source: &Source,
    chain_id: u64,
    range: (u64, u64),
    plan: Plan,
) -> Result<Fetched, Error> {
    let witness = endpoints.witness(source, plan.witnessed)?;
    fetch(source, witness, chain_id, range, plan.verify).await
}

/// The next range should have about as many events as are written at once, and at most twice the blocks of this one.
fn adapt(blocks: &AtomicU64, had: u64, events: u64) {
    let wanted = had.saturating_mul(EVENTS) / events.max(1);
    blocks.store(wanted.clamp(had / 2, had.saturating_mul(2)).clamp(1, BLOCKS_MAX), Ordering::Relaxed);
}
