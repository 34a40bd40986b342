//! Accounts that are contracts.

use alloy::primitives::{B256, Bytes};
use alloy::sol;
use alloy::sol_types::SolCall;

sol! {
    /// ERC-1271.
    interface Account {
        function isValidSignature(bytes32 digest, bytes memory signature) external view returns (bytes4);
    }
}

/// `isValidSignature(digest, signature)`.
pub fn is_valid_signature_call(digest: B256, signature: &Bytes) -> Bytes {
    Account::isValidSignatureCall { digest, signature: signature.clone() }.abi_encode().into()
}

/// Whether `isValidSignature` answered yes: exactly its own selector, in one word.
pub fn is_valid(answer: &[u8]) -> bool {
    let mut yes = [0; 32];
    yes[..4].copy_from_slice(&Account::isValidSignatureCall::SELECTOR);
    answer == yes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_magic_value_in_one_word_is_a_yes() {
        let mut yes = vec![0; 32];
        yes[..4].copy_from_slice(&[0x16, 0x26, 0xba, 0x7e]);
        assert!(is_valid(&yes));
        for no in [vec![], yes[..4].to_vec(), vec![0xff; 32], [yes.clone(), vec![0; 32]].concat(), vec![0; 32]] {
            assert!(!is_valid(&no), "{no:?}");
        }
    }
}
