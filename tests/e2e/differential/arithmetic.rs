//! Money and time, function by function.

use futures::future::join_all;
use piecework_contracts::{abi_bid, abi_terms};
use piecework_domain::ids::EngagementId;
use piecework_domain::money::Amount;
use piecework_domain::terms::Terms;
use piecework_domain::time::Timestamp;
use piecework_domain::{U256, rules};

use super::hashes::{any_bid, any_terms};
use super::world;
use crate::chain::Chain;
use crate::dice::Dice;

const CASES: usize = 150;

pub async fn reserves_and_bonds_are_the_same(chain: &Chain, dice: &mut Dice) {
    let mut cases = Vec::new();
    for _ in 0..CASES {
        // Terms without epochs can't be posted.
        let mut terms = any_terms(dice);
        terms.epoch_seconds = terms.epoch_seconds.max(1);
        let mut verifiers = dice.u64();
        if dice.percent(10) {
            // More than 256 bits of fees.
            (terms.verifier_fee, terms.units_max, verifiers) = (u128::MAX, u64::MAX, u64::MAX);
        }
        cases.push((terms, any_bid(dice), verifiers, dice.u64()));
    }
    let none = join_all(cases.iter().map(|(terms, bid, verifiers, count)| async move {
        let escrow = &chain.escrow;
        let (t, b) = (abi_terms(terms), abi_bid(bid));
        let reserve = escrow.reserveFor(t.clone(), U256::from(*verifiers), U256::from(bid.rate)).call().await;
        let ours = rules::reserve(terms, usize::try_from(*verifiers).unwrap(), bid.rate);
        assert_eq!(reserve.ok().map(Amount), ours, "{verifiers} verifiers, rate {}, {terms:?}", bid.rate);

        // What a slot doesn't hold can't be a bond.
        let bond = |price| Some(rules::contest_bond(*count, price, 0)).filter(|bond| bond.0 <= U256::from(u128::MAX));
        let asserted = escrow.assertionBond(t.clone(), b.clone(), *count).call().await;
        assert_eq!(asserted.ok().map(Amount), bond(bid.rate), "{count} units at {}", bid.rate);
        for subject in 0..3 {
            let price = if subject == 1 { bid.rate.max(terms.fault_penalty) } else { bid.rate };
            let disputed = escrow.disputeBond(t.clone(), b.clone(), subject, bid.runner, *count).call().await;
            assert_eq!(disputed.ok().map(Amount), bond(price), "{count} of subject {subject} at {price}");
        }
        (ours.is_none(), bond(bid.rate).is_none())
    }))
    .await;
    assert!(none.iter().any(|(reserve, _)| *reserve) && none.iter().any(|(reserve, _)| !reserve));
    assert!(none.iter().any(|(_, bond)| *bond) && none.iter().any(|(_, bond)| !bond));
}

/// The contract's views take any terms with an engagement's id.
pub async fn clocks_run_alike(chain: &mut Chain, dice: &mut Dice) {
    let mut ids = Vec::new();
    for unit_seconds in [0, 3] {
        let offer = world::Offer::small(chain, |terms| terms.unit_seconds = unit_seconds);
        ids.push(offer.engage(chain, dice).await);
    }
    let mut cases: Vec<(EngagementId, Terms, Timestamp)> = Vec::new();
    for _ in 0..CASES {
        let id = dice.pick(&ids);
        let start = chain.book.engagements[&id].started_at;
        let near = start.0 - 2 + dice.below(200);
        let time = if dice.percent(50) { near } else { dice.u64() };
        let mut terms = any_terms(dice);
        if dice.percent(50) {
            terms.unit_seconds = u32::try_from(dice.below(4)).unwrap();
        }
        cases.push((id, terms, Timestamp(time)));
    }
    let chain = &*chain;
    let caps = join_all(cases.iter().map(|(id, terms, time)| async move {
        let e = &chain.book.engagements[id];
        let cap = chain.escrow.unitsCap(abi_terms(terms), id.0, time.0).call().await.unwrap();
        let ours = rules::units_cap(terms, e.units_max, e.started_at, e.ends_at, *time);
        assert_eq!(cap, U256::from(ours), "at {time} of {e:?} by {terms:?}");
        let at = chain.escrow.reclaimableAt(abi_terms(terms), id.0).call().await.unwrap();
        assert_eq!(at, e.reclaimable_at(terms).map_or(U256::ZERO, |at| U256::from(at.0)), "{e:?} by {terms:?}");
        ours
    }))
    .await;
    assert!(caps.contains(&0) && caps.iter().any(|cap| *cap > 0));
}
