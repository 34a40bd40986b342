//! Typed reverts as stable codes: the contract's error name in snake_case.

use alloy::primitives::Bytes;
use alloy::sol_types::SolInterface;

use crate::abi::Escrow::EscrowErrors;

/// A revert for people and programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revert {
    /// `nothing_new`, `challenge_open`, …; `unknown_revert` for data that isn't one of the escrow's errors.
    pub code: String,
    /// The error with its arguments.
    pub detail: String,
}

/// What `data`, returned by a reverted call to the escrow, says.
pub fn revert_of(data: &Bytes) -> Revert {
    let Ok(error) = EscrowErrors::abi_decode(data) else {
        return Revert { code: "unknown_revert".to_owned(), detail: data.to_string() };
    };
    let detail = format!("{error:?}");
    // `Variant(Name { field: value })`: the variant's name is the error's.
    let name = detail.split('(').next().unwrap_or_default();
    let code = name.char_indices().fold(String::new(), |mut code, (at, c)| {
        if c.is_ascii_uppercase() && at > 0 {
            code.push('_');
        }
        code.push(c.to_ascii_lowercase());
        code
    });
    Revert { code, detail }
}
