//! Who signed a digest. 65 bytes with low s, nothing else (STANDARDS, "Tokens and signatures").

use alloy_primitives::{Address, B256, Bytes, Signature};

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadSignature {
    #[error("a signature has 65 bytes, this one has {0}")]
    Length(usize),
    #[error("the last byte of a signature is 27 or 28, this one is {0}")]
    Parity(u8),
    #[error("the signature's s value is in the upper half of the curve order")]
    HighS,
    #[error("no key can have made this signature")]
    Unrecoverable,
    #[error("signed by {actual}, expected {expected}")]
    Signer { expected: Address, actual: Address },
}

/// The address whose key signed `digest`.
pub fn recover(digest: B256, signature: &[u8]) -> Result<Address, BadSignature> {
    if signature.len() != 65 {
        return Err(BadSignature::Length(signature.len()));
    }
    let parity = match signature[64] {
        27 => false,
        28 => true,
        other => return Err(BadSignature::Parity(other)),
    };
    let signature = Signature::from_bytes_and_parity(&signature[..64], parity);
    // Recovery would normalise a high s silently, and accept two byte strings for one signature.
    if signature.normalize_s().is_some() {
        return Err(BadSignature::HighS);
    }
    signature
        .recover_address_from_prehash(&digest)
        .map_err(|_| BadSignature::Unrecoverable)
}

/// Checks that `expected` signed `digest`.
pub fn verify(expected: Address, digest: B256, signature: &Bytes) -> Result<(), BadSignature> {
    let actual = recover(digest, signature)?;
    if actual == expected {
        Ok(())
    } else {
        Err(BadSignature::Signer { expected, actual })
    }
}

/// EIP-191 `personal_sign` digest of a message for people.
pub fn personal_digest(message: &[u8]) -> B256 {
    alloy_primitives::eip191_hash_message(message)
}
