//! What stops a step of the worker. The next round tries again.

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] piecework_store::Error),
    #[error("{what}: {problem}")]
    Rpc { what: &'static str, problem: String },
    #[error("signing a transaction")]
    Sign(#[source] alloy::signers::Error),
    #[error("sending a webhook: {0}")]
    Http(String),
    #[error("the endpoint is on chain {actual}, expected {expected}")]
    WrongChain { expected: u64, actual: u64 },
}

pub(crate) fn rpc<E: std::fmt::Display>(what: &'static str) -> impl FnOnce(E) -> Error {
    move |err| Error::Rpc { what, problem: err.to_string() }
}
