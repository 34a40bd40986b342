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

/// The end that the clock sets at the start; `None` without a clock.
pub fn natural_end(terms: &Terms, started_at: Timestamp) -> Option<Timestamp> {
    (terms.unit_seconds != 0).then(|| {
        started_at.plus(
            terms
                .units_max
                .saturating_mul(u64::from(terms.unit_seconds)),
        )
    })
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
    let lost = Amount::from(terms.fault_penalty)
        .checked_mul(faults)
        .unwrap_or(Amount(U256::MAX));
    Amount::from(terms.bond).saturating_sub(lost)
}

/// From this time on an ended engagement can be reclaimed.
pub fn reclaimable_at(terms: &Terms, ends_at: Timestamp) -> Timestamp {
    let wait = u64::from(terms.epoch_seconds)
        + u64::from(terms.silence_seconds)
        + 2 * u64::from(terms.challenge_seconds);
    ends_at.plus(wait)
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
