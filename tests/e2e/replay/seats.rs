//! How engagements begin, change and end.

use alloy::sol_types::SolCall;
use piecework_contracts::abi::Escrow as abi;
use piecework_contracts::{
    abi_bid, abi_terms, abi_verifiers, award_call, claim_call, end_call, notice_call, reclaim_call,
};
use piecework_domain::chain::{Bounty, Status};
use piecework_domain::messages::{Award, BlockClaim};
use piecework_domain::money::{Amount, NATIVE};
use piecework_domain::{Address, U256, rules};

use super::walk::{Tx, Walk};
use crate::chain::{sign, who};

impl Walk {
    pub fn claim(&mut self) -> Option<Tx> {
        let now = self.chain.now;
        // Any runner may take a vacated seat.
        let vacated = self.dice.percent(50);
        let free = |bounty: &Bounty| bounty.is_open(now) && (bounty.seats_vacated > 0) == vacated;
        let (offer, bounty) = self.bounty(|bounty| bounty.terms.open_claim && free(bounty))?;
        let bid = self.bid(&offer, offer.terms.rate_max);
        if rules::reserve(&offer.terms, offer.set.members.len(), bid.rate)? > bounty.escrow {
            return None;
        }
        let value = self.bond_value(offer.terms.token, bid.runner, offer.terms.bond.into());
        Some(self.tx(bid.runner, value, claim_call(&offer.terms, &offer.set, &bid)))
    }

    pub fn award(&mut self, spare: bool) -> Option<Tx> {
        let now = self.chain.now;
        let vacated = spare || self.dice.percent(50);
        let free = |bounty: &Bounty| bounty.is_open(now) && (bounty.seats_vacated > 0) == vacated;
        let (offer, bounty) = self.bounty(free)?;
        let rate = u128::from(self.dice.between(50, 100)) * offer.terms.rate_max / 100;
        let bid = self.bid(&offer, rate);
        if rules::reserve(&offer.terms, offer.set.members.len(), bid.rate)? > bounty.escrow {
            return None;
        }
        let award = Award { bounty: offer.id, bid: bid.engagement_id(), expires_at: bid.expires_at, spare };
        let signed_bid = sign(self.key(bid.runner), bid.digest(&self.chain.domain));
        let signed_award = sign(self.key(offer.terms.poster), award.digest(&self.chain.domain));
        let data = award_call(&offer.terms, &offer.set, (&bid, &signed_bid), (&award, &signed_award));
        let value = self.bond_value(offer.terms.token, bid.runner, offer.terms.bond.into());
        Some(self.tx(who("stranger"), value, data))
    }

    /// Native coin for a bond, unless it can come from what `account` has free.
    pub fn bond_value(&mut self, token: Address, account: Address, bond: Amount) -> U256 {
        let free = self.chain.book.balance(account, token) >= bond;
        if token != NATIVE || (free && self.dice.percent(70)) { U256::ZERO } else { bond.0 }
    }

    pub fn extend(&mut self) -> Option<Tx> {
        let now = self.chain.now;
        let (terms, e) = self.engagement(|terms, e| {
            let notice_ends = now.plus(terms.notice_seconds.into());
            e.status == Status::Active && e.notice_by.is_none() && e.ends_at.is_none_or(|end| notice_ends < end)
        })?;
        let units = self.dice.between(1, 10);
        let call = abi::extendCall {
            terms: abi_terms(&terms),
            verifiers: abi_verifiers(&e.verifiers),
            bid: abi_bid(&e.bid),
            units,
        };
        Some(self.tx(terms.poster, U256::ZERO, call.abi_encode()))
    }

    pub fn notice(&mut self) -> Option<Tx> {
        let now = self.chain.now;
        let (terms, e) = self.engagement(|terms, e| {
            let ends_at = now.plus(terms.notice_seconds.into());
            e.status == Status::Active && e.ends_at.is_none_or(|end| ends_at < end)
        })?;
        let by = self.dice.pick(&[terms.poster, e.bid.runner]);
        Some(self.tx(by, U256::ZERO, notice_call(&terms, &e.bid)))
    }

    pub fn end(&mut self) -> Option<Tx> {
        let now = self.chain.now;
        let (terms, e) = self.engagement(|_, e| {
            e.status == Status::Active && (e.units_paid == e.units_max || e.ends_at.is_some_and(|end| end <= now))
        })?;
        Some(self.tx(who("stranger"), U256::ZERO, end_call(&terms, &e.verifiers, &e.bid)))
    }

    pub fn reclaim(&mut self) -> Option<Tx> {
        let now = self.chain.now;
        let (terms, e) = self.engagement(|terms, e| {
            let open = e.assertion.is_some() || !e.disputes.is_empty();
            let over = e.reclaimable_at(terms).is_some_and(|at| at <= now);
            matches!(e.status, Status::Ended { .. }) && over && !open
        })?;
        Some(self.tx(who("stranger"), U256::ZERO, reclaim_call(&terms, &e.verifiers, &e.bid)))
    }

    /// Two blocks signed for one place in the chain.
    pub fn slash_node(&mut self) -> Option<Tx> {
        let late = self.dice.percent(20);
        let (terms, e) = self.engagement(|_, e| e.slashed.is_none() && (late || e.status == Status::Active))?;
        let block_hashes = [self.dice.hash(), self.dice.hash()];
        let (number, revision) = (self.dice.u64(), self.dice.u64());
        let claim = |block_hash| BlockClaim { number, revision, block_hash }.digest(e.id, &self.chain.domain);
        let call = abi::slashNodeCall {
            terms: abi_terms(&terms),
            verifiers: abi_verifiers(&e.verifiers),
            bid: abi_bid(&e.bid),
            number,
            revision,
            blockHashes: block_hashes,
            signatures: block_hashes.map(|hash| sign(self.key(e.bid.node), claim(hash))),
        };
        Some(self.tx(who("stranger"), U256::ZERO, call.abi_encode()))
    }
}
