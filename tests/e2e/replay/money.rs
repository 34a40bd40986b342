//! Bounties and money that is free.

use alloy::sol_types::SolCall;
use piecework_contracts::abi::Escrow as abi;
use piecework_contracts::{
    abi_terms, deposit_address, deposit_call, post_call, post_from_deposit_call, reclaim_escrow_call, transfer_call,
    withdraw_call,
};
use piecework_domain::money::{Amount, NATIVE};
use piecework_domain::{Address, Bytes, U256};

use super::offers::Offer;
use super::walk::{Tx, Walk};
use crate::chain::who;

/// What goes along with a call that moves `amount` of `token` in.
pub fn coin(token: Address, amount: Amount) -> U256 {
    if token == NATIVE { amount.0 } else { U256::ZERO }
}

impl Walk {
    pub fn post(&mut self) -> Option<Tx> {
        let Offer { terms, set, .. } = self.offer();
        let seats = terms.cost(set.members.len())?;
        let amount = seats.checked_mul(self.dice.between(1, 3))?;
        Some(self.tx(terms.poster, coin(terms.token, amount), post_call(&terms, amount)))
    }

    pub fn fund(&mut self) -> Option<Tx> {
        let (Offer { terms, .. }, _) = self.bounty(|_| true)?;
        let amount = Amount::from(u128::from(self.dice.between(1, 100_000)));
        let data = abi::fundCall { terms: abi_terms(&terms), amount: amount.0 }.abi_encode();
        Some(self.tx(who("stranger"), coin(terms.token, amount), data))
    }

    /// Money for a bounty, or the wrong money, by a plain transfer.
    pub fn pay_deposit(&mut self) -> Option<Tx> {
        let offer = match self.dice.percent(60) || self.offers.is_empty() {
            true => self.offer(),
            false => self.dice.pick(&self.offers),
        };
        let usd = self.chain.deployed.test_usd;
        let token = if self.dice.percent(75) { offer.terms.token } else { self.dice.pick(&[NATIVE, usd]) };
        let amount = offer.terms.cost(offer.set.members.len())?.checked_add(Amount::from(1))?;
        let to = deposit_address(self.chain.deployed.escrow, offer.id);
        self.waiting.insert((offer.id, token));
        Some(match token {
            NATIVE => Tx { from: who("stranger"), to, value: amount.0, data: Bytes::new() },
            _ => Tx { from: who("stranger"), to: usd, value: U256::ZERO, data: transfer_call(to, amount) },
        })
    }

    /// Posts, funds or returns, as it comes.
    pub fn post_from_deposit(&mut self) -> Option<Tx> {
        let paid = |offer: &&Offer| self.waiting.contains(&(offer.id, offer.terms.token));
        let some: Vec<Offer> = self.offers.iter().filter(paid).cloned().collect();
        let offer = (!some.is_empty()).then(|| self.dice.pick(&some))?;
        self.waiting.remove(&(offer.id, offer.terms.token));
        Some(self.tx(who("stranger"), U256::ZERO, post_from_deposit_call(&offer.terms)))
    }

    pub fn return_deposit(&mut self) -> Option<Tx> {
        let some: Vec<_> = self.waiting.iter().copied().collect();
        let (id, token) = (!some.is_empty()).then(|| self.dice.pick(&some))?;
        let offer = self.offers.iter().find(|offer| offer.id == id)?;
        if offer.terms.token == token && self.dice.percent(80) {
            return None;
        }
        let data = abi::returnDepositCall { terms: abi_terms(&offer.terms), token }.abi_encode();
        let by = if offer.terms.token == token { offer.terms.poster } else { who("stranger") };
        self.waiting.remove(&(id, token));
        Some(self.tx(by, U256::ZERO, data))
    }

    pub fn deposit(&mut self) -> Option<Tx> {
        let account = who(self.dice.pick(&["runner 1", "runner 2", "runner 3", "poster 1", "arbiter"]));
        let token = self.dice.pick(&[NATIVE, self.chain.deployed.test_usd]);
        let amount = Amount::from(u128::from(self.dice.between(1, 20_000)));
        Some(self.tx(account, coin(token, amount), deposit_call(token, account, amount)))
    }

    pub fn withdraw(&mut self) -> Option<Tx> {
        let rich = self
            .chain
            .book
            .balances
            .iter()
            .filter(|((account, _), balance)| self.knows(*account) && !balance.is_zero());
        let some: Vec<_> = rich.map(|((account, token), balance)| (*account, *token, *balance)).collect();
        let (account, token, balance) = (!some.is_empty()).then(|| self.dice.pick(&some))?;
        let amount = if self.dice.percent(50) { balance } else { Amount(balance.0.div_ceil(U256::from(2))) };
        Some(self.tx(account, U256::ZERO, withdraw_call(token, who("payee 1"), amount)))
    }

    pub fn reclaim_escrow(&mut self) -> Option<Tx> {
        let (Offer { terms, .. }, _) = self.bounty(|bounty| !bounty.escrow.is_zero())?;
        let closed = self.chain.now >= terms.open_until;
        let by = if closed && self.dice.percent(50) { who("stranger") } else { terms.poster };
        Some(self.tx(by, U256::ZERO, reclaim_escrow_call(&terms)))
    }
}
