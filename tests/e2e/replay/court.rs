//! Questions, and their answers.

use alloy::sol_types::SolCall;
use piecework_contracts::abi::Escrow as abi;
use piecework_contracts::{abi_bid, abi_terms, abi_verifiers, redeem_call};
use piecework_domain::chain::{Contested, Engagement};
use piecework_domain::money::Amount;
use piecework_domain::terms::Terms;
use piecework_domain::time::Timestamp;
use piecework_domain::voucher::Voucher;
use piecework_domain::{Address, U256, rules};

use super::vouchers::{faults_cap, has_judges, units_cap};
use super::walk::{Tx, Walk};
use crate::chain::who;

/// Nothing is asserted once it can be reclaimed.
fn is_open(terms: &Terms, e: &Engagement, now: Timestamp) -> bool {
    e.ends_at.is_none_or(|end| now < rules::reclaimable_at(terms, end))
}

fn contestable(terms: &Terms, e: &Engagement, subject: Contested) -> bool {
    !terms.arbiter.is_zero() && has_judges(e) && e.dispute(subject).is_none()
}

/// `Subject` in Types.sol.
fn number(subject: Contested) -> u8 {
    match subject {
        Contested::Units => 0,
        Contested::Faults => 1,
        Contested::Assertion => 2,
    }
}

impl Walk {
    pub fn assert_units(&mut self) -> Option<Tx> {
        let now = self.chain.now;
        let heard = |terms: &Terms| Timestamp(now.0 - u64::from(terms.silence_seconds));
        let (terms, e) = self.engagement(|terms, e| {
            let more = units_cap(terms, e, heard(terms)) > e.units_paid;
            terms.challenge_seconds != 0 && more && e.assertion.is_none() && is_open(terms, e, now)
        })?;
        let units = self.dice.between(e.units_paid + 1, units_cap(&terms, &e, heard(&terms)));
        let bond = rules::contest_bond(units - e.units_paid, e.bid.rate, e.record.lost_by_runner);
        let call = abi::assertUnitsCall {
            terms: abi_terms(&terms),
            verifiers: abi_verifiers(&e.verifiers),
            bid: abi_bid(&e.bid),
            units,
        };
        let value = self.bond_value(terms.token, e.bid.runner, bond);
        Some(self.tx(e.bid.runner, value, call.abi_encode()))
    }

    pub fn dispute_units(&mut self) -> Option<Tx> {
        let now = self.chain.now;
        let (terms, e) = self.engagement(|terms, e| {
            contestable(terms, e, Contested::Units) && units_cap(terms, e, now) > e.units_paid
        })?;
        let units = self.dice.between(e.units_paid + 1, units_cap(&terms, &e, now));
        let voucher = self.voucher(&terms, &e, (units, e.faults), now);
        let bond = (e.bid.rate, e.record.lost_by_poster);
        let floor = self.dice.between(e.units_paid, units - 1);
        self.contest(&terms, &e, (Contested::Units, terms.poster), (floor, units), bond, Some(&voucher))
    }

    pub fn dispute_faults(&mut self) -> Option<Tx> {
        let now = self.chain.now;
        let (terms, e) = self
            .engagement(|terms, e| contestable(terms, e, Contested::Faults) && faults_cap(terms, e, now) > e.faults)?;
        let faults = e.faults + 1;
        let voucher = self.voucher(&terms, &e, (e.units_paid, faults), now);
        let bond = (e.bid.rate.max(terms.fault_penalty), e.record.lost_by_runner);
        self.contest(&terms, &e, (Contested::Faults, e.bid.runner), (e.faults, faults), bond, Some(&voucher))
    }

    /// Of what nobody contests yet: who contests more takes over.
    pub fn dispute_assertion(&mut self) -> Option<Tx> {
        let (now, subject) = (self.chain.now, Contested::Assertion);
        let uncontested = |e: &Engagement| {
            let asserted = e.assertion.as_ref().filter(|a| now < a.payable_at)?.units;
            Some(e.dispute(subject).map_or(asserted, |dispute| dispute.floor))
        };
        let (terms, e) = self.engagement(|_, e| uncontested(e).is_some_and(|units| units > e.units_paid))?;
        let most = uncontested(&e)? - 1;
        let floor = if self.dice.percent(40) { e.units_paid } else { self.dice.between(e.units_paid, most) };
        let claimed = e.assertion.as_ref()?.units;
        let by = self.dice.pick(&[terms.poster, e.verifiers.members[0]]);
        let lost = if by == terms.poster { e.record.lost_by_poster } else { 0 };
        self.contest(&terms, &e, (subject, by), (floor, claimed), (e.bid.rate, lost), None)
    }

    /// Contests what is above `floor`; without an arbiter that costs nothing.
    fn contest(
        &mut self,
        terms: &Terms,
        e: &Engagement,
        (subject, by): (Contested, Address),
        (floor, claimed): (u64, u64),
        (price, lost): (u128, u8),
        voucher: Option<&Voucher>,
    ) -> Option<Tx> {
        let verdicts = voucher.map(|voucher| redeem_call(terms, &e.verifiers, &e.bid, voucher));
        let verdicts = verdicts.map_or(vec![], |call| abi::redeemCall::abi_decode(&call).unwrap().verdicts);
        let call = abi::disputeCall {
            terms: abi_terms(terms),
            verifiers: abi_verifiers(&e.verifiers),
            bid: abi_bid(&e.bid),
            subject: number(subject),
            floor,
            verdicts,
        };
        let bond = match terms.arbiter.is_zero() {
            true => Amount::ZERO,
            false => rules::contest_bond(claimed - floor, price, lost),
        };
        let value = self.bond_value(terms.token, by, bond);
        Some(self.tx(by, value, call.abi_encode()))
    }

    pub fn rule(&mut self) -> Option<Tx> {
        let now = self.chain.now;
        let (terms, e) = self.engagement(|_, e| e.disputes.iter().any(|dispute| now < dispute.rule_before))?;
        let open: Vec<_> = e.disputes.iter().filter(|dispute| now < dispute.rule_before).collect();
        let dispute = self.dice.pick(&open);
        let outcome = match self.dice.percent(50) {
            true => dispute.claimed,
            false => self.dice.between(dispute.floor, dispute.claimed - 1),
        };
        let call = abi::ruleCall {
            terms: abi_terms(&terms),
            verifiers: abi_verifiers(&e.verifiers),
            bid: abi_bid(&e.bid),
            subject: number(dispute.subject),
            outcome,
        };
        Some(self.tx(who("arbiter"), U256::ZERO, call.abi_encode()))
    }

    /// Ends a question that took too long, or pays what nobody disputed.
    pub fn settle(&mut self) -> Option<Tx> {
        let now = self.chain.now;
        let over = |e: &Engagement| -> Vec<Contested> {
            let unruled = e.disputes.iter().filter(|dispute| dispute.rule_before <= now).map(|dispute| dispute.subject);
            let undisputed = e.assertion.as_ref().filter(|a| a.payable_at <= now);
            let undisputed = undisputed.filter(|_| e.dispute(Contested::Assertion).is_none());
            unruled.chain(undisputed.map(|_| Contested::Assertion)).collect()
        };
        let (terms, e) = self.engagement(|_, e| !over(e).is_empty())?;
        let call = abi::settleCall {
            terms: abi_terms(&terms),
            verifiers: abi_verifiers(&e.verifiers),
            bid: abi_bid(&e.bid),
            subject: number(self.dice.pick(&over(&e))),
        };
        Some(self.tx(who("stranger"), U256::ZERO, call.abi_encode()))
    }
}
