//! What is offered in a walk: short times, small numbers, every kind of term.

use piecework_domain::chain::Bounty;
use piecework_domain::ids::{BountyId, SpecHash};
use piecework_domain::messages::Bid;
use piecework_domain::money::{Amount, NATIVE};
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::{Address, B256};

use super::walk::Walk;
use crate::chain::{CHAIN_ID, who};

/// Terms and who judges by them.
#[derive(Clone, Debug)]
pub struct Offer {
    pub id: BountyId,
    pub terms: Terms,
    pub set: VerifierSet,
}

impl Walk {
    /// A new offer, rarely one that can't be posted.
    pub fn offer(&mut self) -> Offer {
        let members: Vec<u64> = self.dice.some(&[1, 2, 3, 4], 3);
        let mut members: Vec<Address> = members.iter().map(|n| who(&format!("verifier {n}"))).collect();
        members.sort();
        let set = VerifierSet { threshold: self.dice.pick(&[1, 2, 2, 3]), members };
        let open_for = if self.dice.percent(20) { self.dice.between(1, 30) } else { self.dice.between(300, 1_500) };
        let dice = &mut self.dice;
        let mut seconds = |from, to| u32::try_from(dice.between(from, to)).unwrap();
        let (epoch_seconds, notice_seconds, silence_seconds) = (seconds(5, 12), seconds(5, 20), seconds(15, 30));
        let challenge_seconds = if seconds(1, 10) == 1 { 0 } else { seconds(8, 15) };
        let arbiter = challenge_seconds != 0 && dice.percent(70);
        let terms = Terms {
            poster: who(dice.pick(&["poster 1", "poster 2"])),
            token: dice.pick(&[NATIVE, self.chain.deployed.test_usd]),
            rate_max: u128::from(dice.between(100, 1_000)),
            units_max: dice.between(20, 60),
            unit_seconds: dice.pick(&[0, 0, 1, 2]),
            epoch_seconds,
            seats: if dice.percent(5) { 0 } else { dice.pick(&[1, 2, 3]) },
            bond: dice.pick(&[0, 5_000, 5_000, 10_000]),
            fault_penalty: 0,
            faults_max: dice.pick(&[0, 2, 2, 3]),
            open_until: self.chain.now.plus(open_for),
            challenge_seconds,
            notice_seconds,
            silence_seconds,
            verifier_fee: dice.pick(&[0, 7]),
            verifier_bond_min: dice.pick(&[0, 0, 1_000]),
            open_claim: dice.percent(40),
            verifier_set: set.hash(),
            arbiter: if arbiter { who("arbiter") } else { Address::ZERO },
            spec_hash: SpecHash(B256::ZERO),
            salt: Amount(dice.wide()),
        };
        let terms = Terms { fault_penalty: terms.bond / u128::from(dice.between(1, 6)), ..terms };
        let offer = Offer { id: terms.bounty_id(CHAIN_ID, self.chain.deployed.escrow), terms, set };
        self.offers.push(offer.clone());
        offer
    }

    /// A posted bounty that fits.
    pub fn bounty(&mut self, fits: impl Fn(&Bounty) -> bool) -> Option<(Offer, Bounty)> {
        let book = &self.chain.book;
        let posted = self.offers.iter().filter_map(|offer| Some((offer, book.bounties.get(&offer.id)?)));
        let some: Vec<_> = posted.filter(|(_, bounty)| fits(bounty)).collect();
        (!some.is_empty()).then(|| self.dice.pick(&some)).map(|(offer, bounty)| (offer.clone(), bounty.clone()))
    }

    /// A bid at `rate`; now and then to a payee that money can't be sent to.
    pub fn bid(&mut self, offer: &Offer, rate: u128) -> Bid {
        let n = self.dice.between(1, 4);
        let refuses = if offer.terms.token == NATIVE { self.chain.deployed.test_usd } else { Address::ZERO };
        Bid {
            bounty: offer.id,
            runner: who(&format!("runner {n}")),
            payee: if self.dice.percent(15) { refuses } else { who(&format!("payee {n}")) },
            node: who(&format!("node {n}")),
            rate,
            relay_fee: self.dice.pick(&[0, rate / 50, rate, u128::MAX]),
            expires_at: offer.terms.open_until,
            nonce: Amount(self.dice.wide()),
        }
    }
}
