//! Turning verdicts into money: which verdicts together prove most.

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

use crate::messages::{Statement, Verdict};
use crate::terms::{Terms, VerifierSet};
use crate::time::Timestamp;

/// A verdict with all that a contract needs to believe it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttestedVerdict {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub verifier: Address,
    pub statement: Statement,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: Bytes,
    pub verdict: Verdict,
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub proof: Vec<B256>,
}

/// Exactly `threshold` verdicts of distinct members, ascending by verifier.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Voucher {
    /// Proven cumulative units: the lowest among the verdicts.
    pub units: u64,
    /// Proven cumulative faults: the lowest among the verdicts.
    pub faults: u64,
    /// Redeemable from here on.
    pub redeemable_at: Timestamp,
    pub verdicts: Vec<AttestedVerdict>,
}

/// The voucher that proves most units among verdicts whose challenge window has passed at `now`; with equal units, most
/// faults (so that nobody can be accused of hiding them). `None` while fewer than `threshold` members have spoken.
///
/// Counts are cumulative, so each member's newest verdict stands for all its earlier ones.
pub fn best(
    terms: &Terms,
    set: &VerifierSet,
    verdicts: &[AttestedVerdict],
    now: Timestamp,
) -> Option<Voucher> {
    let matures = |v: &AttestedVerdict| {
        v.statement
            .attested_at
            .plus(u64::from(terms.challenge_seconds))
    };
    let mut newest: Vec<&AttestedVerdict> = Vec::new();
    for member in &set.members {
        let candidate = verdicts
            .iter()
            .filter(|v| v.verifier == *member && matures(v) <= now)
            .max_by_key(|v| (v.verdict.epoch, v.verdict.units));
        newest.extend(candidate);
    }
    newest.sort_by_key(|v| {
        (
            std::cmp::Reverse(v.verdict.units),
            std::cmp::Reverse(v.verdict.faults),
            v.verifier,
        )
    });
    let threshold = usize::from(set.threshold);
    if threshold == 0 || newest.len() < threshold {
        return None;
    }
    newest.truncate(threshold);
    newest.sort_by_key(|v| v.verifier);
    Some(Voucher {
        units: newest.iter().map(|v| v.verdict.units).min()?,
        faults: newest.iter().map(|v| v.verdict.faults).min()?,
        redeemable_at: newest.iter().map(|v| matures(v)).max()?,
        verdicts: newest.into_iter().cloned().collect(),
    })
}
