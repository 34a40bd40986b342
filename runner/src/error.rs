//! What stops a step of the companion.

use piecework_domain::ids::EngagementId;

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
    #[error(
        "the API has a claim for block {number} of {engagement} that this key didn't sign: nothing is signed while it says so"
    )]
    Foreign { engagement: EngagementId, number: u64 },
    #[error("signing")]
    Sign(#[source] alloy::signers::Error),
}

pub(crate) fn rpc<E: std::fmt::Display>(what: &'static str) -> impl FnOnce(E) -> Error {
    move |err| Error::Rpc { what, problem: err.to_string() }
}

pub(crate) fn journal<E: Into<redb::Error>>(err: E) -> Error {
    Error::Journal(Box::new(err.into()))
}
