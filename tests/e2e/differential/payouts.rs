//! Random verdicts, redeemed one by one or together.

use std::collections::{BTreeMap, BTreeSet};

use alloy::sol_types::{SolCall, SolInterface};
use piecework_contracts::abi::Escrow::redeemBatchCall;
use piecework_contracts::{redeem_batch_call, redeem_call};
use piecework_domain::chain::{Engagement, Event};
use piecework_domain::ids::{EngagementId, EvidenceHash};
use piecework_domain::messages::Verdict;
use piecework_domain::terms::Terms;
use piecework_domain::time::Timestamp;
use piecework_domain::voucher::{AttestedVerdict, Voucher, best};
use piecework_domain::{U256, rules};

use super::expect;
use super::world::{VERIFIERS, World, verifier};
use crate::attest::{attest, voucher};
use crate::chain::{key, who};
use crate::dice::Dice;

pub async fn verifiers_speak_and_somebody_redeems(world: &mut World) {
    // What comes in another order has no proof in common.
    let ordered = world.dice.percent(85);
    let said = statements(world, ordered);
    let mut vouchers = Vec::new();
    for (id, verdicts) in said {
        let (terms, e) = world.chain.book.deal(id);
        let threshold = e.verifiers.threshold;
        let newest = best(terms, threshold, e.members_left(), e.record.resolved_at, &verdicts, world.chain.now);
        match newest {
            Some(best) if world.dice.percent(50) => vouchers.push((id, best)),
            _ if world.dice.percent(50) => {
                let some = world.dice.some(&verdicts, threshold.into());
                vouchers.push((id, voucher(terms, some)));
            }
            _ => {}
        }
    }
    if world.dice.percent(50) && !vouchers.is_empty() {
        together(world, &vouchers, ordered).await;
    } else {
        for (id, voucher) in &vouchers {
            alone(world, *id, voucher).await;
        }
    }
}

async fn alone(world: &mut World, id: EngagementId, voucher: &Voucher) {
    let (chain, submitter) = (&world.chain, who("submitter"));
    let (terms, e) = chain.book.deal(id);
    let data = redeem_call(terms, &e.verifiers, &e.bid, voucher);
    match expect::redemption(&chain.book, id, voucher, submitter, chain.now) {
        Ok(expected) => {
            let events = world.chain.tell(submitter, U256::ZERO, data).await;
            assert_eq!(events, expected, "{voucher:?}");
            world.note(&events);
        }
        Err(expected) => assert_eq!(chain.refusal(submitter, U256::ZERO, data).await, Some(expected), "{voucher:?}"),
    }
}

async fn together(world: &mut World, vouchers: &[(EngagementId, Voucher)], ordered: bool) {
    let (chain, submitter) = (&world.chain, who("submitter"));
    let entry = |(id, voucher)| {
        let (terms, e) = chain.book.deal(id);
        (terms, &e.verifiers, &e.bid, voucher)
    };
    let mut entries: Vec<_> = vouchers.iter().map(|(id, voucher)| entry((*id, voucher))).collect();
    world.dice.shuffle(&mut entries);
    let data = redeem_batch_call(&entries).unwrap();
    if ordered {
        let call = redeemBatchCall::abi_decode(&data).unwrap();
        let verdicts = vouchers.iter().flat_map(|(_, voucher)| &voucher.verdicts);
        let statements: BTreeSet<_> = verdicts.map(|v| v.statement.root).collect();
        assert_eq!(call.attestations.len(), statements.len(), "each statement is sent once");
    }

    let mut book = chain.book.clone();
    let mut expected = Vec::new();
    // Batches come ordered by engagement.
    for (id, voucher) in vouchers {
        let events = match expect::redemption(&book, *id, voucher, submitter, chain.now) {
            Ok(events) => events,
            Err(err) => vec![Event::Skipped { engagement: *id, reason: err.abi_encode().into() }],
        };
        events.iter().for_each(|event| book.take(event, chain.now));
        expected.extend(events);
    }
    let events = world.chain.tell(submitter, U256::ZERO, data).await;
    assert_eq!(events, expected);
    if events.iter().filter(|event| matches!(event, Event::Redeemed { .. })).count() > 2 {
        world.see("batch");
    }
    world.note(&events);
}

/// A statement of every verifier, over all engagements it judges and some that nobody knows; by engagement.
fn statements(world: &mut World, ordered: bool) -> BTreeMap<EngagementId, Vec<AttestedVerdict>> {
    let now = world.chain.now;
    let mut said: BTreeMap<EngagementId, Vec<AttestedVerdict>> = BTreeMap::new();
    let mut truth = BTreeMap::new();
    for id in &world.ids {
        let (terms, e) = world.chain.book.deal(*id);
        truth.insert(*id, counts(terms, e, now, &mut world.dice));
    }
    for n in 1..=VERIFIERS {
        let signer = key(&verifier(n));
        let judges = |id: &EngagementId| world.chain.book.engagements[id].verifiers.contains(signer.address());
        let (dice, ids) = (&mut world.dice, world.ids.iter().filter(|id| judges(id)));
        let mut verdicts: Vec<_> = ids.map(|id| verdict(*id, truth[id], dice)).collect();
        for _ in 0..dice.between(1, 3) {
            verdicts.push(verdict(EngagementId(dice.hash()), (1, 0), dice));
        }
        match ordered {
            true => verdicts.sort_by_key(|v| v.engagement),
            false => dice.shuffle(&mut verdicts),
        }
        let attested_at = if dice.percent(5) { now.plus(2) } else { Timestamp(now.0 - dice.below(45)) };
        for attested in attest(&world.chain.domain, &signer, attested_at, verdicts) {
            if world.ids.contains(&attested.verdict.engagement) {
                said.entry(attested.verdict.engagement).or_default().push(attested);
            }
        }
    }
    said
}

/// Units and faults that most verifiers agree on: around what is paid, what the clock allows, or beyond all bounds.
fn counts(terms: &Terms, e: &Engagement, now: Timestamp, dice: &mut Dice) -> (u64, u64) {
    let cap = rules::units_cap(terms, e.units_max, e.started_at, e.ends_at, now);
    let units = dice.pick(&[e.units_paid, e.units_paid + 1, (e.units_paid + cap) / 2, cap, cap, cap + 1, u64::MAX]);
    let faults = e.faults + dice.pick(&[0, 0, 0, 0, 1, 2]);
    (units, if dice.percent(3) { u64::MAX } else { faults })
}

fn verdict(engagement: EngagementId, (units, faults): (u64, u64), dice: &mut Dice) -> Verdict {
    let (units, faults) = match dice.below(10) {
        0 => (units.saturating_add(dice.below(3)), faults),
        1 => (units.saturating_sub(dice.below(3)), faults),
        2 => (units, faults.saturating_add(dice.below(3))),
        3 => (dice.u64(), dice.u64()),
        _ => (units, faults),
    };
    Verdict { engagement, epoch: dice.u64(), units, faults, evidence: EvidenceHash(dice.hash()) }
}
