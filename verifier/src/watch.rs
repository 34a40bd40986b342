//! Seeing blocks with one's own eyes.

use std::collections::BTreeMap;
use std::sync::Arc;
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
use crate::{Error, clock};

/// Blocks asked for at once.
const AT_ONCE: usize = 16;
/// After being away, older blocks are not worth noting: they were not seen in time.
const CATCH_UP_MAX: u64 = 4_096;

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
}

impl View {
    pub fn new(chain_id: u64, provider: DynProvider) -> Self {
        Self { chain_id, provider }
    }

    async fn block(&self, at: BlockNumberOrTag) -> Result<Option<Header>, Error> {
        let block = self.provider.get_block_by_number(at).await.map_err(rpc("reading a block"))?;
        Ok(block.map(Header::from))
    }

    /// The newest block at a finality tag, `None` while there is none.
    pub async fn at(&self, finality: Finality) -> Result<Option<u64>, Error> {
        let tag = match finality {
            Finality::Latest => BlockNumberOrTag::Latest,
            Finality::Safe => BlockNumberOrTag::Safe,
            Finality::Finalized => BlockNumberOrTag::Finalized,
        };
        Ok(self.block(tag).await?.map(|header| header.number))
    }

    /// Canonical blocks with timestamps in `[from, to)`, ascending.
    pub async fn between(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Header>, Error> {
        let Some(head) = self.block(BlockNumberOrTag::Latest).await? else {
            return Ok(vec![]);
        };
        let first = self.first_at_or_after(from, head.number).await?;
        let mut found = Vec::new();
        let mut next = first;
        while next <= head.number {
            let last = head.number.min(next + 63);
            let batch: Vec<Header> = futures::stream::iter(next..=last)
                .map(|number| self.canonical(number))
                .buffered(AT_ONCE)
                .try_collect()
                .await?;
            let over = batch.iter().any(|header| header.timestamp >= to);
            found.extend(batch.into_iter().filter(|header| from <= header.timestamp && header.timestamp < to));
            if over {
                break;
            }
            next = last + 1;
        }
        Ok(found)
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

    /// Notes every block when it first appears, until `stop`.
    pub async fn watch(self, memory: Arc<Memory>, poll_interval: Duration, stop: CancellationToken) {
        let mut known: BTreeMap<u64, B256> = BTreeMap::new();
        let mut failing = false;
        loop {
            match self.look(&memory, &mut known).await {
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

    /// Walks from the head back to what is known, so that replaced blocks are noted too.
    async fn look(&self, memory: &Memory, known: &mut BTreeMap<u64, B256>) -> Result<(), Error> {
        let Some(head) = self.block(BlockNumberOrTag::Latest).await? else {
            return Ok(());
        };
        if known.get(&head.number) == Some(&head.hash) {
            return Ok(());
        }
        let seen_ms = clock::now_ms();
        let floor = head.number.saturating_sub(CATCH_UP_MAX);
        // The head at once: walking back may take a while.
        memory.see(self.chain_id, &[(head.number, head.hash)], seen_ms)?;
        let first_look = known.is_empty();
        let mut new = vec![(head.number, head.hash)];
        let (mut number, mut expected) = (head.number, head.parent_hash);
        while !first_look && number > floor && known.get(&(number - 1)) != Some(&expected) {
            number -= 1;
            let header = self.canonical(number).await?;
            if header.hash != expected {
                // The chain moved while it was read; look again.
                return Ok(());
            }
            new.push((number, header.hash));
            expected = header.parent_hash;
        }
        memory.see(self.chain_id, &new, seen_ms)?;
        known.extend(new);
        known.split_off(&(head.number + 1));
        *known = known.split_off(&floor);
        Ok(())
    }
}
