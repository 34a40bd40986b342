//! What stops a step of the companion.

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Api(#[from] piecework_client::Error),
    #[error("{what}: {problem}")]
    Rpc { what: &'static str, problem: String },
    #[error("the journal of signed claims")]
    Journal(#[source] Box<redb::Error>),
    #[error("the journal holds something unreadable")]
    Corrupt(#[source] serde_json::Error),
    #[error("the endpoint is http(s)://host…, without user and password, got {0:?}")]
    Endpoint(String),
    #[error("signing")]
    Sign(#[source] alloy::signers::Error),
}

pub(crate) fn rpc<E: std::fmt::Display>(what: &'static str) -> impl FnOnce(E) -> Error {
    move |err| Error::Rpc { what, problem: err.to_string() }
}

pub(crate) fn journal<E: Into<redb::Error>>(err: E) -> Error {
    Error::Journal(Box::new(err.into()))
}
