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
    signature.recover_address_from_prehash(&digest).map_err(|_| BadSignature::Unrecoverable)
}

/// Checks that `expected` signed `digest`.
pub fn verify(expected: Address, digest: B256, signature: &Bytes) -> Result<(), BadSignature> {
    let actual = recover(digest, signature)?;
    if actual == expected { Ok(()) } else { Err(BadSignature::Signer { expected, actual }) }
}

/// EIP-191 `personal_sign` digest of a message for people.
pub fn personal_digest(message: &[u8]) -> B256 {
    alloy_primitives::eip191_hash_message(message)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{U256, uint};

    use super::*;
    use crate::testing::{address, sign};

    const ORDER: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);
    const DIGEST: B256 = B256::repeat_byte(9);

    #[test]
    fn finds_the_signer() {
        assert_eq!(recover(DIGEST, &sign(1, DIGEST)), Ok(address(1)));
        let wrong = verify(address(2), DIGEST, &sign(1, DIGEST));
        assert_eq!(wrong, Err(BadSignature::Signer { expected: address(2), actual: address(1) }));
    }

    #[test]
    fn refuses_the_other_form_of_a_valid_signature() {
        let low = sign(1, DIGEST);
        let s = U256::from_be_slice(&low[32..64]);
        let mut high = low.to_vec();
        high[32..64].copy_from_slice(&(ORDER - s).to_be_bytes::<32>());
        high[64] = if low[64] == 27 { 28 } else { 27 };
        assert_eq!(recover(DIGEST, &high), Err(BadSignature::HighS));
    }

    #[test]
    fn refuses_other_lengths_and_parities() {
        let good = sign(1, DIGEST);
        assert_eq!(recover(DIGEST, &good[..64]), Err(BadSignature::Length(64)));
        assert_eq!(recover(DIGEST, &[]), Err(BadSignature::Length(0)));
        let mut odd = good.to_vec();
        odd[64] = 0;
        assert_eq!(recover(DIGEST, &odd), Err(BadSignature::Parity(0)));
    }
}
