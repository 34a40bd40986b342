//! Headers: standard padded base64 of JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes of a header that are read.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum NotAHeader {
    #[error("it has {0} bytes, {HEADER_BYTES_MAX} at most are read")]
    TooLong(usize),
    #[error("it is not base64: {0}")]
    Base64(#[source] base64::DecodeError),
    #[error("it is not the JSON expected: {0}")]
    Json(#[source] serde_json::Error),
}

pub fn encode(value: &impl Serialize) -> Result<String, serde_json::Error> {
    Ok(STANDARD.encode(serde_json::to_vec(value)?))
}

pub fn decode<T: DeserializeOwned>(text: &[u8]) -> Result<T, NotAHeader> {
    if text.len() > HEADER_BYTES_MAX {
        return Err(NotAHeader::TooLong(text.len()));
    }
    let json = STANDARD.decode(text).map_err(NotAHeader::Base64)?;
    serde_json::from_slice(&json).map_err(NotAHeader::Json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        let text = encode(&vec![1, 2]).expect("is JSON");
        assert_eq!(decode::<Vec<u8>>(text.as_bytes()).expect("is a header"), [1, 2]);
        assert!(matches!(decode::<Vec<u8>>(b"%"), Err(NotAHeader::Base64(_))));
        assert!(matches!(decode::<Vec<u8>>(b"e30="), Err(NotAHeader::Json(_))));
        assert!(matches!(decode::<Vec<u8>>(&[b'e'; HEADER_BYTES_MAX + 1]), Err(NotAHeader::TooLong(_))));
    }
}
