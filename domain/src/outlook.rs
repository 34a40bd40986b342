//! Where an engagement's money stands, and what happens next: for people who wait for it.

use serde::{Deserialize, Serialize};

use crate::chain::{Contested, Engagement, Status};
use crate::money::Amount;
use crate::rules;
use crate::terms::Terms;
use crate::time::Timestamp;
use crate::voucher::{self, AttestedVerdict};

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub terms: &'a Terms,
    pub engagement: &'a Engagement,
    /// Each verifier's newest verdicts, in their window or past it, and the newest that are past it.
    pub verdicts: &'a [AttestedVerdict],
    /// An epoch is judged this long after its end.
    pub grace_seconds: u32,
}

/// Amounts in base units of the bounty's token. Earned = in window + redeemable + in dispute + what was paid for.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outlook {
    /// Units that enough verifiers attested, and those paid for without them, as far as the clock allows.
    pub units_proven: u64,
    /// Of these, units that can be redeemed now or are paid.
    pub units_matured: u64,
    /// Faults that enough verifiers attested.
    pub faults_proven: u64,
    /// For the units proven.
    pub earned: Amount,
    /// Proven, and its challenge window is open.
    pub in_window: Amount,
    /// Anyone can turn it into money now.
    pub redeemable: Amount,
    /// Proven, matured, and held by a dispute.
    pub in_dispute: Amount,
    /// For the units paid, relay fees included.
    pub paid: Amount,
    /// Locked for what is still to be earned or paid.
    pub reserve_left: Amount,
    /// Seconds until the last unit reserved can be worked; absent where there is no clock, 0 once it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runway_seconds: Option<u64>,
    /// What happens by itself or becomes possible, soonest first.
    pub upcoming: Vec<Upcoming>,
}

#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Upcoming {
    /// Unix seconds.
    pub at: Timestamp,
    pub what: Happening,
}

/// The codes are stable.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// Verifiers judge the next epoch from here on.
    EpochJudged,
    /// What is proven and in its window becomes redeemable.
    VoucherMatures,
    /// What the runner asserted can be settled and paid.
    AssertionPayable,
    /// The arbiter's time is over: anyone can settle the dispute.
    RulingOver,
    /// Work stops counting.
    Ends,
    /// What is left of reserve and bond goes back: what is not redeemed before can be lost.
    Reclaimable,
}

/// Looks ahead from `now`.
pub fn outlook(facts: &Facts<'_>, now: Timestamp) -> Outlook {
    let Facts { terms, engagement: e, verdicts, .. } = *facts;
    let best = |at| voucher::best(terms, e.verifiers.threshold, e.members_left(), e.record.resolved_at, verdicts, at);
    let newest = best(Timestamp(u64::MAX));
    let cap = |voucher: &voucher::Voucher| {
        voucher.units.min(rules::units_cap(terms, e.units_max, e.started_at, e.ends_at, voucher.attested_at()))
    };
    let matured = best(now).as_ref().map_or(0, cap).max(e.units_paid);
    let proven = newest.as_ref().map_or(0, cap).max(matured);
    // What is above a dispute's floor waits for it.
    let free = e.dispute(Contested::Units).map_or(matured, |dispute| matured.min(dispute.floor.max(e.units_paid)));
    let pay = |units: u64| Amount::from(e.bid.rate).checked_mul(units).unwrap_or_default();
    let is_closed = matches!(e.status, Status::Closed { .. });
    let until = e.ends_at.filter(|_| terms.unit_seconds > 0);
    Outlook {
        units_proven: proven,
        units_matured: matured,
        faults_proven: newest.as_ref().map_or(0, |voucher| voucher.faults).max(e.faults),
        earned: pay(proven),
        in_window: pay(proven - matured),
        redeemable: if is_closed { Amount::ZERO } else { pay(free - e.units_paid) },
        in_dispute: pay(matured - free),
        paid: pay(e.units_paid),
        reserve_left: if is_closed { Amount::ZERO } else { pay(e.units_max.saturating_sub(e.units_paid)) },
        runway_seconds: until.map(|until| until.since(now)),
        upcoming: upcoming(facts, newest.filter(|_| proven > matured).map(|voucher| voucher.redeemable_at), now),
    }
}

fn upcoming(facts: &Facts<'_>, matures_at: Option<Timestamp>, now: Timestamp) -> Vec<Upcoming> {
    let Facts { terms, engagement: e, .. } = *facts;
    if matches!(e.status, Status::Closed { .. }) {
        return vec![];
    }
    let contested = e.dispute(Contested::Assertion).is_some();
    let assertion = e.assertion.as_ref().filter(|_| !contested).map(|assertion| assertion.payable_at);
    let one = |at: Option<Timestamp>, what| at.map(|at| Upcoming { at, what });
    let mut all: Vec<Upcoming> = [
        one(next_judged(facts, now), Happening::EpochJudged),
        one(matures_at, Happening::VoucherMatures),
        one(assertion, Happening::AssertionPayable),
        one(e.ends_at.filter(|_| e.status == Status::Active), Happening::Ends),
        one(e.reclaimable_at(terms), Happening::Reclaimable),
    ]
    .into_iter()
    .flatten()
    .chain(e.disputes.iter().map(|dispute| Upcoming { at: dispute.rule_before, what: Happening::RulingOver }))
    // What can be reclaimed stays so until somebody does it.
    .filter(|next| next.at > now || next.what == Happening::Reclaimable)
    .collect();
    all.sort_unstable();
    all
}

/// When the first epoch that is not judged yet will be.
fn next_judged(facts: &Facts<'_>, now: Timestamp) -> Option<Timestamp> {
    let Facts { terms, engagement: e, grace_seconds, .. } = *facts;
    let grace = u64::from(grace_seconds);
    let first = now.since(e.started_at.plus(grace)) / u64::from(terms.epoch_seconds.max(1));
    (first..=first.saturating_add(1))
        .filter_map(|epoch| rules::epoch_window(terms, e.started_at, e.ends_at, epoch))
        .map(|(_, to)| to.plus(grace))
        .find(|at| *at > now)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{B256, Bytes};

    use super::*;
    use crate::chain::{Assertion, Dispute};
    use crate::ids::EvidenceHash;
    use crate::messages::{Statement, Verdict};
    use crate::testing::{START, address, engagement, terms};

    /// 2 of 3; the window of these terms is 20 s, an epoch has 10 s and a unit 1 s.
    fn verdict(member: usize, units: u64, at: u64) -> AttestedVerdict {
        AttestedVerdict {
            verifier: engagement().verifiers.members[member],
            statement: Statement { root: B256::ZERO, attested_at: START.plus(at) },
            signature: Bytes::new(),
            verdict: Verdict {
                engagement: engagement().id,
                epoch: at / 10,
                units,
                faults: 1,
                evidence: EvidenceHash(B256::ZERO),
            },
            proof: vec![],
        }
    }

    fn at(engagement: &Engagement, verdicts: &[AttestedVerdict], seconds: u64) -> Outlook {
        let facts = Facts { terms: &terms(), engagement, verdicts, grace_seconds: 2 };
        outlook(&facts, START.plus(seconds))
    }

    fn soon(outlook: &Outlook) -> Vec<(u64, Happening)> {
        outlook.upcoming.iter().map(|next| (next.at.since(START), next.what)).collect()
    }

    #[test]
    fn every_unit_is_in_one_place() {
        let mut e = engagement();
        e.units_paid = 4;
        let verdicts =
            [verdict(0, 9, 10), verdict(1, 10, 11), verdict(0, 18, 20), verdict(1, 19, 21), verdict(2, 50, 21)];
        let seen = at(&e, &verdicts, 32);
        assert_eq!((seen.units_proven, seen.units_matured, seen.faults_proven), (19, 9, 1));
        assert_eq!((seen.earned, seen.in_window), (9_500.into(), 5_000.into()));
        assert_eq!((seen.redeemable, seen.in_dispute, seen.paid), (2_500.into(), 0.into(), 2_000.into()));
        assert_eq!((seen.reserve_left, seen.runway_seconds), (48_000.into(), Some(68)));
    }

    #[test]
    fn nothing_is_proven_by_fewer_than_the_threshold() {
        let seen = at(&engagement(), &[verdict(0, 9, 10)], 40);
        assert_eq!((seen.units_proven, seen.earned, seen.redeemable), (0, 0.into(), 0.into()));
    }

    #[test]
    fn a_dispute_holds_what_is_above_its_floor() {
        let mut e = engagement();
        e.disputes = vec![Dispute {
            subject: Contested::Units,
            by: address(9),
            floor: 4,
            claimed: 9,
            signers: 3,
            rule_before: START.plus(90),
            bond: Amount::ZERO,
        }];
        let seen = at(&e, &[verdict(0, 9, 10), verdict(1, 9, 10)], 30);
        assert_eq!((seen.redeemable, seen.in_dispute, seen.in_window), (2_000.into(), 2_500.into(), 0.into()));
        assert!(soon(&seen).contains(&(90, Happening::RulingOver)));
        assert_eq!(at(&e, &[], 90).upcoming.iter().filter(|next| next.what == Happening::RulingOver).count(), 0);
    }

    #[test]
    fn what_comes_next_comes_first() {
        let mut e = engagement();
        let verdicts = [verdict(0, 9, 10), verdict(1, 9, 11)];
        use Happening::{AssertionPayable, Ends, EpochJudged, Reclaimable, VoucherMatures};
        assert_eq!(
            soon(&at(&e, &verdicts, 12)),
            [(22, EpochJudged), (31, VoucherMatures), (100, Ends), (210, Reclaimable)]
        );
        assert_eq!(soon(&at(&e, &verdicts, 11))[0], (12, EpochJudged));
        assert_eq!(soon(&at(&e, &verdicts, 31)), [(32, EpochJudged), (100, Ends), (210, Reclaimable)]);
        // The last epoch is judged after the end.
        assert_eq!(soon(&at(&e, &[], 101)), [(102, EpochJudged), (210, Reclaimable)]);
        assert_eq!(soon(&at(&e, &[], 102)), [(210, Reclaimable)]);
        e.assertion = Some(Assertion { units: 9, payable_at: START.plus(120), bond: Amount::ZERO });
        assert_eq!(soon(&at(&e, &[], 110)), [(120, AssertionPayable), (210, Reclaimable)]);
        assert_eq!(soon(&at(&e, &[], 300)), [(210, Reclaimable)]);
    }

    #[test]
    fn of_what_is_closed_nothing_comes() {
        let mut e = engagement();
        let reason = crate::chain::EndReason::Elapsed;
        e.status = Status::Closed { reason, refunded: Amount::ZERO, bond_returned: Amount::ZERO };
        let seen = at(&e, &[verdict(0, 9, 10), verdict(1, 9, 11)], 400);
        assert_eq!((seen.redeemable, seen.reserve_left, seen.upcoming), (0.into(), 0.into(), vec![]));
    }
}
