//! Canonical JSON (RFC 8785) and its keccak256: the one name of a spec or an evidence file.

use alloy_primitives::{B256, keccak256};
use serde::Serialize;

#[derive(Debug, thiserror::Error)]
#[error("writing canonical JSON")]
pub struct NotCanonical(#[source] serde_json::Error);

/// The canonical bytes of `value`.
pub fn bytes<T: Serialize>(value: &T) -> Result<Vec<u8>, NotCanonical> {
    serde_json_canonicalizer::to_vec(value).map_err(NotCanonical)
}

/// keccak256 of the canonical bytes.
pub fn hash<T: Serialize>(value: &T) -> Result<B256, NotCanonical> {
    bytes(value).map(keccak256)
}
