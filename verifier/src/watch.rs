//! Seeing blocks with one's own eyes.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use alloy::eips::BlockNumberOrTag;
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::Block;
use futures::{StreamExt, TryStreamExt};
use piecework_domain::B256;
use piecework_domain::spec::Finality;
use piecework_domain::time::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::error::rpc;
use crate::memory::Memory;
use crate::recent::Recent;
use crate::{Error, clock};

/// Blocks asked for at once.
const AT_ONCE: usize = 16;
/// Blocks walked back over in one step, at most.
const STEP_MAX: u64 = 64;
/// After being away, older blocks are not worth noting: they were not seen in time.
const CATCH_UP_MAX: u64 = 4_096;
/// Blocks read back over after a start.
const DEEP: u64 = 512;
const DEPTH_PAUSE: Duration = Duration::from_millis(200);
/// Blocks kept in memory.
const KEPT: usize = 8_192;
/// How long what is final may be taken from memory.
const TAG_MS: u64 = 1_000;

/// A block as the endpoint tells it.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    pub number: u64,
    pub hash: B256,
    pub parent_hash: B256,
    pub timestamp: Timestamp,
}

impl From<Block> for Header {
    fn from(block: Block) -> Self {
        Self {
            number: block.header.number,
            hash: block.header.hash,
            parent_hash: block.header.parent_hash,
            timestamp: Timestamp(block.header.timestamp),
        }
    }
}

/// One chain through the verifier's own endpoint.
#[derive(Clone, Debug)]
pub struct View {
    pub chain_id: u64,
    provider: DynProvider,
    recent: Arc<RwLock<Recent>>,
    finals: Arc<RwLock<HashMap<Finality, Tagged>>>,
}

/// The block at a tag, and when it was asked for (milliseconds).
type Tagged = (u64, Option<Header>);

/// What a judgement needs of a chain.
#[derive(Clone, Debug)]
pub struct Blocks {
    /// The newest block at the finality tag, `None` while there is none.
    pub final_number: Option<u64>,
    /// Canonical blocks of the period, ascending.
    pub headers: Vec<Header>,
}

impl View {
    pub fn new(chain_id: u64, provider: DynProvider) -> Self {
        Self { chain_id, provider, recent: Arc::default(), finals: Arc::default() }
    }

    pub fn provider(&self) -> &DynProvider {
        &self.provider
    }

    /// Whether another block than `hash` is known to be at `number` now.
    pub fn is_replaced(&self, number: u64, hash: B256) -> bool {
        self.recent.read().is_ok_and(|recent| recent.at(number).is_some_and(|known| known.hash != hash))
    }

    /// Blocks with timestamps in `[from, to)` and what is final, as the chain stood at `until` or later.
    pub async fn blocks(
        &self,
        from: Timestamp,
        to: Timestamp,
        until: Timestamp,
        finality: Finality,
    ) -> Result<Blocks, Error> {
        // The finality tag first: a block that becomes final while the rest is read counts next to nobody.
        let newest_final = self.at(finality, until).await?;
        let final_number = newest_final.map(|header| header.number);
        if let Some(headers) = self.remembered(from, to, until, newest_final.as_ref()) {
            return Ok(Blocks { final_number, headers });
        }
        Ok(Blocks { final_number, headers: self.between(from, to).await? })
    }

    /// How many canonical blocks there are now with timestamps in `[from, to)`.
    pub async fn count(&self, from: Timestamp, to: Timestamp) -> Result<u64, Error> {
        let known = self.recent.read().ok().and_then(|recent| recent.between(from, to, to));
        let headers = match known {
            Some(headers) => headers,
            None => self.between(from, to).await?,
        };
        Ok(u64::try_from(headers.len()).unwrap_or(u64::MAX))
    }

    /// From memory, if what is final is of the chain remembered: blocks below a final one are final with it.
    fn remembered(
        &self,
        from: Timestamp,
        to: Timestamp,
        until: Timestamp,
        newest_final: Option<&Header>,
    ) -> Option<Vec<Header>> {
        let recent = self.recent.read().ok()?;
        let same_chain = newest_final
            .is_none_or(|header| recent.holds(header) || recent.lowest().is_some_and(|low| header.number < low));
        recent.between(from, to, until).filter(|_| same_chain)
    }

    async fn block(&self, at: BlockNumberOrTag) -> Result<Option<Header>, Error> {
        let block = self.provider.get_block_by_number(at).await.map_err(rpc("reading a block"))?;
        Ok(block.map(Header::from))
    }

    /// The newest block at a finality tag as of `until` or later, `None` while there is none. Asked for at most once a second.
    async fn at(&self, finality: Finality, until: Timestamp) -> Result<Option<Header>, Error> {
        let now_ms = clock::now_ms();
        let known = self.finals.read().ok().and_then(|finals| finals.get(&finality).copied());
        if let Some((read_ms, header)) = known
            && now_ms < read_ms.saturating_add(TAG_MS)
            && read_ms / 1_000 >= until.0
        {
            return Ok(header);
        }
        let tag = match finality {
            Finality::Latest => BlockNumberOrTag::Latest,
            Finality::Safe => BlockNumberOrTag::Safe,
            Finality::Finalized => BlockNumberOrTag::Finalized,
        };
        let header = self.block(tag).await?;
        if let Ok(mut finals) = self.finals.write() {
            finals.insert(finality, (now_ms, header));
        }
        Ok(header)
    }

    /// Canonical blocks with timestamps in `[from, to)`, ascending.
    async fn between(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Header>, Error> {
        let Some(head) = self.block(BlockNumberOrTag::Latest).await? else {
            return Ok(vec![]);
        };
        let first = self.first_at_or_after(from, head.number).await?;
        let mut found = Vec::new();
        let mut next = first;
        while next <= head.number {
            let last = head.number.min(next + 63);
            let batch = self.all(next..=last).await?;
            let over = batch.iter().any(|header| header.timestamp >= to);
            found.extend(batch.into_iter().filter(|header| from <= header.timestamp && header.timestamp < to));
            if over {
                break;
            }
            next = last + 1;
        }
        Ok(found)
    }

    /// Canonical blocks in the order of their `numbers`.
    async fn all(&self, numbers: impl Iterator<Item = u64>) -> Result<Vec<Header>, Error> {
        futures::stream::iter(numbers).map(|number| self.canonical(number)).buffered(AT_ONCE).try_collect().await
    }

    async fn canonical(&self, number: u64) -> Result<Header, Error> {
        let header = self.block(BlockNumberOrTag::Number(number)).await?;
        header.ok_or_else(|| Error::Rpc { what: "reading a block", problem: format!("no block {number}") })
    }

    /// Timestamps ascend, so the first block is found by halving.
    async fn first_at_or_after(&self, time: Timestamp, head: u64) -> Result<u64, Error> {
        let (mut low, mut high) = (0, head + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.canonical(middle).await?.timestamp < time {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Notes every block when it first appears, and reads what came before the first one, until `stop`.
    pub async fn watch(self, memory: Arc<Memory>, poll_interval: Duration, stop: CancellationToken) {
        tokio::join!(self.watch_heads(memory, poll_interval, &stop), self.watch_depths(&stop));
    }

    /// After a start all engagements need the same blocks of the last epochs: they are read once.
    async fn watch_depths(&self, stop: &CancellationToken) {
        loop {
            let ends = self.recent.read().ok().and_then(|recent| recent.lowest().zip(recent.highest()));
            if let Some((lowest, highest)) = ends
                && lowest > 0
                && highest - lowest < DEEP
                && let Err(err) = self.deepen(lowest).await
            {
                // Judging asks for itself what is not here.
                tracing::debug!(error = &err as &dyn std::error::Error, "older blocks not read");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(DEPTH_PAUSE) => {}
            }
        }
    }

    async fn deepen(&self, lowest: u64) -> Result<(), Error> {
        let older = self.all((lowest.saturating_sub(STEP_MAX)..lowest).rev()).await?;
        if let Ok(mut recent) = self.recent.write() {
            recent.deepen(&older);
        }
        Ok(())
    }

    async fn watch_heads(&self, memory: Arc<Memory>, poll_interval: Duration, stop: &CancellationToken) {
        let mut failing = false;
        loop {
            match self.look(&memory).await {
                Ok(()) => failing = false,
                Err(err) if !failing => {
                    failing = true;
                    tracing::warn!(
                        chain_id = self.chain_id,
                        error = &err as &dyn std::error::Error,
                        "can't see the chain"
                    );
                }
                Err(_) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(poll_interval) => {}
            }
        }
    }

    /// Walks from the head back to what is known, in longer and longer steps, so that replaced blocks are noted too.
    async fn look(&self, memory: &Memory) -> Result<(), Error> {
        let seen_ms = clock::now_ms();
        let Some(head) = self.block(BlockNumberOrTag::Latest).await? else {
            return Ok(());
        };
        let as_of = Timestamp(seen_ms / 1_000);
        if self.recent.read().is_ok_and(|recent| recent.ends_with(&head)) {
            self.note(&[], head.number, as_of);
            return Ok(());
        }
        // The head at once: walking back may take a while.
        let seen_ms = clock::now_ms();
        memory.see(self.chain_id, &[(head.number, head.hash)], seen_ms)?;
        let floor = head.number.saturating_sub(CATCH_UP_MAX);
        let first_look = self.recent.read().is_ok_and(|recent| recent.lowest().is_none());
        let mut new = vec![head];
        let mut lowest = head;
        let mut step = 1;
        while !first_look && lowest.number > floor && !self.knows_parent(&lowest) {
            // Mostly one is new; after being away, many at once.
            let from = lowest.number.saturating_sub(step).max(floor);
            for header in self.all((from..lowest.number).rev()).await? {
                if header.hash != lowest.parent_hash {
                    // The chain moved while it was read; look again.
                    return Ok(());
                }
                new.push(header);
                lowest = header;
                if self.knows_parent(&lowest) {
                    break;
                }
            }
            step = (step * 2).min(STEP_MAX);
        }
        let seen: Vec<_> = new.iter().map(|header| (header.number, header.hash)).collect();
        memory.see(self.chain_id, &seen, seen_ms)?;
        self.note(&new, head.number, as_of);
        Ok(())
    }

    fn knows_parent(&self, header: &Header) -> bool {
        let Some(number) = header.number.checked_sub(1) else { return true };
        let parent = Header { number, hash: header.parent_hash, ..*header };
        self.recent.read().is_ok_and(|recent| recent.holds(&parent))
    }

    fn note(&self, new: &[Header], head: u64, as_of: Timestamp) {
        if let Ok(mut recent) = self.recent.write() {
            recent.cut_above(head);
            recent.extend(new, as_of, KEPT);
        }
    }
}
