//! What verifiers say, and what it pays them and others.

use std::collections::BTreeMap;

use piecework_contracts::{claim_fee_call, redeem_batch_call, redeem_call};
use piecework_domain::chain::{Engagement, Status};
use piecework_domain::ids::{EngagementId, EvidenceHash};
use piecework_domain::merkle::Tree;
use piecework_domain::messages::{Statement, Verdict};
use piecework_domain::terms::Terms;
use piecework_domain::time::Timestamp;
use piecework_domain::voucher::{AttestedVerdict, Voucher};
use piecework_domain::{Address, U256, rules};

use super::walk::{Tx, Walk};
use crate::attest::{attest, voucher};
use crate::chain::{sign, who};

pub fn units_cap(terms: &Terms, e: &Engagement, at: Timestamp) -> u64 {
    rules::units_cap(terms, e.units_max, e.started_at, e.ends_at, at)
}

pub fn faults_cap(terms: &Terms, e: &Engagement, at: Timestamp) -> u64 {
    rules::faults_cap(terms, e.started_at, e.ends_at, at)
}

/// Whether enough members are left for a voucher.
pub fn has_judges(e: &Engagement) -> bool {
    e.members_left().count() >= e.verifiers.threshold.into()
}

/// The newest attestation that pays at `now`.
fn mature(terms: &Terms, now: Timestamp) -> Timestamp {
    Timestamp(now.0 - u64::from(terms.challenge_seconds))
}

/// Whether enough members are left, and no window has begun anew because of a dispute.
fn pays(terms: &Terms, e: &Engagement, now: Timestamp) -> bool {
    has_judges(e) && e.record.resolved_at <= mature(terms, now)
}

impl Walk {
    pub fn redeem(&mut self) -> Option<Tx> {
        let now = self.chain.now;
        let fits = |terms: &Terms, e: &Engagement| units_cap(terms, e, mature(terms, now)) > e.units_paid;
        let (terms, e) = self.engagement(|terms, e| pays(terms, e, now) && fits(terms, e))?;
        let cap = units_cap(&terms, &e, mature(&terms, now));
        let units = if self.dice.percent(50) { cap } else { self.dice.between(e.units_paid + 1, cap) };
        let voucher = self.voucher(&terms, &e, (units, e.faults), mature(&terms, now));
        Some(self.tx(who("stranger"), U256::ZERO, redeem_call(&terms, &e.verifiers, &e.bid, &voucher)))
    }

    pub fn redeem_fault(&mut self) -> Option<Tx> {
        let now = self.chain.now;
        // Some of them the last that is allowed.
        let any = self.dice.percent(50);
        let (terms, e) = self.engagement(|terms, e| {
            let more = faults_cap(terms, e, mature(terms, now)) > e.faults;
            let last = e.status == Status::Active && e.faults + 2 >= terms.faults_max.into() && terms.faults_max > 0;
            pays(terms, e, now) && more && (any || last)
        })?;
        let units = self.dice.between(e.units_paid, units_cap(&terms, &e, mature(&terms, now)));
        let faults = e.faults + self.dice.pick(&[1, 1, 2]);
        let voucher = self.voucher(&terms, &e, (units, faults), mature(&terms, now));
        Some(self.tx(who("stranger"), U256::ZERO, redeem_call(&terms, &e.verifiers, &e.bid, &voucher)))
    }

    /// One statement of every verifier over several engagements.
    pub fn redeem_batch(&mut self) -> Option<Tx> {
        let now = self.chain.now;
        let mut some: BTreeMap<EngagementId, (Terms, Engagement)> = BTreeMap::new();
        for _ in 0..self.dice.between(1, 5) {
            let (terms, e) = self.engagement(|terms, e| pays(terms, e, now))?;
            some.insert(e.id, (terms, e));
        }
        let attested_at = some.values().map(|(terms, _)| mature(terms, now)).min()?;
        let mut said: BTreeMap<Address, Vec<Verdict>> = BTreeMap::new();
        for (terms, e) in some.values() {
            let counts = (self.dice.between(e.units_paid, units_cap(terms, e, attested_at)), e.faults);
            let left: Vec<_> = e.members_left().collect();
            for signer in self.dice.some(&left, e.verifiers.threshold.into()) {
                said.entry(signer).or_default().push(self.verdict(e.id, counts));
            }
        }
        let mut attested: BTreeMap<EngagementId, Vec<AttestedVerdict>> = BTreeMap::new();
        for (signer, verdicts) in said {
            for verdict in attest(&self.chain.domain, self.key(signer), attested_at, verdicts) {
                attested.entry(verdict.verdict.engagement).or_default().push(verdict);
            }
        }
        let of = |(id, verdicts)| voucher(&some[&id].0, verdicts);
        let vouchers: Vec<Voucher> = attested.into_iter().map(of).collect();
        let deals = some.values().zip(&vouchers);
        let entries: Vec<_> = deals.map(|((terms, e), voucher)| (terms, &e.verifiers, &e.bid, voucher)).collect();
        Some(self.tx(who("stranger"), U256::ZERO, redeem_batch_call(&entries).unwrap()))
    }

    /// One verifier's fees for epochs of several engagements.
    pub fn claim_fee(&mut self) -> Option<Tx> {
        let now = self.chain.now;
        let verifier = who(self.dice.pick(&["verifier 1", "verifier 2", "verifier 3", "verifier 4"]));
        let mut some: BTreeMap<EngagementId, (Terms, Engagement, Vec<Verdict>)> = BTreeMap::new();
        let attested_at = Timestamp(now.0 - 15);
        let open = |terms: &Terms, e: &Engagement| {
            let next = e.fees.get(&verifier).map_or(0, |mark| mark.next_epoch);
            next..rules::epochs_over(terms, e.started_at, e.ends_at, attested_at)
        };
        for _ in 0..self.dice.between(1, 3) {
            let judged = |terms: &Terms, e: &Engagement| terms.verifier_fee > 0 && e.verifiers.contains(verifier);
            let (terms, e) = self.engagement(|terms, e| judged(terms, e) && !open(terms, e).is_empty())?;
            let epochs = open(&terms, &e).filter(|_| self.dice.percent(70)).take(20).collect::<Vec<_>>();
            let verdicts = epochs.into_iter().map(|epoch| Verdict { epoch, ..self.verdict(e.id, (1, 0)) }).collect();
            some.insert(e.id, (terms, e, verdicts));
        }
        let leaves = some.values().flat_map(|(.., verdicts)| verdicts.iter().map(Verdict::leaf)).collect();
        let statement = Statement { root: Tree::new(leaves)?.root(), attested_at };
        let signature = sign(self.key(verifier), statement.digest(&self.chain.domain));
        let entries: Vec<_> =
            some.values().map(|(terms, e, verdicts)| (terms, &e.verifiers, &e.bid, verdicts.as_slice())).collect();
        let data = claim_fee_call(&entries, verifier, attested_at, &signature);
        Some(self.tx(verifier, U256::ZERO, data))
    }

    /// Of members that count: each its own statement, one of them seeing more than the others.
    pub fn voucher(&mut self, terms: &Terms, e: &Engagement, counts: (u64, u64), attested_at: Timestamp) -> Voucher {
        let left: Vec<_> = e.members_left().collect();
        let signers = self.dice.some(&left, e.verifiers.threshold.into());
        let more = self.dice.index(signers.len() + 1);
        let mut verdicts = Vec::new();
        for (at, signer) in signers.into_iter().enumerate() {
            let seen = if at == more && at > 0 { (counts.0 + 1, counts.1 + 1) } else { counts };
            let mut said = vec![self.verdict(e.id, seen)];
            for _ in 0..self.dice.below(3) {
                let other = EngagementId(self.dice.hash());
                said.push(self.verdict(other, seen));
            }
            verdicts.extend(attest(&self.chain.domain, self.key(signer), attested_at, said).into_iter().take(1));
        }
        voucher(terms, verdicts)
    }

    fn verdict(&mut self, engagement: EngagementId, (units, faults): (u64, u64)) -> Verdict {
        Verdict { engagement, epoch: self.dice.below(100), units, faults, evidence: EvidenceHash(self.dice.hash()) }
    }
}
