//! What the contract has to answer, by the rules of `domain`: the events in order, or the typed error.

use alloy::primitives::U256;
use piecework_contracts::abi::Escrow as abi;
use piecework_contracts::abi::Escrow::EscrowErrors;
use piecework_domain::Address;
use piecework_domain::chain::{EndReason, Engagement, Event, Status};
use piecework_domain::ids::EngagementId;
use piecework_domain::messages::Verdict;
use piecework_domain::money::Amount;
use piecework_domain::rules;
use piecework_domain::terms::Terms;
use piecework_domain::time::Timestamp;
use piecework_domain::voucher::Voucher;

use crate::book::Book;

/// A relay fee is at most this part of a payout.
const RELAY_FEE_DIVISOR: u64 = 10;

pub fn redemption(
    book: &Book,
    id: EngagementId,
    voucher: &Voucher,
    submitter: Address,
    now: Timestamp,
) -> Result<Vec<Event>, EscrowErrors> {
    let (terms, e) = book.deal(id);
    require_open(e)?;
    if now < voucher.redeemable_at {
        return Err(challenge_open(voucher.redeemable_at, now));
    }
    let attested_at = voucher.verdicts.iter().map(|v| v.statement.attested_at).max().expect("has verdicts");
    let units = voucher.units.min(rules::units_cap(terms, e.units_max, e.started_at, e.ends_at, attested_at));
    let faults = voucher.faults.min(rules::faults_cap(terms, e.started_at, e.ends_at, attested_at));
    if units <= e.units_paid && faults <= e.faults {
        let nothing = abi::NothingNew { unitsPaid: U256::from(e.units_paid), units: U256::from(units) };
        return Err(EscrowErrors::NothingNew(nothing));
    }
    let mut events = Vec::new();
    if units > e.units_paid {
        let pay = U256::from(units - e.units_paid) * U256::from(e.bid.rate);
        let relay_fee = U256::from(e.bid.relay_fee).min(pay / U256::from(RELAY_FEE_DIVISOR));
        events.push(Event::Redeemed {
            engagement: id,
            payee: e.bid.payee,
            submitter,
            units,
            amount: Amount(pay - relay_fee),
            relay_fee: Amount(relay_fee),
        });
    }
    if faults > e.faults {
        let (before, bond) = (rules::bond_left(terms, e.faults), rules::bond_left(terms, faults));
        events.push(Event::Faulted { engagement: id, faults, penalty: before.saturating_sub(bond), bond });
    }
    let last = terms.faults_max != 0 && faults.max(e.faults) >= terms.faults_max.into();
    if last && works(e, now) {
        events.push(ended(book, id, EndReason::Faults, now));
    }
    Ok(events)
}

pub fn fee(
    book: &Book,
    id: EngagementId,
    (verifier, attested_at): (Address, Timestamp),
    verdicts: &[Verdict],
    now: Timestamp,
) -> Result<Event, EscrowErrors> {
    let (terms, e) = book.deal(id);
    require_open(e)?;
    if terms.verifier_fee == 0 || verdicts.is_empty() {
        return Err(EscrowErrors::ZeroAmount(abi::ZeroAmount {}));
    }
    if !e.verifiers.contains(verifier) {
        return Err(EscrowErrors::NotVerifier(abi::NotVerifier { actual: verifier }));
    }
    let payable_at = attested_at.plus(terms.challenge_seconds.into());
    if now < payable_at {
        return Err(challenge_open(payable_at, now));
    }
    let mark = e.fees.get(&verifier).copied().unwrap_or_default();
    let over = rules::epochs_over(terms, e.started_at, e.ends_at, attested_at);
    let mut next_epoch = mark.next_epoch;
    for verdict in verdicts {
        let epoch = U256::from(verdict.epoch);
        if verdict.epoch < next_epoch {
            return Err(EscrowErrors::EpochClaimed(abi::EpochClaimed { nextEpoch: U256::from(next_epoch), epoch }));
        }
        if verdict.epoch >= over {
            return Err(EscrowErrors::EpochOpen(abi::EpochOpen { epochsOver: U256::from(over), epoch }));
        }
        next_epoch = verdict.epoch + 1;
    }
    let epochs = u64::try_from(verdicts.len()).unwrap();
    let reserved = rules::fee_epochs(terms, e.units_max);
    if u128::from(mark.epochs_paid + epochs) > reserved {
        return Err(EscrowErrors::NothingReserved(abi::NothingReserved { epochs: U256::from(reserved) }));
    }
    let amount = Amount::from(terms.verifier_fee).checked_mul(epochs).unwrap();
    Ok(Event::FeeClaimed { engagement: id, verifier, epochs, next_epoch, amount })
}

/// What ends at `at` keeps the units that the clock has begun until then.
pub fn ended(book: &Book, id: EngagementId, reason: EndReason, at: Timestamp) -> Event {
    let (terms, e) = book.deal(id);
    let units = match u64::from(terms.unit_seconds) {
        0 => e.units_max,
        seconds => e.units_max.min(at.since(e.started_at).div_ceil(seconds)),
    };
    let pay = U256::from(e.units_max - units) * U256::from(e.bid.rate);
    let released = pay + fees(terms, e, e.units_max) - fees(terms, e, units);
    let escrow = book.bounties[&e.bounty].escrow.0 + released;
    Event::Ended {
        engagement: id,
        bounty: e.bounty,
        reason,
        ended_at: at,
        units_max: units,
        released: Amount(released),
        escrow: Amount(escrow),
    }
}

/// What is still reserved for an engagement, fees included.
pub fn reserved(terms: &Terms, e: &Engagement) -> U256 {
    let pay = U256::from(e.units_max - e.units_paid) * U256::from(e.bid.rate);
    pay + fees(terms, e, e.units_max) - e.record.fees_paid.0
}

pub fn fees(terms: &Terms, e: &Engagement, units: u64) -> U256 {
    rules::fee_reserve(terms, e.verifiers.members.len(), units).unwrap().0
}

/// Whether work at `now` still counts.
pub fn works(e: &Engagement, now: Timestamp) -> bool {
    e.status == Status::Active && e.ends_at.is_none_or(|end| now < end)
}

fn require_open(e: &Engagement) -> Result<(), EscrowErrors> {
    match e.status {
        Status::Closed { .. } => Err(EscrowErrors::NotEngaged(abi::NotEngaged { engagement: e.id.0, status: 3 })),
        _ => Ok(()),
    }
}

fn challenge_open(until: Timestamp, now: Timestamp) -> EscrowErrors {
    EscrowErrors::ChallengeOpen(abi::ChallengeOpen { until: U256::from(until.0), time: U256::from(now.0) })
}
