//! Why indexing stops or waits.

use piecework_contracts::Undecodable;
use piecework_domain::chain::Inconsistent;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] piecework_store::Error),
    /// The endpoint did not answer, or not with what was asked for; worth trying again.
    #[error("asking the chain for {what}: {problem}")]
    Rpc { what: &'static str, problem: String },
    #[error("chain {chain_id}")]
    Undecodable {
        chain_id: u64,
        #[source]
        err: Undecodable,
    },
    #[error("chain {chain_id}, block {block}, log {log_index}")]
    Inconsistent {
        chain_id: u64,
        block: u64,
        log_index: u64,
        #[source]
        err: Inconsistent,
    },
    #[error("the endpoint is on chain {actual}, expected {expected}")]
    WrongChain { expected: u64, actual: u64 },
    #[error(
        "chain {chain_id} was reorganised below block {oldest}, the oldest one the mirror can undo: \
         index into an empty database"
    )]
    TooDeep { chain_id: u64, oldest: u64 },
}

impl Error {
    /// Whether the same step may succeed later.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Rpc { .. } | Self::Store(piecework_store::Error::Database(_)))
    }
}
