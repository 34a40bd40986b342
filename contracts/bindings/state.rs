//! What the escrow's storage holds if the events tell the truth: for whoever compares the two.

use alloy::primitives::aliases::{U40, U56};
use piecework_domain::chain::{Bounty, Contested, Engagement, NoticeBy, Status};
use piecework_domain::terms::Terms;
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, U256, rules};

use crate::abi::Escrow as abi;

/// What `bounty(id)` returns. Amounts that no storage could hold come out as the largest that it could.
pub fn bounty_state(bounty: &Bounty) -> abi::BountyState {
    abi::BountyState {
        escrow: bounty.escrow.0.saturating_to(),
        seatsTaken: bounty.seats_taken,
        seatsVacated: bounty.seats_vacated,
        postedAt: bounty.posted_at.0,
    }
}

/// What `engagement(id)` returns.
pub fn engagement_state(e: &Engagement) -> abi::EngagementState {
    // libraries/Flags.sol
    let flags = [
        (e.dispute(Contested::Units).is_some(), 1),
        (e.dispute(Contested::Faults).is_some(), 2),
        (e.assertion.is_some(), 4),
        (e.record.resolved_at != Timestamp(0), 8),
        (e.slashed.is_some(), 16),
    ];
    abi::EngagementState {
        unitsPaid: U56::saturating_from(e.units_paid),
        unitsMax: U56::saturating_from(e.units_max),
        faults: u32::try_from(e.faults).unwrap_or(u32::MAX),
        startedAt: time(e.started_at),
        endsAt: e.ends_at.map_or(U40::ZERO, time),
        status: match e.status {
            Status::Active => 1,
            Status::Ended { .. } => 2,
            Status::Closed { .. } => 3,
        },
        noticeBy: match e.notice_by {
            None => 0,
            Some(NoticeBy::Poster) => 1,
            Some(NoticeBy::Runner) => 2,
        },
        flags: flags.into_iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum(),
    }
}

/// What `record(id)` returns.
pub fn record_state(e: &Engagement) -> abi::Record {
    abi::Record {
        ejected: e.record.ejected,
        resolvedAt: time(e.record.resolved_at),
        lostByPoster: e.record.lost_by_poster,
        lostByRunner: e.record.lost_by_runner,
        reclaimableFrom: time(e.record.reclaimable_from),
        feesPaid: e.record.fees_paid.0.saturating_to(),
    }
}

/// What `assertion(id)` returns.
pub fn assertion_state(e: &Engagement, terms: &Terms) -> abi::Assertion {
    let Some(assertion) = &e.assertion else {
        return abi::Assertion { units: U56::ZERO, assertedAt: U40::ZERO, bond: 0 };
    };
    abi::Assertion {
        units: U56::saturating_from(assertion.units),
        assertedAt: ago(assertion.payable_at, terms.challenge_seconds),
        bond: assertion.bond.0.saturating_to(),
    }
}

/// What `disputeOf(id, subject)` returns.
pub fn dispute_state(e: &Engagement, terms: &Terms, subject: Contested) -> abi::Dispute {
    let Some(dispute) = e.dispute(subject) else {
        let (by, never, nothing) = (Address::ZERO, U40::ZERO, U56::ZERO);
        return abi::Dispute { by, openedAt: never, signers: 0, floor: nothing, claimed: nothing, bond: 0 };
    };
    abi::Dispute {
        by: dispute.by,
        openedAt: ago(dispute.rule_before, terms.silence_seconds),
        signers: dispute.signers,
        floor: U56::saturating_from(dispute.floor),
        claimed: U56::saturating_from(dispute.claimed),
        bond: dispute.bond.0.saturating_to(),
    }
}

/// What the escrow holds for an engagement, in its bounty's token: what is left of reserve and bond, and the bonds at stake. `None`
/// where the counts can't be.
pub fn owed(e: &Engagement, terms: &Terms) -> Option<U256> {
    let reserve = match e.status {
        Status::Closed { .. } => U256::ZERO,
        _ => {
            let fees = rules::fee_reserve(terms, e.verifiers.members.len(), e.units_max)?;
            let pay = U256::from(e.units_max.checked_sub(e.units_paid)?).checked_mul(U256::from(e.bid.rate))?;
            pay.checked_add(fees.0)?.checked_sub(e.record.fees_paid.0)?
        }
    };
    let asserted = e.assertion.as_ref().map_or(U256::ZERO, |assertion| assertion.bond.0);
    let disputed = e.disputes.iter().try_fold(asserted, |sum, dispute| sum.checked_add(dispute.bond.0))?;
    reserve.checked_add(e.bond_left(terms).0)?.checked_add(disputed)
}

fn ago(time: Timestamp, seconds: u32) -> U40 {
    U40::saturating_from(time.0.saturating_sub(seconds.into()))
}

fn time(at: Timestamp) -> U40 {
    U40::saturating_from(at.0)
}
