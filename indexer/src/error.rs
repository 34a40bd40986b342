//! Why indexing stops or waits.

use piecework_contracts::Undecodable;
use piecework_domain::Address;
use piecework_domain::chain::Inconsistent;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] piecework_store::Error),
    /// The endpoint did not answer, or not with what was asked for; worth trying again.
    #[error("asking endpoint {endpoint} for {what}: {problem}")]
    Rpc { endpoint: usize, what: &'static str, problem: String },
    /// Two answers that can't both be true; none is believed.
    #[error("endpoint {endpoint} contradicts itself or the others: {problem}")]
    Contradiction { endpoint: usize, problem: String },
    /// The chain moved between two answers; the next step sees it.
    #[error("the chain was reorganised meanwhile")]
    Moved,
    #[error("no endpoint of chain {chain_id} can be asked at the moment")]
    NoEndpoint { chain_id: u64 },
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
        "chain {chain_id} is mirrored for the escrow {mirrored}, not {asked}: use another database, or `piecework index --rebuild`"
    )]
    WrongEscrow { chain_id: u64, mirrored: Address, asked: Address },
    #[error(
        "chain {chain_id} was reorganised below block {finalized}, which it had called final: once you know which chain is \
         right, run `piecework index --rebuild`"
    )]
    TooDeep { chain_id: u64, finalized: u64 },
    #[error("chain {chain_id} is not mirrored in this database")]
    NotMirrored { chain_id: u64 },
    #[error("a task of the indexer failed")]
    Task(#[from] tokio::task::JoinError),
}

impl Error {
    /// Whether the same step may succeed later.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Rpc { .. } | Self::Contradiction { .. } | Self::Moved | Self::NoEndpoint { .. } => true,
            Self::Store(err) => matches!(err, piecework_store::Error::Database(_)),
            _ => false,
        }
    }

    /// The endpoint to blame.
    pub fn endpoint(&self) -> Option<usize> {
        match self {
            Self::Rpc { endpoint, .. } | Self::Contradiction { endpoint, .. } => Some(*endpoint),
            _ => None,
        }
    }
}
