//! Whom a verifier works for, and who comes first when there is more to judge than time.
//!
//! Anybody can name any verifier in a bounty. What keeps a flood of worthless engagements from making verdicts about others late is
//! that a verifier takes only what pays it, and judges first what pays and locks most: who wants to be in front of others pays for it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::NonZeroU128;

use piecework_client::Assignment;
use piecework_domain::ids::EngagementId;
use piecework_domain::money::NATIVE;
use piecework_domain::{Address, U256, rules};

use crate::judge;

/// Base units of one native coin.
const COIN: u128 = 1_000_000_000_000_000_000;

/// Whom a verifier serves.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Tokens it takes, each with the least `verifierFee` (base units per epoch). Empty: every token and fee, native coin first.
    pub accepted: HashMap<Address, u128>,
    /// How many base units of a token are worth one native coin (`COIN` base units). Gas is not spent for amounts in a token without a price.
    pub coin_prices: HashMap<Address, NonZeroU128>,
    /// Served whatever they pay, and first.
    pub posters: HashSet<Address>,
    /// Whose rulings may cost this verifier's bond: others' bounties that ask for one are not judged.
    pub arbiters: HashSet<Address>,
    /// The highest bond it puts up for one dispute, in base units of the bounty's token. `None`: whatever it takes.
    pub dispute_max: Option<U256>,
    /// Engagements judged side by side; those that come last in order are left out. 0: no bound.
    pub engagements_max: usize,
}

/// Why an assignment is not judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Declined {
    #[error("its parts don't hash to its ids")]
    NotWhatItSays,
    #[error("its spec breaks a rule")]
    Spec,
    #[error("a ruling of the arbiter {0} could cost the bond")]
    Arbiter(Address),
    #[error("no RPC endpoint is configured for chain {0}")]
    NoEndpoint(u64),
    #[error("the token {0} is not accepted")]
    Token(Address),
    #[error("the fee per epoch is {offered}, the least accepted is {least}")]
    Fee { offered: u128, least: u128 },
}

impl Policy {
    /// Whether this verifier, with endpoints for the chains that `sees` says, judges `a`.
    pub fn check(&self, a: &Assignment, sees: impl Fn(u64) -> bool) -> Result<(), Declined> {
        if !is_what_it_says(a) {
            return Err(Declined::NotWhatItSays);
        }
        // Whoever posts on chain asks no API.
        if a.spec.validate().is_err() || a.spec.check_terms(&a.terms).is_err() {
            return Err(Declined::Spec);
        }
        let chain = judge::chain_of(a);
        if !sees(chain) {
            return Err(Declined::NoEndpoint(chain));
        }
        let arbiter = a.terms.arbiter;
        let at_risk = a.terms.verifier_bond_min != 0 && arbiter != Address::ZERO;
        if at_risk && !self.arbiters.contains(&arbiter) {
            return Err(Declined::Arbiter(arbiter));
        }
        if self.accepted.is_empty() || self.posters.contains(&a.terms.poster) {
            return Ok(());
        }
        let least = *self.accepted.get(&a.terms.token).ok_or(Declined::Token(a.terms.token))?;
        let offered = a.terms.verifier_fee;
        if offered < least { Err(Declined::Fee { offered, least }) } else { Ok(()) }
    }

    /// What to ask the API for, as queries: what comes first, in lists of its own, and what else is served.
    pub fn lists(&self) -> Vec<String> {
        let posters = self.posters.iter().map(|poster| format!("&poster={poster}"));
        match self.accepted.is_empty() {
            true => posters.chain([format!("&token={NATIVE}"), String::new()]).collect(),
            false => posters.chain(self.accepted.keys().map(|token| format!("&token={token}"))).collect(),
        }
    }

    /// Whether amounts of `token` mean something to this verifier's owner: gas is spent for them. Anybody can mint all others.
    pub fn values(&self, token: Address) -> bool {
        token == NATIVE || self.takes(token) && self.coin_prices.contains_key(&token)
    }

    /// What `amount` of `token` is worth in the native coin: the most gas that is spent for it. Nothing where that isn't known.
    pub fn worth(&self, token: Address, amount: U256) -> U256 {
        if token == NATIVE {
            return amount;
        }
        let price = self.coin_prices.get(&token);
        price.map_or(U256::ZERO, |price| amount.saturating_mul(U256::from(COIN)) / U256::from(price.get()))
    }

    /// A token that is accepted and has no price.
    pub fn unpriced(&self) -> Option<Address> {
        self.accepted.keys().copied().find(|token| !self.values(*token))
    }

    /// What comes first where there is more to do than can be done: valued tokens by turns, in each the highest `worth`. Amounts of different
    /// tokens are never compared.
    pub fn by_worth<'a>(&self, all: &[&'a Assignment], worth: impl Fn(&Assignment) -> U256) -> Vec<&'a Assignment> {
        let mut tokens: BTreeMap<Address, Vec<&Assignment>> = BTreeMap::new();
        for a in all.iter().filter(|a| self.values(a.terms.token)) {
            tokens.entry(a.terms.token).or_default().push(a);
        }
        for of_token in tokens.values_mut() {
            of_token.sort_by_cached_key(|a| std::cmp::Reverse(worth(a)));
        }
        let longest = tokens.values().map(Vec::len).max().unwrap_or_default();
        (0..longest).flat_map(|at| tokens.values().filter_map(move |of_token| of_token.get(at).copied())).collect()
    }

    /// Whether this verifier takes fees, and puts up bonds, in `token`.
    pub fn takes(&self, token: Address) -> bool {
        self.purse(token).is_some()
    }

    /// What is judged, first things first: listed posters, then accepted tokens by turns, in each the highest fee that is still
    /// reserved, then where a runner's assertion waits to be contradicted (`urgent`), then the most money locked.
    pub fn order(&self, assignments: Vec<Assignment>, urgent: &HashSet<EngagementId>) -> Vec<Assignment> {
        let mut by_token: HashMap<Option<Address>, Vec<Assignment>> = HashMap::new();
        for assignment in assignments {
            by_token.entry(self.purse(assignment.terms.token)).or_default().push(assignment);
        }
        let mut ranked = Vec::new();
        for (purse, mut group) in by_token {
            group.sort_by_cached_key(|a| {
                (Reverse(paid(a)), !urgent.contains(&a.engagement), Reverse(locked(a)), a.engagement)
            });
            ranked.extend(group.into_iter().enumerate().map(|(place, a)| {
                let listed = self.posters.contains(&a.terms.poster);
                // What is worth nothing to this verifier waits for all that is.
                ((!listed, purse.is_none(), place, purse), a)
            }));
        }
        ranked.sort_by_key(|(rank, _)| *rank);
        if self.engagements_max != 0 && ranked.len() > self.engagements_max {
            tracing::warn!(
                assigned = ranked.len(),
                judged = self.engagements_max,
                "more engagements than this verifier takes; the least paid are left out"
            );
            ranked.truncate(self.engagements_max);
        }
        ranked.into_iter().map(|(_, assignment)| assignment).collect()
    }

    /// Amounts are compared within one accepted token; all the others, which anybody can mint, share `None`.
    fn purse(&self, token: Address) -> Option<Address> {
        let known = if self.accepted.is_empty() { token == NATIVE } else { self.accepted.contains_key(&token) };
        known.then_some(token)
    }
}

/// The fee of the next epoch, nothing beyond those that were reserved.
fn paid(a: &Assignment) -> u128 {
    if u128::from(a.next_epoch) < rules::fee_epochs(&a.terms, a.units_max) { a.terms.verifier_fee } else { 0 }
}

/// What the poster locked in this engagement at its award, without extensions.
fn locked(a: &Assignment) -> U256 {
    U256::from(a.bid.rate).saturating_mul(U256::from(a.terms.units_max))
}

/// The API can't pass other terms, another spec, bounty or node for the engagement's.
fn is_what_it_says(a: &Assignment) -> bool {
    a.spec.hash().ok() == Some(a.terms.spec_hash)
        && a.terms.bounty_id(a.chain_id, a.escrow) == a.bounty
        && a.verifiers.hash() == a.terms.verifier_set
        && (a.bid.engagement_id(), a.bid.bounty, a.bid.node) == (a.engagement, a.bounty, a.node)
}

#[cfg(test)]
mod tests {
    use piecework_domain::money::Amount;
    use piecework_domain::spec::Spec;
    use piecework_domain::terms::VerifierSet;
    use piecework_domain::time::Timestamp;
    use serde_json::json;

    use super::*;

    const USD: Address = Address::repeat_byte(7);
    const MINTED: Address = Address::repeat_byte(8);

    /// An engagement of `poster` that pays `fee` per epoch in `token` and locks `rate` × 10.
    fn assignment(token: Address, fee: u128, rate: u128, poster: u8) -> Assignment {
        let spec = json!({
            "kind": "sequencer", "version": 1, "title": "Run", "description": "", "chainId": 5, "finality": "safe",
            "timelySeconds": 3, "graceSeconds": 2, "blocksMin": 1, "revisionsMax": 0
        });
        let spec = Spec::parse(spec.to_string().as_bytes()).unwrap();
        let verifiers = VerifierSet { threshold: 1, members: vec![Address::repeat_byte(1)] };
        let terms = piecework_domain::terms::Terms {
            poster: Address::repeat_byte(poster),
            token,
            rate_max: rate,
            units_max: 10,
            unit_seconds: 1,
            epoch_seconds: 10,
            seats: 1,
            bond: 0,
            fault_penalty: 0,
            faults_max: 0,
            open_until: Timestamp(2_000),
            challenge_seconds: 1,
            notice_seconds: 1,
            silence_seconds: 2,
            verifier_fee: fee,
            verifier_bond_min: 0,
            open_claim: true,
            verifier_set: verifiers.hash(),
            arbiter: Address::ZERO,
            spec_hash: spec.hash().unwrap(),
            salt: Amount::ZERO,
        };
        let escrow = Address::repeat_byte(9);
        let bounty = terms.bounty_id(1, escrow);
        let node = Address::repeat_byte(3);
        let bid = piecework_domain::messages::Bid {
            bounty,
            runner: Address::repeat_byte(2),
            payee: Address::repeat_byte(2),
            node,
            rate,
            relay_fee: 0,
            expires_at: Timestamp(2_000),
            nonce: Amount::ZERO,
        };
        Assignment {
            engagement: bid.engagement_id(),
            bounty,
            chain_id: 1,
            escrow,
            node,
            bid,
            terms,
            verifiers,
            spec,
            started_at: Timestamp(1_000),
            ends_at: None,
            units_max: 10,
            next_epoch: 0,
            units: 0,
            faults: 0,
            endpoint: None,
        }
    }

    fn all(_: u64) -> bool {
        true
    }

    fn posters(order: &[Assignment]) -> Vec<u8> {
        order.iter().map(|a| a.terms.poster.0[0]).collect()
    }

    #[test]
    fn what_pays_too_little_or_in_another_token_is_declined_unless_its_poster_is_listed() {
        let policy = Policy {
            accepted: [(NATIVE, 5), (USD, 0)].into(),
            posters: [Address::repeat_byte(4)].into(),
            ..Policy::default()
        };
        assert_eq!(policy.check(&assignment(NATIVE, 5, 1, 1), all), Ok(()));
        assert_eq!(policy.check(&assignment(NATIVE, 4, 1, 1), all), Err(Declined::Fee { offered: 4, least: 5 }));
        assert_eq!(policy.check(&assignment(USD, 0, 1, 1), all), Ok(()));
        assert_eq!(policy.check(&assignment(MINTED, 9, 1, 1), all), Err(Declined::Token(MINTED)));
        assert_eq!(policy.check(&assignment(MINTED, 0, 1, 4), all), Ok(()));
        assert_eq!(Policy::default().check(&assignment(MINTED, 0, 1, 1), all), Ok(()));
    }

    #[test]
    fn parts_that_belong_elsewhere_are_declined() {
        let whole = assignment(NATIVE, 5, 1, 1);
        for spoil in [
            |a: &mut Assignment| a.escrow = Address::repeat_byte(1),
            |a: &mut Assignment| a.chain_id = 2,
            |a: &mut Assignment| a.terms.verifier_fee += 1,
            |a: &mut Assignment| a.bid.rate += 1,
            |a: &mut Assignment| a.node = Address::ZERO,
            |a: &mut Assignment| a.verifiers.threshold = 2,
        ] {
            let mut spoilt = whole.clone();
            spoil(&mut spoilt);
            assert_eq!(Policy::default().check(&spoilt, all), Err(Declined::NotWhatItSays));
        }
    }

    #[test]
    fn an_arbiter_not_trusted_may_not_have_the_bond() {
        let mut a = assignment(NATIVE, 5, 1, 1);
        a.terms.verifier_bond_min = 1;
        a.terms.arbiter = Address::repeat_byte(6);
        a.bounty = a.terms.bounty_id(a.chain_id, a.escrow);
        a.bid.bounty = a.bounty;
        a.engagement = a.bid.engagement_id();
        assert_eq!(Policy::default().check(&a, all), Err(Declined::Arbiter(Address::repeat_byte(6))));
        let trusting = Policy { arbiters: [Address::repeat_byte(6)].into(), ..Policy::default() };
        assert_eq!(trusting.check(&a, all), Ok(()));
    }

    #[test]
    fn fees_then_money_locked_decide_and_worthless_tokens_wait() {
        let policy = Policy { accepted: [(NATIVE, 0), (USD, 0)].into(), ..Policy::default() };
        let flood = (0..50).map(|n| assignment(MINTED, u128::MAX, 1, 100 + n));
        let order = policy.order(
            flood
                .chain([
                    assignment(NATIVE, 0, 1, 1),
                    assignment(NATIVE, 0, 9, 2),
                    assignment(NATIVE, 3, 1, 3),
                    assignment(USD, 2, 1, 4),
                    assignment(USD, 0, 5, 5),
                ])
                .collect(),
            &HashSet::new(),
        );
        assert_eq!(posters(&order)[..5], [3, 4, 2, 5, 1], "by turns between tokens: the best of each, then the next");
        assert_eq!(order.len(), 55);
    }

    #[test]
    fn gas_is_spent_on_valued_tokens_only_by_turns_and_on_what_is_worth_most_first() {
        let price = NonZeroU128::new(2_000_000_000).unwrap();
        let policy = Policy { accepted: [(USD, 0)].into(), coin_prices: [(USD, price)].into(), ..Policy::default() };
        let all = [
            assignment(MINTED, 9, u128::MAX, 1),
            assignment(NATIVE, 0, 1, 2),
            assignment(USD, 0, 1_000, 3),
            assignment(NATIVE, 0, 7, 4),
            assignment(USD, 0, 2_000, 5),
        ];
        let all: Vec<_> = all.iter().collect();
        let order = policy.by_worth(&all, |a| U256::from(a.bid.rate));
        let order: Vec<_> = order.into_iter().map(|a| a.terms.poster.0[0]).collect();
        assert_eq!(order, [4, 5, 2, 3]);
        let order = Policy::default().by_worth(&all, |a| U256::from(a.bid.rate));
        assert_eq!(order.len(), 2, "only native coin, unless an owner lists more");
    }

    #[test]
    fn gas_is_worth_what_the_price_says_and_nothing_without_one() {
        let (worth, price) = (U256::from(COIN), NonZeroU128::new(2_000_000_000).unwrap());
        let priced = Policy { accepted: [(USD, 0)].into(), coin_prices: [(USD, price)].into(), ..Policy::default() };
        assert_eq!(priced.worth(USD, U256::from(2_000_000_000_u64)), worth);
        assert_eq!(priced.worth(USD, U256::from(1)), U256::from(500_000_000));
        assert_eq!(priced.worth(NATIVE, worth), worth);
        assert_eq!(priced.worth(MINTED, U256::MAX), U256::ZERO);
        assert_eq!(priced.worth(USD, U256::MAX), U256::MAX / U256::from(price.get()), "cut, not wrapped");
        assert_eq!(priced.unpriced(), None);
        let unpriced = Policy { accepted: [(NATIVE, 0), (USD, 0)].into(), ..Policy::default() };
        assert_eq!((unpriced.unpriced(), unpriced.worth(USD, worth)), (Some(USD), U256::ZERO));
    }

    #[test]
    fn listed_come_first_then_fees_then_what_is_asserted_and_the_last_are_left_out() {
        let policy = Policy { posters: [Address::repeat_byte(3)].into(), engagements_max: 4, ..Policy::default() };
        let (fee, rich, poor, listed) = (
            assignment(NATIVE, 9, 1, 2),
            assignment(NATIVE, 1, 9, 4),
            assignment(NATIVE, 1, 1, 1),
            assignment(MINTED, 0, 1, 3),
        );
        let worthless = assignment(MINTED, 9, 9, 5);
        let all = vec![worthless.clone(), rich, poor.clone(), listed, fee];
        let urgent = [poor.engagement, worthless.engagement].into();
        assert_eq!(posters(&policy.order(all, &urgent)), [3, 2, 1, 4]);
    }

    #[test]
    fn a_fee_counts_while_it_is_reserved() {
        // Ten units of a second each in epochs of ten: one epoch is paid.
        let mut used_up = assignment(NATIVE, 9, 1, 1);
        used_up.next_epoch = 1;
        let order = Policy::default().order(vec![used_up, assignment(NATIVE, 1, 1, 2)], &HashSet::new());
        assert_eq!(posters(&order), [2, 1]);
    }

    #[test]
    fn a_chain_without_an_endpoint_is_declined() {
        let a = assignment(NATIVE, 5, 1, 1);
        assert_eq!(Policy::default().check(&a, |chain| chain != 5), Err(Declined::NoEndpoint(5)));
    }
}
