//! What the verifier's own node says, checked like everybody's.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use alloy::providers::{DynProvider, Provider};
use piecework_domain::rpc::Question;
use piecework_domain::rpc::check::Anchor;
use piecework_domain::time::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::error::rpc;
use crate::{Error, clock};

/// Blocks kept for other engagements' questions, and for how long: a reorg could have replaced them.
const KEPT: usize = 64;
const KEPT_FOR: Duration = Duration::from_secs(10);
/// A newest block of this age is fresh on any chain.
const FRESH_SECONDS: u64 = 3;
const HEAD_KEPT_FOR: Duration = Duration::from_millis(250);

/// A block of this node's.
#[derive(Debug)]
pub struct Known {
    pub anchor: Anchor,
    /// Bytes that this node took to tell of it and its receipts.
    pub bytes: usize,
}

/// One chain through the verifier's own node.
pub struct Own {
    provider: DynProvider,
    anchors: Mutex<VecDeque<(Instant, Arc<Known>)>>,
    head: tokio::sync::Mutex<Option<(Instant, Arc<Known>)>>,
    /// Number and time of the first block seen: with the newest they tell how often there is one.
    first: OnceLock<(u64, u64)>,
}

impl Own {
    pub fn new(provider: DynProvider) -> Self {
        Self { provider, anchors: Mutex::default(), head: tokio::sync::Mutex::default(), first: OnceLock::new() }
    }

    /// The newest block, as of a moment ago.
    pub async fn head(&self) -> Result<Arc<Known>, Error> {
        // Held while the node is asked: who comes meanwhile gets the same.
        let mut known = self.head.lock().await;
        if let Some((at, head)) = known.as_ref()
            && at.elapsed() < HEAD_KEPT_FOR
        {
            return Ok(head.clone());
        }
        let at = Instant::now();
        let block = self.call("eth_getBlockByNumber", json!(["latest", true])).await?;
        let anchor = Anchor::read(&block, None).map_err(rpc("reading the newest block"))?;
        self.first.get_or_init(|| (anchor.number(), anchor.header.timestamp));
        let head = Arc::new(Known { anchor, bytes: block.to_string().len() });
        *known = Some((at, head.clone()));
        Ok(head)
    }

    /// Whether this node's newest block is no older than two usually are, which a node that has just been met can't say.
    pub async fn is_up_to_date(&self) -> Result<bool, Error> {
        let newest = self.head().await?.anchor.header.clone();
        let (number, timestamp) = *self.first.get().unwrap_or(&(newest.number, newest.timestamp));
        let blocks = newest.number.saturating_sub(number);
        let Some(interval) = newest.timestamp.saturating_sub(timestamp).checked_div(blocks) else { return Ok(false) };
        let age = clock::now().since(Timestamp(newest.timestamp));
        Ok(age <= FRESH_SECONDS.max(interval.saturating_mul(2)))
    }

    /// A block with its receipts, read not long ago.
    pub async fn anchor(&self, number: u64) -> Result<Arc<Known>, Error> {
        {
            let mut anchors = self.anchors.lock().unwrap_or_else(PoisonError::into_inner);
            while anchors.front().is_some_and(|(at, _)| at.elapsed() > KEPT_FOR) {
                anchors.pop_front();
            }
            if let Some((_, known)) = anchors.iter().find(|(_, known)| known.anchor.number() == number) {
                return Ok(known.clone());
            }
        }
        self.read(number).await
    }

    /// The same, asked for now.
    pub async fn read(&self, number: u64) -> Result<Arc<Known>, Error> {
        let at = Instant::now();
        let block = self.ask(&Question::Block { number, full: true }).await?;
        // Not every node has this method: without it logs are not asked about.
        let receipts = self.ask(&Question::Receipts { number }).await.ok();
        let anchor = Anchor::read(&block, receipts.as_ref()).map_err(rpc("reading a block"))?;
        let bytes = block.to_string().len() + receipts.map_or(0, |receipts| receipts.to_string().len());
        let known = Arc::new(Known { anchor, bytes });
        let mut anchors = self.anchors.lock().unwrap_or_else(PoisonError::into_inner);
        anchors.retain(|(_, known)| known.anchor.number() != number);
        if anchors.len() >= KEPT {
            anchors.pop_front();
        }
        anchors.push_back((at, known.clone()));
        Ok(known)
    }

    /// This node's answer to a question for others.
    pub async fn ask(&self, question: &Question) -> Result<Value, Error> {
        self.call(question.method(), question.params()).await
    }

    async fn call(&self, method: &'static str, params: Value) -> Result<Value, Error> {
        let answer: Value = self.provider.raw_request(method.into(), params).await.map_err(rpc(method))?;
        match answer {
            Value::Null => Err(Error::Rpc { what: method, problem: "nothing there".to_owned() }),
            answer => Ok(answer),
        }
    }
}
