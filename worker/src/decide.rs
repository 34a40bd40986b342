//! Whether an engagement is paid now. Pure: everything it looks at is in its arguments.

use std::time::Duration;

use piecework_domain::chain::{Contested, Engagement, Status};
use piecework_domain::money::Amount;
use piecework_domain::payout_wish::SignedPayoutWish;
use piecework_domain::rules;
use piecework_domain::terms::Terms;
use piecework_domain::time::Timestamp;
use piecework_domain::voucher::{self, AttestedVerdict, Voucher};

/// Least time between two redemptions of an engagement whose time is over.
const LAST_PAUSE: Duration = Duration::from_secs(1);
/// Until a dispute is looked at again: its resolution announces nothing.
const DISPUTE_PAUSE: u64 = 15;
/// Until gas is asked about again.
const GAS_PAUSE: u64 = 30;

/// What is known of an engagement and its verdicts.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub terms: &'a Terms,
    pub engagement: &'a Engagement,
    /// Each verifier's newest ones whose window can have passed.
    pub verdicts: &'a [AttestedVerdict],
    /// When the first of the younger ones was attested.
    pub next_attested: Option<Timestamp>,
    pub sent_seconds_ago: Option<u64>,
    /// What gas costs, in wei.
    pub gas_price: u128,
    /// How the runner wants to be paid.
    pub wish: Option<&'a SignedPayoutWish>,
}

/// When the operator pays.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Least time between two redemptions of one engagement.
    pub pause: Duration,
    /// Above it payouts wait, in wei per gas, unless they would come too late.
    pub gas_price_max: Option<u128>,
}

impl Policy {
    /// The operator's, made stricter by what the runner wants.
    fn with(self, wish: Option<&SignedPayoutWish>) -> Self {
        let Some(wish) = wish else { return self };
        let wanted = Some(wish.gas_price_max).filter(|max| *max > 0);
        Self {
            pause: self.pause.max(Duration::from_secs(wish.every_seconds)),
            gas_price_max: self.gas_price_max.into_iter().chain(wanted).min(),
        }
    }
}

/// What redeeming a voucher brings, in base units of the bounty's token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gain {
    /// To the payee, relay fee included.
    pub pay: Amount,
    /// From the bond to the poster.
    pub penalties: Amount,
    /// It is the last there is to redeem, or ends the engagement: worth its gas once, if it brings a tenth of that.
    pub once: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Pay(Box<Voucher>, Gain),
    /// Nothing to send before `until`, or before there is news. `reason` is a stable code.
    Wait {
        until: Option<Timestamp>,
        reason: &'static str,
    },
}

pub fn decide(facts: &Facts<'_>, policy: &Policy, now: Timestamp) -> Decision {
    let (e, terms) = (facts.engagement, facts.terms);
    if matches!(e.status, Status::Closed { .. }) {
        return Decision::Wait { until: None, reason: "closed" };
    }
    let window = u64::from(terms.challenge_seconds);
    let threshold = e.verifiers.threshold;
    let best = voucher::best(terms, threshold, e.members_left(), e.record.resolved_at, facts.verdicts, now);
    // The next moment at which a better voucher can exist.
    let next_attested = facts.next_attested.map(|at| at.max(e.record.resolved_at).plus(window));
    let reopened = e.record.resolved_at.plus(window);
    let matures = next_attested.into_iter().chain((reopened > now).then_some(reopened)).min();
    let Some(voucher) = best else {
        return Decision::Wait { until: matures, reason: "in_window" };
    };
    if is_frozen(e, &voucher) {
        return Decision::Wait { until: Some(now.plus(DISPUTE_PAUSE)), reason: "in_dispute" };
    }
    let cap = rules::units_cap(terms, e.units_max, e.started_at, e.ends_at, voucher.attested_at());
    let units = below_floor(e, Contested::Units, voucher.units).min(cap).saturating_sub(e.units_paid);
    let penalties = penalties(terms, e, voucher.faults);
    let ends = terms.faults_max != 0 && voucher.faults >= u64::from(terms.faults_max) && e.status == Status::Active;
    if units == 0 && penalties.is_zero() && !ends {
        return Decision::Wait { until: matures, reason: "nothing_new" };
    }
    // Once the time is over the redemption period runs: what is proven then is not made to wait.
    let over = e.ends_at.filter(|end| *end <= now);
    let pay = Amount::from(e.bid.rate).checked_mul(units).unwrap_or_default();
    let policy = policy.with(facts.wish);
    if let Some(wish) = facts.wish.filter(|_| over.is_none() && penalties.is_zero() && !ends) {
        if wish.at_end {
            return Decision::Wait { until: e.ends_at, reason: "wanted_at_end" };
        }
        if pay < wish.amount_min.into() {
            let until = matures.into_iter().chain(e.ends_at).min();
            return Decision::Wait { until, reason: "wanted_from_more" };
        }
    }
    let pause = if over.is_some() { policy.pause.min(LAST_PAUSE) } else { policy.pause };
    let left = facts.sent_seconds_ago.map_or(0, |ago| pause.as_secs().saturating_sub(ago));
    if left > 0 {
        let until = now.plus(left);
        let until = e.ends_at.filter(|end| *end > now).map_or(until, |end| until.min(end));
        return Decision::Wait { until: Some(until), reason: "paid_recently" };
    }
    // In the last half of the redemption period pay matters more than what it costs.
    let late = over.is_some_and(|end| now.since(end) >= rules::reclaimable_at(terms, end).since(end) / 2);
    if policy.gas_price_max.is_some_and(|max| facts.gas_price > max) && !late {
        return Decision::Wait { until: Some(now.plus(GAS_PAUSE)), reason: "gas_price_above_max" };
    }
    let last_sent = facts.sent_seconds_ago.map(|ago| now.0.saturating_sub(ago));
    let is_last = over.is_some() && facts.next_attested.is_none();
    let once = ends || (is_last && last_sent.is_none_or(|at| at < voucher.redeemable_at.0));
    Decision::Pay(Box::new(voucher), Gain { pay, penalties, once })
}

/// What newly proven faults move from the bond to the poster.
fn penalties(terms: &Terms, e: &Engagement, faults: u64) -> Amount {
    if terms.fault_penalty == 0 || faults <= e.faults {
        return Amount::ZERO;
    }
    rules::bond_left(terms, e.faults).saturating_sub(rules::bond_left(terms, faults))
}

/// Nothing of the voucher can be redeemed while what it proves is in dispute.
fn is_frozen(e: &Engagement, voucher: &Voucher) -> bool {
    !e.disputes.is_empty()
        && below_floor(e, Contested::Units, voucher.units) <= e.units_paid
        && below_floor(e, Contested::Faults, voucher.faults) <= e.faults
}

/// What of `count` is not in dispute.
fn below_floor(e: &Engagement, subject: Contested, count: u64) -> u64 {
    e.dispute(subject).map_or(count, |dispute| count.min(dispute.floor))
}

#[cfg(test)]
mod tests {
    use piecework_domain::chain::{Dispute, EndReason};
    use piecework_domain::ids::EvidenceHash;
    use piecework_domain::messages::{Statement, Verdict};
    use piecework_domain::testing::{START, address, engagement, terms};
    use piecework_domain::{B256, Bytes};

    use super::*;

    const PAUSE: u64 = 600;

    /// Two members' verdicts, attested at `at`: the window of these terms is 20 s.
    fn verdicts(units: u64, faults: u64, at: Timestamp) -> Vec<AttestedVerdict> {
        engagement().verifiers.members[..2]
            .iter()
            .map(|verifier| AttestedVerdict {
                verifier: *verifier,
                statement: Statement { root: B256::ZERO, attested_at: at },
                signature: Bytes::new(),
                verdict: Verdict {
                    engagement: engagement().id,
                    epoch: 0,
                    units,
                    faults,
                    evidence: EvidenceHash(B256::ZERO),
                },
                proof: vec![],
            })
            .collect()
    }

    struct Case {
        engagement: Engagement,
        verdicts: Vec<AttestedVerdict>,
        next_attested: Option<Timestamp>,
        sent_seconds_ago: Option<u64>,
        gas_price: u128,
        wish: Option<SignedPayoutWish>,
    }

    fn wish() -> SignedPayoutWish {
        SignedPayoutWish {
            every_seconds: 0,
            amount_min: 0,
            gas_price_max: 0,
            at_end: false,
            since: START,
            signature: Bytes::new(),
        }
    }

    impl Case {
        fn new(units: u64, faults: u64) -> Self {
            let verdicts = verdicts(units, faults, START.plus(20));
            let engagement = engagement();
            Self { engagement, verdicts, next_attested: None, sent_seconds_ago: None, gas_price: 10, wish: None }
        }

        fn at(&self, seconds: u64) -> Decision {
            let facts = Facts {
                terms: &terms(),
                engagement: &self.engagement,
                verdicts: &self.verdicts,
                next_attested: self.next_attested,
                sent_seconds_ago: self.sent_seconds_ago,
                gas_price: self.gas_price,
                wish: self.wish.as_ref(),
            };
            let policy = Policy { pause: Duration::from_secs(PAUSE), gas_price_max: Some(50) };
            decide(&facts, &policy, START.plus(seconds))
        }

        fn gain(&self, seconds: u64) -> Gain {
            match self.at(seconds) {
                Decision::Pay(_, gain) => gain,
                wait => panic!("{wait:?}"),
            }
        }
    }

    fn wait(until: Option<u64>, reason: &'static str) -> Decision {
        Decision::Wait { until: until.map(|seconds| START.plus(seconds)), reason }
    }

    #[test]
    fn pays_what_is_proven_once_its_window_has_passed() {
        let mut case = Case::new(15, 1);
        assert_eq!(case.gain(40), Gain { pay: 7_500.into(), penalties: 1_000.into(), once: false });
        case.verdicts.clear();
        case.next_attested = Some(START.plus(20));
        assert_eq!(case.at(39), wait(Some(40), "in_window"));
    }

    #[test]
    fn nothing_new_waits_for_the_next_window_to_pass() {
        let mut case = Case::new(15, 1);
        (case.engagement.units_paid, case.engagement.faults) = (15, 1);
        assert_eq!(case.at(40), wait(None, "nothing_new"));
        case.next_attested = Some(START.plus(30));
        assert_eq!(case.at(40), wait(Some(50), "nothing_new"));
    }

    #[test]
    fn a_resolution_begins_windows_anew() {
        let mut case = Case::new(15, 0);
        case.engagement.record.resolved_at = START.plus(35);
        assert_eq!(case.at(40), wait(Some(55), "in_window"));
        assert_eq!(case.gain(55).pay, 7_500.into());
    }

    #[test]
    fn waits_between_two_payments_but_not_past_the_end() {
        let mut case = Case::new(15, 0);
        case.sent_seconds_ago = Some(PAUSE);
        assert_eq!(case.gain(40).pay, 7_500.into());
        case.sent_seconds_ago = Some(PAUSE - 1);
        assert_eq!(case.at(40), wait(Some(41), "paid_recently"));
        case.sent_seconds_ago = Some(10);
        assert_eq!(case.at(50), wait(Some(100), "paid_recently"), "the end comes first");
    }

    #[test]
    fn a_runner_can_want_it_later_but_not_past_the_end() {
        let mut case = Case::new(15, 0);
        case.wish = Some(SignedPayoutWish { every_seconds: PAUSE + 5, ..wish() });
        case.sent_seconds_ago = Some(PAUSE);
        assert_eq!(case.at(40), wait(Some(45), "paid_recently"));
        case.wish = Some(SignedPayoutWish { every_seconds: 1, ..wish() });
        case.sent_seconds_ago = Some(PAUSE - 1);
        assert_eq!(case.at(40), wait(Some(41), "paid_recently"), "the operator's pause is the least");
        case.sent_seconds_ago = None;
        case.wish = Some(SignedPayoutWish { amount_min: 7_501, ..wish() });
        assert_eq!(case.at(40), wait(Some(100), "wanted_from_more"));
        case.next_attested = Some(START.plus(30));
        assert_eq!(case.at(40), wait(Some(50), "wanted_from_more"));
        assert_eq!(case.gain(100).pay, 7_500.into(), "over: everything is paid");
        case.wish = Some(SignedPayoutWish { amount_min: 7_500, ..wish() });
        assert_eq!(case.gain(40).pay, 7_500.into());
        case.wish = Some(SignedPayoutWish { at_end: true, ..wish() });
        assert_eq!(case.at(99), wait(Some(100), "wanted_at_end"));
        assert_eq!(case.gain(100).pay, 7_500.into());
    }

    #[test]
    fn a_runners_wish_holds_up_no_fault_and_its_gas_price_is_a_ceiling_too() {
        let mut case = Case::new(15, 1);
        case.wish = Some(SignedPayoutWish { at_end: true, ..wish() });
        assert_eq!(case.gain(40).penalties, 1_000.into());
        let mut case = Case::new(15, 0);
        case.wish = Some(SignedPayoutWish { gas_price_max: 9, ..wish() });
        assert_eq!(case.at(40), wait(Some(70), "gas_price_above_max"));
        case.gas_price = 9;
        assert_eq!(case.gain(40).pay, 7_500.into());
    }

    #[test]
    fn the_last_voucher_is_worth_its_gas_once() {
        let mut case = Case::new(15, 0);
        case.verdicts = verdicts(15, 0, START.plus(80));
        assert!(case.gain(105).once);
        case.sent_seconds_ago = Some(6);
        assert!(case.gain(105).once, "what was sent before can't have had it");
        case.sent_seconds_ago = Some(5);
        assert!(!case.gain(105).once);
        case.sent_seconds_ago = None;
        case.next_attested = Some(START.plus(102));
        assert!(!case.gain(105).once, "there is one more to come");
    }

    #[test]
    fn dear_gas_waits_until_the_redemption_period_is_half_over() {
        let mut case = Case::new(15, 0);
        case.gas_price = 51;
        assert_eq!(case.at(40), wait(Some(70), "gas_price_above_max"));
        // An epoch, the silence and two windows: 110 s.
        assert_eq!(case.at(154), wait(Some(184), "gas_price_above_max"));
        assert_eq!(case.gain(155).pay, 7_500.into());
    }

    #[test]
    fn faults_without_consequence_are_not_worth_a_transaction() {
        let mut case = Case::new(0, 3);
        assert_eq!(case.gain(40), Gain { pay: Amount::ZERO, penalties: 3_000.into(), once: true }, "the third ends it");
        case.engagement.status = Status::Ended { reason: EndReason::Elapsed };
        case.engagement.faults = 5;
        case.verdicts = verdicts(0, 6, START.plus(20));
        assert_eq!(case.at(40), wait(None, "nothing_new"), "nothing is left of the bond");
    }

    #[test]
    fn what_is_in_dispute_waits() {
        let mut case = Case::new(15, 0);
        case.engagement.disputes = vec![Dispute {
            subject: Contested::Units,
            by: address(9),
            floor: 4,
            claimed: 15,
            signers: 3,
            rule_before: START.plus(500),
            bond: Amount::ZERO,
        }];
        assert_eq!(case.gain(40).pay, 2_000.into(), "up to the floor it can be redeemed");
        case.engagement.units_paid = 4;
        assert_eq!(case.at(40), wait(Some(55), "in_dispute"));
    }
}
