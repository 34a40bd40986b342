//! What stops a step of the verifier.

use piecework_domain::ids::EvidenceHash;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Api(#[from] piecework_client::Error),
    #[error("{what}: {problem}")]
    Rpc { what: &'static str, problem: String },
    #[error("no RPC endpoint is configured for chain {0}")]
    NoEndpoint(u64),
    #[error("the endpoint for chain {expected} is on chain {actual}")]
    WrongChain { expected: u64, actual: u64 },
    #[error("it would take {0} gas: a hostile token?")]
    TooMuchGas(u64),
    #[error("the API says another start than the escrow: the endpoint is behind, or the API lies")]
    Unconfirmed,
    #[error("not done within {} s", .0.as_secs())]
    TookTooLong(std::time::Duration),
    #[error("judging panicked")]
    Panicked(#[source] tokio::task::JoinError),
    #[error("the verifier's memory")]
    Memory(#[source] Box<redb::Error>),
    #[error("the verifier's memory holds something unreadable")]
    Corrupt(#[source] serde_json::Error),
    #[error("the API's file for {expected} hashes to {actual}")]
    WrongFile { expected: EvidenceHash, actual: EvidenceHash },
    #[error("this evidence is not a verifier's report of an epoch")]
    NotReport(#[source] serde_json::Error),
    #[error("signing")]
    Sign(#[source] alloy::signers::Error),
    #[error("canonical JSON")]
    Canonical(#[from] piecework_domain::canonical::NotCanonical),
}

pub(crate) fn rpc<E: std::fmt::Display>(what: &'static str) -> impl FnOnce(E) -> Error {
    move |err| Error::Rpc { what, problem: err.to_string() }
}

pub(crate) fn memory<E: Into<redb::Error>>(err: E) -> Error {
    Error::Memory(Box::new(err.into()))
}
