//! Reading the chain.

use alloy::eips::BlockNumberOrTag;
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::{Block, Filter, Log};
use piecework_domain::Address;
use piecework_domain::time::Timestamp;
use piecework_store::chains::{Cursor, Header};

use crate::Error;

/// One RPC endpoint of one chain.
#[derive(Clone, Debug)]
pub struct Source {
    provider: DynProvider,
    escrow: Address,
}

impl Source {
    pub fn new(provider: DynProvider, escrow: Address) -> Self {
        Self { provider, escrow }
    }

    pub async fn chain_id(&self) -> Result<u64, Error> {
        self.provider.get_chain_id().await.map_err(rpc("its id"))
    }

    /// The header of a block, `None` if the chain has no such block.
    pub async fn header(&self, at: BlockNumberOrTag) -> Result<Option<Header>, Error> {
        let block = self.provider.get_block_by_number(at).await.map_err(rpc("a block"))?;
        Ok(block.as_ref().map(header))
    }

    /// The escrow's logs of the blocks after `cursor` up to `last`, in order. A single block is asked for by its hash: an
    /// endpoint that doesn't have it must say so instead of answering with nothing.
    pub async fn logs(&self, cursor: &Cursor, last: &Header) -> Result<Vec<Log>, Error> {
        let filter = Filter::new().address(self.escrow);
        let filter = match cursor.number + 1 == last.number {
            true => filter.at_block_hash(last.hash),
            false => filter.from_block(cursor.number + 1).to_block(last.number),
        };
        let mut logs = self.provider.get_logs(&filter).await.map_err(rpc("logs"))?;
        logs.sort_by_key(|log| (log.block_number, log.log_index));
        Ok(logs)
    }
}

fn header(block: &Block) -> Header {
    Header {
        number: block.header.number,
        hash: block.header.hash,
        parent_hash: block.header.parent_hash,
        time: Timestamp(block.header.timestamp),
    }
}

fn rpc<E: std::fmt::Display>(what: &'static str) -> impl FnOnce(E) -> Error {
    move |err| Error::Rpc { what, problem: err.to_string() }
}
