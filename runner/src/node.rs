//! The runner's own node.

use alloy::eips::BlockNumberOrTag;
use alloy::providers::{DynProvider, Provider};
use piecework_domain::B256;
use piecework_domain::time::Timestamp;

use crate::Error;
use crate::error::rpc;

#[derive(Clone, Copy, Debug)]
pub struct Header {
    pub number: u64,
    pub hash: B256,
    pub timestamp: Timestamp,
}

#[derive(Clone, Debug)]
pub struct Node(pub DynProvider);

impl Node {
    pub async fn head(&self) -> Result<Option<Header>, Error> {
        self.block(BlockNumberOrTag::Latest).await
    }

    pub async fn at(&self, number: u64) -> Result<Option<Header>, Error> {
        self.block(BlockNumberOrTag::Number(number)).await
    }

    async fn block(&self, at: BlockNumberOrTag) -> Result<Option<Header>, Error> {
        let block = self.0.get_block_by_number(at).await.map_err(rpc("reading the node's block"))?;
        Ok(block.map(|block| Header {
            number: block.header.number,
            hash: block.header.hash,
            timestamp: Timestamp(block.header.timestamp),
        }))
    }
}
