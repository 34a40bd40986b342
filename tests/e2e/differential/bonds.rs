//! What questions cost those who lost some.

use alloy::sol_types::SolCall;
use piecework_contracts::abi::Escrow as abi;
use piecework_contracts::{abi_bid, abi_terms, abi_verifiers};
use piecework_domain::chain::Event;
use piecework_domain::ids::EngagementId;
use piecework_domain::{Bytes, U256, rules};

use super::world::Offer;
use crate::chain::{Chain, who};
use crate::dice::Dice;

const ASSERTION: u8 = 2;

/// The runner asserts, the poster disputes, and the arbiter decides for the one or the other, until both doubled to the last.
pub async fn bonds_double_with_every_question_lost(chain: &mut Chain, dice: &mut Dice) {
    let offer = Offer::small(chain, |terms| {
        (terms.unit_seconds, terms.units_max) = (0, 1_000_000);
        (terms.arbiter, terms.challenge_seconds, terms.silence_seconds) = (who("arbiter"), 10, 10);
    });
    let id = offer.engage(chain, dice).await;
    chain.pass(10).await;
    loop {
        let record = chain.book.engagements[&id].record;
        if record.lost_by_poster > 17 && record.lost_by_runner > 17 {
            return;
        }
        one_question(chain, dice, id).await;
    }
}

async fn one_question(chain: &mut Chain, dice: &mut Dice, id: EngagementId) {
    let (terms, e) = chain.book.deal(id);
    let (rate, record) = (e.bid.rate, e.record);
    let (poster, runner, arbiter) = (terms.poster, e.bid.runner, terms.arbiter);
    let (terms, verifiers, bid) = (abi_terms(terms), abi_verifiers(&e.verifiers), abi_bid(&e.bid));
    let units = e.units_paid + dice.between(1, 50);
    let floor = dice.between(e.units_paid, units - 1);

    let bond = rules::contest_bond(units - e.units_paid, rate, record.lost_by_runner);
    let asked = chain.escrow.assertionBond(terms.clone(), bid.clone(), units).call().await.unwrap();
    assert_eq!(asked, bond.0, "after {record:?}");
    let assert = abi::assertUnitsCall { terms: terms.clone(), verifiers: verifiers.clone(), bid: bid.clone(), units };
    let events = chain.tell(runner, bond.0, Bytes::from(assert.abi_encode())).await;
    assert!(matches!(events[..], [Event::UnitsAsserted { bond: taken, .. }] if taken == bond), "{events:?}");

    let bond = rules::contest_bond(units - floor, rate, record.lost_by_poster);
    let asked = chain.escrow.disputeBond(terms.clone(), bid.clone(), ASSERTION, poster, units - floor);
    assert_eq!(asked.call().await.unwrap(), bond.0, "after {record:?}");
    let dispute = abi::disputeCall {
        terms: terms.clone(),
        verifiers: verifiers.clone(),
        bid: bid.clone(),
        subject: ASSERTION,
        floor,
        verdicts: vec![],
    };
    let events = chain.tell(poster, bond.0, Bytes::from(dispute.abi_encode())).await;
    assert!(matches!(events[..], [Event::Disputed { bond: taken, .. }] if taken == bond), "{events:?}");

    let outcome = if dice.percent(50) { units } else { floor };
    let rule = abi::ruleCall { terms, verifiers, bid, subject: ASSERTION, outcome };
    chain.tell(arbiter, U256::ZERO, Bytes::from(rule.abi_encode())).await;
    let e = &chain.book.engagements[&id];
    let lost = (u8::from(outcome == units), u8::from(outcome != units));
    let counted = (e.record.lost_by_poster - record.lost_by_poster, e.record.lost_by_runner - record.lost_by_runner);
    assert_eq!((counted, e.units_paid), (lost, outcome));
}
