//! Offers, engagements, and what their parties must have in the end.

use std::collections::BTreeMap;

use piecework_contracts::{award_call, claim_call, deposit_call, post_call};
use piecework_domain::chain::{EndReason, Event};
use piecework_domain::ids::{BountyId, EngagementId, SpecHash};
use piecework_domain::messages::{Award, Bid};
use piecework_domain::money::{Amount, NATIVE};
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::{Address, B256, U256, rules};

use crate::chain::{CHAIN_ID, Chain, key, sign, who};
use crate::dice::Dice;

pub const VERIFIERS: u64 = 5;

pub fn verifier(n: u64) -> String {
    format!("verifier {n}")
}

/// Terms and who judges by them.
pub struct Offer {
    terms: Terms,
    set: VerifierSet,
}

impl Offer {
    /// 2 of 3 verifiers, 10 a unit, no faults, no questions.
    pub fn small(chain: &Chain, change: impl FnOnce(&mut Terms)) -> Self {
        let set = set(2, &[1, 2, 3]);
        let mut terms = Terms {
            poster: who("poster"),
            token: NATIVE,
            rate_max: 10,
            units_max: 50,
            unit_seconds: 1,
            epoch_seconds: 10,
            seats: 1,
            bond: 0,
            fault_penalty: 0,
            faults_max: 0,
            open_until: chain.now.plus(1_000_000),
            challenge_seconds: 0,
            notice_seconds: 10,
            silence_seconds: 0,
            verifier_fee: 0,
            verifier_bond_min: 0,
            open_claim: false,
            verifier_set: set.hash(),
            arbiter: Address::ZERO,
            spec_hash: SpecHash(B256::ZERO),
            salt: Amount::from(u128::try_from(chain.book.bounties.len()).unwrap()),
        };
        change(&mut terms);
        Self { terms, set }
    }

    pub fn any(chain: &Chain, dice: &mut Dice) -> Self {
        let short = |dice: &mut Dice, most: u64| u32::try_from(dice.below(most)).unwrap();
        let count = dice.between(1, VERIFIERS);
        let members = dice.some(&(1..=VERIFIERS).collect::<Vec<_>>(), usize::try_from(count).unwrap());
        let threshold = u8::try_from(dice.between(1, count)).unwrap();
        let mut offer = Self::small(chain, |terms| {
            terms.token = dice.pick(&[NATIVE, chain.deployed.test_usd]);
            terms.rate_max = 1 + dice.u128() % (1 << 80);
            terms.units_max = dice.between(1, 300);
            terms.unit_seconds = short(dice, 4);
            terms.epoch_seconds = 1 + short(dice, 20);
            terms.seats = 2;
            terms.bond = dice.u128() % (1 << 80);
            terms.fault_penalty = terms.bond / u128::from(dice.between(1, 6));
            terms.faults_max = short(dice, 7);
            terms.challenge_seconds = short(dice, 20);
            terms.notice_seconds = short(dice, 30);
            terms.silence_seconds = short(dice, 30);
            terms.verifier_fee = dice.pick(&[0, 7, 7_000, 1_000_000_000_000_000_000]);
            terms.open_claim = dice.percent(30);
        });
        offer.set = set(threshold, &members);
        offer.terms.verifier_set = offer.set.hash();
        offer
    }

    /// Posts the bounty if need be, with money for twice what its seats cost, and engages a runner.
    pub async fn engage(&self, chain: &mut Chain, dice: &mut Dice) -> EngagementId {
        let terms = &self.terms;
        let bounty = terms.bounty_id(CHAIN_ID, chain.deployed.escrow);
        let coin = |amount: U256| if terms.token == NATIVE { amount } else { U256::ZERO };
        if !chain.book.bounties.contains_key(&bounty) {
            let amount = terms.cost(self.set.members.len()).and_then(|cost| cost.checked_mul(2)).unwrap();
            chain.tell(terms.poster, coin(amount.0), post_call(terms, amount)).await;
        }
        let bid = self.bid(bounty, dice);
        let escrow = chain.book.bounties[&bounty].escrow;
        let events = if terms.open_claim {
            chain.tell(bid.runner, coin(U256::from(terms.bond)), claim_call(terms, &self.set, &bid)).await
        } else {
            if terms.bond != 0 {
                let data = deposit_call(terms.token, bid.runner, terms.bond.into());
                chain.tell(bid.runner, coin(U256::from(terms.bond)), data).await;
            }
            chain.tell(who("submitter"), U256::ZERO, self.award(chain, &bid)).await
        };
        let reserve = rules::reserve(terms, self.set.members.len(), bid.rate).unwrap();
        let expected = Event::Engaged {
            engagement: bid.engagement_id(),
            bounty,
            verifiers: self.set.clone(),
            units_max: terms.units_max,
            started_at: chain.now,
            ends_at: (terms.unit_seconds != 0).then(|| chain.now.plus(terms.units_max * u64::from(terms.unit_seconds))),
            reserve,
            spare: false,
            escrow: escrow.checked_sub(reserve).unwrap(),
            bid,
        };
        assert_eq!(events[0], expected);
        let Event::Engaged { engagement, .. } = expected else { unreachable!() };
        engagement
    }

    fn bid(&self, bounty: BountyId, dice: &mut Dice) -> Bid {
        let most = self.terms.rate_max;
        let rate = if self.terms.open_claim { most } else { 1 + dice.u128() % most };
        Bid {
            bounty,
            runner: who("runner"),
            payee: dice.address(),
            node: who("node"),
            rate,
            relay_fee: dice.pick(&[0, rate / 20, rate, u128::MAX]),
            expires_at: self.terms.open_until,
            nonce: Amount(dice.wide()),
        }
    }

    fn award(&self, chain: &Chain, bid: &Bid) -> piecework_domain::Bytes {
        let award =
            Award { bounty: bid.bounty, bid: bid.engagement_id(), expires_at: self.terms.open_until, spare: false };
        let signed_bid = sign(&key("runner"), bid.digest(&chain.domain));
        let signed_award = sign(&key("poster"), award.digest(&chain.domain));
        award_call(&self.terms, &self.set, (bid, &signed_bid), (&award, &signed_award))
    }
}

fn set(threshold: u8, members: &[u64]) -> VerifierSet {
    let mut members: Vec<_> = members.iter().map(|n| who(&verifier(*n))).collect();
    members.sort();
    VerifierSet { threshold, members }
}

/// Several offers, their engagements, and who got what from them.
pub struct World {
    pub chain: Chain,
    pub dice: Dice,
    pub ids: Vec<EngagementId>,
    /// By account and token.
    due: BTreeMap<(Address, Address), U256>,
    seen: BTreeMap<String, usize>,
}

impl World {
    pub async fn set_up(mut chain: Chain, mut dice: Dice) -> Self {
        let mut ids = Vec::new();
        for n in 0..9 {
            let mut offer = Offer::any(&chain, &mut dice);
            if n == 0 {
                // Without a clock there are more epochs than fees.
                let terms = &mut offer.terms;
                (terms.unit_seconds, terms.units_max, terms.epoch_seconds) = (0, 3, 5);
                (terms.verifier_fee, terms.faults_max) = (7, 0);
            }
            for _ in 0..2 {
                ids.push(offer.engage(&mut chain, &mut dice).await);
            }
        }
        Self { chain, dice, ids, due: BTreeMap::new(), seen: BTreeMap::new() }
    }

    /// Keeps what `events` say that somebody got.
    pub fn note(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::Redeemed { engagement, payee, amount, .. } => self.owe(*engagement, *payee, *amount),
                Event::FeeClaimed { engagement, verifier, amount, .. } => self.owe(*engagement, *verifier, *amount),
                Event::Ended { reason: EndReason::Faults, .. } => self.see("ended for faults"),
                Event::Skipped { reason, .. } => self.see(&piecework_contracts::revert_of(reason).code),
                _ => {}
            }
            self.see(event.name());
        }
    }

    pub fn see(&mut self, what: &str) {
        *self.seen.entry(what.to_owned()).or_default() += 1;
    }

    fn owe(&mut self, id: EngagementId, account: Address, amount: Amount) {
        let token = self.chain.book.deal(id).0.token;
        *self.due.entry((account, token)).or_default() += amount.0;
    }

    /// Payees and verifiers send nothing, so they have what they got; the escrow has what is free.
    pub async fn everyone_has_what_was_theirs(&self) {
        for ((account, token), due) in &self.due {
            assert_eq!(self.chain.balance(*account, *token).await, *due, "{token} of {account}");
        }
        let book = &self.chain.book;
        for token in [NATIVE, self.chain.deployed.test_usd] {
            let bounties = book.bounties.values().filter(|b| b.terms.token == token).map(|b| b.escrow.0);
            let balances = book.balances.iter().filter(|((_, of), _)| *of == token).map(|(_, amount)| amount.0);
            let free: U256 = bounties.chain(balances).sum();
            assert_eq!(self.chain.balance(self.chain.deployed.escrow, token).await, free, "{token} in the escrow");
        }
    }

    /// What has not happened yet.
    pub fn missing(&self) -> Vec<&'static str> {
        let all = [
            "redeemed",
            "faulted",
            "ended for faults",
            "feeClaimed",
            "extended",
            "noticeGiven",
            "reclaimed",
            "batch",
            "nothing_new",
            "challenge_open",
            "not_engaged",
            "zero_amount",
            "not_verifier",
            "epoch_claimed",
            "epoch_open",
            "nothing_reserved",
        ];
        all.into_iter().filter(|what| !self.seen.contains_key(*what)).collect()
    }
}
