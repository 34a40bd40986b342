//! What can be offered at all.

use alloy::sol_types::SolValue;
use futures::future::join_all;
use piecework_contracts::abi::Escrow as abi;
use piecework_contracts::abi::Escrow::EscrowErrors;
use piecework_contracts::{claim_call, post_call};
use piecework_domain::money::{Amount, NATIVE};
use piecework_domain::rules::THAW_SECONDS;
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, B256, U256};

use super::hashes::{any_bid, any_terms};
use crate::chain::{CHAIN_ID, Chain};
use crate::dice::Dice;

const CASES: usize = 300;

pub async fn terms_are_refused_for_the_same_field(chain: &Chain, dice: &mut Dice) {
    let cases: Vec<Terms> = (0..CASES).map(|_| nearly_valid(chain, dice)).collect();
    let fields = join_all(cases.iter().map(|terms| refused_field(chain, terms))).await;
    for (terms, field) in cases.iter().zip(&fields) {
        let ours = terms.validate().err().map_or("", |err| err.field);
        assert_eq!(field, ours, "the contract (left) and domain (right) refuse {terms:?}");
    }
    let all = [
        "",
        "poster",
        "rateMax",
        "unitsMax",
        "unitSeconds",
        "epochSeconds",
        "seats",
        "faultPenalty",
        "verifierSet",
        "challengeSeconds",
        "silenceSeconds",
        "verifierBondMin",
    ];
    all.iter().for_each(|field| assert!(fields.iter().any(|seen| seen == field), "nothing was refused for {field:?}"));
}

/// The field that `post` names, empty if it takes the terms.
async fn refused_field(chain: &Chain, terms: &Terms) -> String {
    let data = post_call(terms, Amount::ZERO);
    match chain.call(terms.poster, chain.deployed.escrow, U256::ZERO, data.clone()).await {
        Ok(answer) => {
            let id = B256::abi_decode(&answer).unwrap();
            assert_eq!(id, terms.bounty_id(CHAIN_ID, chain.deployed.escrow).0, "{terms:?}");
            String::new()
        }
        Err(_) => match chain.refusal(terms.poster, U256::ZERO, data).await {
            Some(EscrowErrors::InvalidTerms(err)) => {
                String::from_utf8(err.field.0.into_iter().take_while(|byte| *byte != 0).collect()).unwrap()
            }
            other => panic!("{other:?} for {terms:?}"),
        },
    }
}

/// Valid terms with up to two fields at, or just beyond, what is allowed; or anything at all.
fn nearly_valid(chain: &Chain, dice: &mut Dice) -> Terms {
    let mut terms = any_terms(dice);
    (terms.token, terms.open_until) = (dice.pick(&[NATIVE, chain.deployed.test_usd]), Timestamp(u64::MAX));
    if dice.percent(15) {
        return terms;
    }
    (terms.rate_max, terms.units_max, terms.unit_seconds) = (dice.u128().max(1), dice.between(1, 1 << 30), 1);
    (terms.epoch_seconds, terms.seats) = (dice.u32().max(1), dice.u32().max(1));
    terms.fault_penalty = terms.fault_penalty.min(terms.bond);
    (terms.challenge_seconds, terms.silence_seconds) = (dice.u32().max(1), dice.u32().max(1));
    terms.verifier_bond_min = 0;
    for _ in 0..dice.below(3) {
        spoil(&mut terms, dice);
    }
    terms
}

fn spoil(terms: &mut Terms, dice: &mut Dice) {
    match dice.below(12) {
        0 => terms.poster = Address::ZERO,
        1 => terms.rate_max = 0,
        2 => terms.units_max = 0,
        3 => {
            terms.unit_seconds = dice.u32().max(1);
            terms.units_max = u64::from(u32::MAX / terms.unit_seconds) + dice.below(2);
        }
        4 => (terms.unit_seconds, terms.units_max) = (0, (1 << 53) - 1 + dice.below(2)),
        5 => terms.epoch_seconds = 0,
        6 => terms.seats = 0,
        7 => (terms.bond, terms.fault_penalty) = (5, 4 + u128::from(dice.below(3))),
        8 => terms.verifier_set = B256::ZERO,
        9 => terms.challenge_seconds = 0,
        10 => terms.silence_seconds = 0,
        _ => exit_at_the_thaw(terms, dice),
    }
    if dice.percent(30) {
        terms.arbiter = Address::ZERO;
    }
}

/// From notice to the last ruling takes as long as a bond thaws, a second less or a second more.
fn exit_at_the_thaw(terms: &mut Terms, dice: &mut Dice) {
    let mut part = |most: u64| u32::try_from(dice.between(1, most)).unwrap();
    (terms.epoch_seconds, terms.challenge_seconds, terms.silence_seconds) = (part(90_000), part(90_000), part(90_000));
    let rest = [terms.epoch_seconds, terms.challenge_seconds, terms.challenge_seconds];
    let rest: u64 = rest.into_iter().map(u64::from).sum::<u64>() + 2 * u64::from(terms.silence_seconds);
    terms.notice_seconds = u32::try_from(THAW_SECONDS - rest + dice.below(3) - 1).unwrap();
    terms.verifier_bond_min = dice.u128();
}

/// `claim` checks the set before it finds that nothing was posted.
pub async fn verifier_sets_are_refused_alike(chain: &Chain, dice: &mut Dice) {
    let cases: Vec<(Terms, VerifierSet)> = (0..CASES / 2)
        .map(|_| {
            let set = any_set(dice);
            let terms = Terms {
                open_until: Timestamp(u64::MAX),
                verifier_bond_min: 0,
                open_claim: true,
                verifier_set: set.hash(),
                ..any_terms(dice)
            };
            (terms, set)
        })
        .collect();
    let mut valid = 0;
    for (terms, set) in &cases {
        let bounty = terms.bounty_id(CHAIN_ID, chain.deployed.escrow);
        let mut bid = any_bid(dice);
        (bid.bounty, bid.rate, bid.expires_at) = (bounty, terms.rate_max, Timestamp(u64::MAX));
        let expected = match set.validate() {
            Ok(()) => EscrowErrors::NotPosted(abi::NotPosted { bounty: bounty.0 }),
            Err(_) => EscrowErrors::InvalidVerifierSet(abi::InvalidVerifierSet {}),
        };
        valid += usize::from(set.validate().is_ok());
        let refusal = chain.refusal(bid.runner, U256::ZERO, claim_call(terms, set, &bid)).await;
        assert_eq!(refusal, Some(expected), "{set:?}");
    }
    assert!(valid > 10 && valid < cases.len() - 10, "{valid} of {} sets are valid", cases.len());
}

fn any_set(dice: &mut Dice) -> VerifierSet {
    let mut members: Vec<Address> = (0..dice.pick(&[0, 1, 3, 31, 32, 33])).map(|_| dice.address()).collect();
    members.sort();
    let count = u64::try_from(members.len()).unwrap();
    match dice.below(8) {
        0 if !members.is_empty() => members[0] = Address::ZERO,
        1 => members.extend(members.last().copied()),
        2 => members.reverse(),
        _ => {}
    }
    let threshold = dice.pick(&[0, 1, count / 2, count, count, count + 1]);
    VerifierSet { threshold: u8::try_from(threshold).unwrap(), members }
}
