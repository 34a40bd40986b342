//! What one RPC endpoint says about one chain.

use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::{B256, Bloom, Bytes, U64, U256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::client::{BatchRequest, Waiter};
use alloy::rpc::types::{Filter, Log, TransactionRequest};
use piecework_domain::Address;
use piecework_domain::time::Timestamp;
use piecework_store::chains::{Header, Mark};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Error, Headers};

/// Headers asked for in one request.
const BATCH: usize = 100;

/// The part of a block's header that the mirror uses.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    number: U64,
    pub hash: B256,
    pub parent_hash: B256,
    timestamp: U64,
    pub logs_bloom: Bloom,
}

impl Head {
    pub fn number(&self) -> u64 {
        self.number.to()
    }

    pub fn time(&self) -> Timestamp {
        Timestamp(self.timestamp.to())
    }

    pub fn mark(&self) -> Mark {
        Mark { number: self.number(), hash: self.hash }
    }

    pub fn header(&self) -> Header {
        Header { number: self.number(), hash: self.hash, parent_hash: self.parent_hash, time: self.time() }
    }

    #[cfg(test)]
    pub fn new(number: u64, hash: B256, parent_hash: B256, logs_bloom: Bloom) -> Self {
        Self { number: U64::from(number), hash, parent_hash, timestamp: U64::from(number), logs_bloom }
    }
}

/// One RPC endpoint of one chain.
#[derive(Clone, Debug)]
pub struct Source {
    provider: DynProvider,
    pub escrow: Address,
    headers: Headers,
    /// Its place in the configuration: URLs may hold access keys, so this is what logs and errors call it.
    pub index: usize,
}

impl Source {
    pub fn new(provider: DynProvider, escrow: Address, headers: Headers, index: usize) -> Self {
        Self { provider, escrow, headers, index }
    }

    pub async fn chain_id(&self) -> Result<u64, Error> {
        self.provider.get_chain_id().await.map_err(self.failed("its id"))
    }

    /// The header of a block, `None` if the endpoint has no such block.
    pub async fn head(&self, at: BlockNumberOrTag) -> Result<Option<Head>, Error> {
        let asked = self.provider.client().request::<_, Box<RawValue>>("eth_getBlockByNumber", (at, false));
        self.read(&asked.await.map_err(self.failed("a block"))?)
    }

    /// A block as it was sent. What its hash was made from is not taken on the endpoint's word: a bloom of its own would hide logs.
    fn read(&self, answer: &RawValue) -> Result<Option<Head>, Error> {
        let head: Option<Head> = serde_json::from_str(answer.get()).map_err(self.failed("a block"))?;
        let Some(head) = head else { return Ok(None) };
        if self.headers == Headers::Hashed {
            let whole: alloy::consensus::Header =
                serde_json::from_str(answer.get()).map_err(self.failed("a header"))?;
            let hash = whole.hash_slow();
            if hash != head.hash {
                let problem = format!(
                    "the header of block {} hashes to {hash}, not to {} (a chain whose headers have other fields is indexed with \
                     --trust-headers)",
                    head.number(),
                    head.hash
                );
                return Err(self.contradicts(problem));
            }
        }
        Ok(Some(head))
    }

    /// The headers of `from..=to`, all of them.
    pub async fn heads(&self, from: u64, to: u64) -> Result<Vec<Head>, Error> {
        let numbers: Vec<u64> = (from..=to).collect();
        let mut heads = Vec::with_capacity(numbers.len());
        for chunk in numbers.chunks(BATCH) {
            let mut batch = BatchRequest::new(self.provider.client());
            let mut waiting: Vec<Waiter<Box<RawValue>>> = Vec::with_capacity(chunk.len());
            for number in chunk {
                let call = batch.add_call("eth_getBlockByNumber", &(BlockNumberOrTag::Number(*number), false));
                waiting.push(call.map_err(self.failed("blocks"))?);
            }
            batch.send().await.map_err(self.failed("blocks"))?;
            for (number, answer) in chunk.iter().zip(waiting) {
                let answer = answer.await.map_err(self.failed("blocks"))?;
                let head = self.read(&answer)?.ok_or_else(|| self.missing(*number))?;
                if head.number() != *number {
                    return Err(self.contradicts(format!("block {} in place of {number}", head.number())));
                }
                heads.push(head);
            }
        }
        Ok(heads)
    }

    /// The escrow's logs of `from..=to`, in order.
    pub async fn logs(&self, from: u64, to: u64) -> Result<Vec<Log>, Error> {
        self.sorted(&Filter::new().address(self.escrow).from_block(from).to_block(to)).await
    }

    /// The escrow's logs of one block. By its hash: an endpoint that doesn't have it must say so instead of answering with
    /// nothing.
    pub async fn logs_of(&self, block: B256) -> Result<Vec<Log>, Error> {
        self.sorted(&Filter::new().address(self.escrow).at_block_hash(block)).await
    }

    /// Everybody's logs of one block.
    pub async fn all_logs_of(&self, block: B256) -> Result<Vec<Log>, Error> {
        self.sorted(&Filter::new().at_block_hash(block)).await
    }

    async fn sorted(&self, filter: &Filter) -> Result<Vec<Log>, Error> {
        let mut logs = self.provider.get_logs(filter).await.map_err(self.failed("logs"))?;
        logs.sort_by_key(|log| (log.block_number, log.log_index));
        Ok(logs)
    }

    /// What the escrow answers at one block, in the order of `calls`.
    pub async fn calls(&self, to: Address, block: B256, calls: &[Bytes]) -> Result<Vec<Bytes>, Error> {
        let mut answers = Vec::with_capacity(calls.len());
        for chunk in calls.chunks(BATCH) {
            let mut batch = BatchRequest::new(self.provider.client());
            let mut waiting: Vec<Waiter<Bytes>> = Vec::with_capacity(chunk.len());
            for call in chunk {
                let asked = (TransactionRequest::default().to(to).input(call.clone().into()), BlockId::hash(block));
                waiting.push(batch.add_call("eth_call", &asked).map_err(self.failed("storage"))?);
            }
            batch.send().await.map_err(self.failed("storage"))?;
            for answer in waiting {
                answers.push(answer.await.map_err(self.failed("storage"))?);
            }
        }
        Ok(answers)
    }

    /// Native coin of an account at one block.
    pub async fn balance(&self, account: Address, block: B256) -> Result<U256, Error> {
        self.provider.get_balance(account).hash(block).await.map_err(self.failed("a balance"))
    }

    pub fn missing(&self, number: u64) -> Error {
        Error::Rpc { endpoint: self.index, what: "a block", problem: format!("it has no block {number}") }
    }

    pub fn contradicts(&self, problem: String) -> Error {
        Error::Contradiction { endpoint: self.index, problem }
    }

    fn failed<E: std::fmt::Display>(&self, what: &'static str) -> impl Fn(E) -> Error {
        let endpoint = self.index;
        move |err| Error::Rpc { endpoint, what, problem: without_urls(&err.to_string()) }
    }
}

/// HTTP clients put the URL into their errors, and URLs may hold access keys.
fn without_urls(text: &str) -> String {
    let hide = |word: &str| if word.contains("://") { "<url>".to_owned() } else { word.to_owned() };
    text.split(' ').map(hide).collect::<Vec<_>>().join(" ")
}
