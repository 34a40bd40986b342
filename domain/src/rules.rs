//! The arithmetic of money and time, equal to `contracts/src/libraries/Rules.sol`.

use alloy_primitives::U256;

use crate::money::Amount;
use crate::terms::Terms;
use crate::time::Timestamp;

/// Epochs a fee is reserved for: those the clock runs through, or one per unit without a clock.
pub fn fee_epochs(terms: &Terms, units: u64) -> u128 {
    if terms.unit_seconds == 0 {
        return u128::from(units);
    }
    (u128::from(units) * u128::from(terms.unit_seconds)).div_ceil(u128::from(terms.epoch_seconds))
}

/// Fees of `verifiers` verifiers for `units` units.
pub fn fee_reserve(terms: &Terms, verifiers: usize, units: u64) -> Option<Amount> {
    U256::from(terms.verifier_fee)
        .checked_mul(U256::from(verifiers))?
        .checked_mul(U256::from(fee_epochs(terms, units)))
        .map(Amount)
}

/// Money an award locks: rate × unitsMax plus the verifiers' fees. `None` where it exceeds 256 bits.
pub fn reserve(terms: &Terms, verifiers: usize, rate: u128) -> Option<Amount> {
    let pay = Amount::from(rate).checked_mul(terms.units_max)?;
    pay.checked_add(fee_reserve(terms, verifiers, terms.units_max)?)
}

/// Most units that can be proven at `now`: (min(now, end) − start) / unitSeconds, and what is reserved.
pub fn units_cap(
    terms: &Terms,
    units_max: u64,
    started_at: Timestamp,
    ends_at: Option<Timestamp>,
    now: Timestamp,
) -> u64 {
    if now < started_at {
        return 0;
    }
    if terms.unit_seconds == 0 {
        return units_max;
    }
    let until = ends_at.map_or(now, |end| end.min(now));
    units_max.min(until.since(started_at) / u64::from(terms.unit_seconds))
}

/// What `faults` leave of the bond.
pub fn bond_left(terms: &Terms, faults: u64) -> Amount {
    let lost = Amount::from(terms.fault_penalty).checked_mul(faults).unwrap_or(Amount(U256::MAX));
    Amount::from(terms.bond).saturating_sub(lost)
}

/// From this time on an ended engagement can be reclaimed.
pub fn reclaimable_at(terms: &Terms, ends_at: Timestamp) -> Timestamp {
    let delay =
        u64::from(terms.epoch_seconds) + u64::from(terms.silence_seconds) + 2 * u64::from(terms.challenge_seconds);
    ends_at.plus(delay)
}

/// Seconds in which the last units can be paid: from when their verdicts, which come `grace_seconds` after the end, can't be contested any
/// more, until the reserve can be reclaimed.
pub fn payout_window(terms: &Terms, grace_seconds: u32) -> u64 {
    let end = Timestamp(0);
    let payable = end.plus(grace_seconds.into()).plus(terms.challenge_seconds.into());
    reclaimable_at(terms, end).since(payable)
}

/// How long a verifier's bond can still be slashed once it asked for it back.
pub const THAW_SECONDS: u64 = 30 * 24 * 60 * 60;

/// From notice to the ruling on a verdict that could be contested last: after another dispute had been resolved.
pub fn exit_seconds(terms: &Terms) -> u64 {
    reclaimable_at(terms, Timestamp(u64::from(terms.notice_seconds))).0
        + 2 * u64::from(terms.silence_seconds)
        + u64::from(terms.challenge_seconds)
}

/// At most one fault per epoch begun by `now`.
pub fn faults_cap(terms: &Terms, started_at: Timestamp, ends_at: Option<Timestamp>, now: Timestamp) -> u64 {
    let until = ends_at.map_or(now, |end| end.min(now));
    until.since(started_at).div_ceil(u64::from(terms.epoch_seconds)).min(u64::from(u32::MAX))
}

/// Epochs a verifier can have judged at `now`: those that are over, the last one cut at the end.
pub fn epochs_over(terms: &Terms, started_at: Timestamp, ends_at: Option<Timestamp>, now: Timestamp) -> u64 {
    let length = u64::from(terms.epoch_seconds);
    match ends_at {
        Some(end) if now >= end => end.since(started_at).div_ceil(length),
        _ => now.since(started_at) / length,
    }
}

/// What is put at risk by a word about `count` units (or faults) worth `price` each, after `lost` lost ones: a tenth, at least
/// one's price, doubled with every one lost, up to 2^16.
pub fn contest_bond(count: u64, price: u128, lost: u8) -> Amount {
    let tenth = U256::from(price) * U256::from(count) / U256::from(10);
    Amount(tenth.max(U256::from(price)) << usize::from(lost.min(16)))
}

/// The half-open period `[from, to)` that epoch `epoch` of an engagement covers, cut at the engagement's end.
/// `None` for an epoch that begins at or after the end.
pub fn epoch_window(
    terms: &Terms,
    started_at: Timestamp,
    ends_at: Option<Timestamp>,
    epoch: u64,
) -> Option<(Timestamp, Timestamp)> {
    let length = u64::from(terms.epoch_seconds);
    let from = started_at.plus(epoch.checked_mul(length)?);
    let to = ends_at.map_or(from.plus(length), |end| end.min(from.plus(length)));
    (from < to).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{START, terms};

    #[test]
    fn the_reserve_covers_pay_and_every_begun_epochs_fees() {
        let mut terms = terms();
        assert_eq!(reserve(&terms, 3, 500), Some(Amount::from(100 * 500 + 7 * 3 * 10)));
        terms.units_max = 101;
        assert_eq!(fee_reserve(&terms, 3, 101), Some(Amount::from(7 * 3 * 11)));
        terms.unit_seconds = 0;
        assert_eq!(fee_reserve(&terms, 3, 101), Some(Amount::from(7 * 3 * 101)));
    }

    #[test]
    fn the_clock_caps_units_at_every_boundary() {
        let terms = terms();
        let end = Some(START.plus(30));
        let cap = |now| units_cap(&terms, 100, START, end, now);
        assert_eq!(cap(Timestamp(START.0 - 1)), 0);
        assert_eq!((cap(START), cap(START.plus(1)), cap(START.plus(29))), (0, 1, 29));
        assert_eq!((cap(START.plus(30)), cap(START.plus(31)), cap(START.plus(900))), (30, 30, 30));
        assert_eq!(units_cap(&terms, 100, START, None, START.plus(900)), 100);
    }

    #[test]
    fn the_payout_window_is_what_grace_and_challenge_leave_of_the_time_to_reclaim() {
        let terms = Terms { epoch_seconds: 1, silence_seconds: 300, challenge_seconds: 7, ..terms() };
        assert_eq!(reclaimable_at(&terms, START), START.plus(315));
        assert_eq!(payout_window(&terms, 0), 308);
        assert_eq!(payout_window(&terms, 300), 8, "a grace as long as the silence leaves an epoch and a challenge");
        assert_eq!((payout_window(&terms, 308), payout_window(&terms, u32::MAX)), (0, 0));
    }

    #[test]
    fn faults_never_take_more_than_the_bond() {
        let terms = terms();
        assert_eq!(bond_left(&terms, 2), Amount::from(3_000));
        assert_eq!(bond_left(&terms, 5), Amount::ZERO);
        assert_eq!(bond_left(&terms, u64::MAX), Amount::ZERO);
    }

    #[test]
    fn the_last_epoch_is_cut_at_the_end() {
        let terms = terms();
        let end = Some(START.plus(25));
        assert_eq!(epoch_window(&terms, START, end, 1), Some((START.plus(10), START.plus(20))));
        assert_eq!(epoch_window(&terms, START, end, 2), Some((START.plus(20), START.plus(25))));
        assert_eq!(epoch_window(&terms, START, end, 3), None);
        assert_eq!(epoch_window(&terms, START, Some(START.plus(20)), 2), None);
        assert_eq!(epoch_window(&terms, START, None, u64::MAX), None);
    }
}
