//! Turning verdicts into money: which verdicts together prove most.

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

use crate::messages::{Statement, Verdict};
use crate::terms::Terms;
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

impl Voucher {
    /// When the newest of its verdicts was attested: units are capped by the clock at that time.
    pub fn attested_at(&self) -> Timestamp {
        self.verdicts.iter().map(|v| v.statement.attested_at).max().unwrap_or_default()
    }
}

/// The voucher that proves most units among verdicts whose challenge window has passed at `now`; with equal units, most
/// faults (so that nobody can be accused of hiding them). `None` while fewer than `threshold` members have spoken.
///
/// `members` are those whose verdicts count: the set's, without any that a ruling ejected from the engagement. `resolved_at`: when
/// the last dispute about a voucher was resolved, from which windows begin anew.
///
/// Counts are cumulative, so each member's newest verdict stands for all its earlier ones.
pub fn best(
    terms: &Terms,
    threshold: u8,
    members: impl Iterator<Item = Address>,
    resolved_at: Timestamp,
    verdicts: &[AttestedVerdict],
    now: Timestamp,
) -> Option<Voucher> {
    let window = u64::from(terms.challenge_seconds);
    let matures = |v: &AttestedVerdict| v.statement.attested_at.max(resolved_at).plus(window);
    let mut newest: Vec<&AttestedVerdict> = Vec::new();
    for member in members {
        let candidate = verdicts
            .iter()
            .filter(|v| v.verifier == member && matures(v) <= now)
            .max_by_key(|v| (v.verdict.epoch, v.verdict.units));
        newest.extend(candidate);
    }
    newest.sort_by_key(|v| std::cmp::Reverse(v.verdict.units));
    let threshold = usize::from(threshold);
    let units = newest.get(threshold.checked_sub(1)?)?.verdict.units;
    newest.retain(|v| v.verdict.units >= units);
    newest.sort_by_key(|v| (std::cmp::Reverse(v.verdict.faults), v.verifier));
    newest.truncate(threshold);
    newest.sort_by_key(|v| v.verifier);
    Some(Voucher {
        units: newest.iter().map(|v| v.verdict.units).min()?,
        faults: newest.iter().map(|v| v.verdict.faults).min()?,
        redeemable_at: newest.iter().map(|v| matures(v)).max()?,
        verdicts: newest.into_iter().cloned().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{EngagementId, EvidenceHash};
    use crate::testing::{START, terms, verifiers};

    fn verdict(member: usize, epoch: u64, units: u64, faults: u64, attested_at: Timestamp) -> AttestedVerdict {
        AttestedVerdict {
            verifier: verifiers().members[member],
            statement: Statement { root: B256::ZERO, attested_at },
            signature: Bytes::new(),
            verdict: Verdict {
                engagement: EngagementId(B256::ZERO),
                epoch,
                units,
                faults,
                evidence: EvidenceHash(B256::ZERO),
            },
            proof: vec![],
        }
    }

    /// The terms' challenge window is 20 s.
    fn best_at(verdicts: &[AttestedVerdict], now: Timestamp) -> Option<(u64, u64)> {
        best(&terms(), 2, verifiers().members.into_iter(), Timestamp(0), verdicts, now)
            .map(|voucher| (voucher.units, voucher.faults))
    }

    #[test]
    fn takes_the_threshold_highest_count() {
        let verdicts = [verdict(0, 0, 10, 0, START), verdict(1, 0, 8, 1, START), verdict(2, 0, 3, 1, START)];
        assert_eq!(best_at(&verdicts, START.plus(20)), Some((8, 0)));
    }

    #[test]
    fn one_verifier_can_not_hide_the_faults_the_others_found() {
        let verdicts = [verdict(0, 0, 10, 3, START), verdict(1, 0, 10, 3, START), verdict(2, 0, 11, 0, START)];
        assert_eq!(best_at(&verdicts, START.plus(20)), Some((10, 3)));
    }

    #[test]
    fn one_verifier_can_neither_raise_nor_lower_it() {
        let honest = [verdict(0, 0, 10, 0, START), verdict(1, 0, 10, 0, START)];
        for lie in [0, 1_000_000] {
            let mut verdicts = honest.to_vec();
            verdicts.push(verdict(2, 0, lie, 0, START));
            assert_eq!(best_at(&verdicts, START.plus(20)), Some((10, 0)), "{lie}");
        }
    }

    #[test]
    fn verdicts_count_once_their_window_has_passed() {
        let verdicts = [verdict(0, 0, 10, 0, START), verdict(1, 0, 10, 0, START.plus(5))];
        assert_eq!(best_at(&verdicts, START.plus(24)), None);
        assert_eq!(best_at(&verdicts, START.plus(25)), Some((10, 0)));
    }

    #[test]
    fn a_newer_verdict_in_its_window_does_not_hide_an_older_one() {
        let verdicts = [
            verdict(0, 0, 10, 0, START),
            verdict(1, 0, 10, 0, START),
            verdict(0, 1, 20, 0, START.plus(10)),
            verdict(1, 1, 20, 0, START.plus(10)),
        ];
        assert_eq!(best_at(&verdicts, START.plus(20)), Some((10, 0)));
        assert_eq!(best_at(&verdicts, START.plus(30)), Some((20, 0)));
    }

    #[test]
    fn verdicts_come_ascending_by_verifier_and_once_each() {
        let verdicts = [verdict(2, 0, 9, 0, START), verdict(0, 0, 9, 0, START), verdict(0, 1, 9, 0, START)];
        let voucher = best(&terms(), 2, verifiers().members.into_iter(), Timestamp(0), &verdicts, START.plus(20))
            .expect("two members spoke");
        let signers: Vec<_> = voucher.verdicts.iter().map(|v| v.verifier).collect();
        assert_eq!(signers, [verifiers().members[0], verifiers().members[2]]);
    }

    #[test]
    fn a_resolution_begins_every_window_anew() {
        let verdicts = [verdict(0, 0, 9, 0, START), verdict(1, 0, 9, 0, START)];
        let at = |now| best(&terms(), 2, verifiers().members.into_iter(), START.plus(15), &verdicts, now);
        assert_eq!(at(START.plus(34)), None);
        assert!(at(START.plus(35)).is_some());
    }

    #[test]
    fn strangers_do_not_count() {
        let mut verdicts = vec![verdict(0, 0, 9, 0, START), verdict(1, 0, 9, 0, START)];
        verdicts[1].verifier = Address::repeat_byte(7);
        assert_eq!(best_at(&verdicts, START.plus(20)), None);
    }
}
