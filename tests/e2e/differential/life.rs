//! Engagements get longer and shorter, and end.

use alloy::sol_types::SolCall;
use piecework_contracts::abi::Escrow as abi;
use piecework_contracts::{abi_bid, abi_terms, abi_verifiers, end_call, notice_call, reclaim_call};
use piecework_domain::chain::{EndReason, Event, NoticeBy, Status};
use piecework_domain::ids::EngagementId;
use piecework_domain::money::Amount;
use piecework_domain::{Bytes, U256};

use super::expect;
use super::world::World;
use crate::chain::who;

pub async fn something_changes(world: &mut World) {
    let (id, other) = (world.dice.pick(&world.ids), world.dice.pick(&world.ids));
    match world.dice.below(10) {
        0..3 => {
            extend(world, id).await;
            extend(world, other).await;
        }
        3 => notice(world, id, who("poster")).await,
        4 => notice(world, id, who("runner")).await,
        5..7 => {
            end(world, id).await;
            end(world, other).await;
        }
        7..9 => {
            reclaim(world, id).await;
            reclaim(world, other).await;
        }
        _ => {}
    }
}

async fn extend(world: &mut World, id: EngagementId) {
    let units = world.dice.between(1, 20);
    let chain = &world.chain;
    let (terms, e) = chain.book.deal(id);
    let units_max = e.units_max + units;
    let fees = expect::fees(terms, e, units_max) - expect::fees(terms, e, e.units_max);
    let reserve = U256::from(units) * U256::from(e.bid.rate) + fees;
    let escrow = chain.book.bounties[&e.bounty].escrow.0;
    let notice_ends = chain.now.plus(terms.notice_seconds.into());
    let leaves = e.ends_at.is_none_or(|end| notice_ends < end);
    if e.notice_by.is_some() || !expect::works(e, chain.now) || !leaves || reserve > escrow {
        return;
    }
    let (poster, time) = (terms.poster, units * u64::from(terms.unit_seconds));
    let expected = Event::Extended {
        engagement: id,
        bounty: e.bounty,
        units_max,
        ends_at: e.ends_at.map(|end| end.plus(time)),
        reserve: Amount(reserve),
        escrow: Amount(escrow - reserve),
    };
    let (terms, verifiers, bid) = (abi_terms(terms), abi_verifiers(&e.verifiers), abi_bid(&e.bid));
    let call = abi::extendCall { terms, verifiers, bid, units };
    let events = world.chain.tell(poster, U256::ZERO, Bytes::from(call.abi_encode())).await;
    assert_eq!(events, [expected]);
    world.note(&events);
}

async fn notice(world: &mut World, id: EngagementId, by: piecework_domain::Address) {
    let chain = &world.chain;
    let (terms, e) = chain.book.deal(id);
    let ends_at = chain.now.plus(terms.notice_seconds.into());
    if e.status != Status::Active || e.ends_at.is_some_and(|end| end <= ends_at) {
        return;
    }
    let data = notice_call(terms, &e.bid);
    let events = world.chain.tell(by, U256::ZERO, data).await;
    assert_eq!(events, [Event::NoticeGiven { engagement: id, by, ends_at }]);
    world.note(&events);
}

/// Ends what can be ended.
async fn end(world: &mut World, id: EngagementId) {
    let chain = &world.chain;
    let (terms, e) = chain.book.deal(id);
    if e.status != Status::Active {
        return;
    }
    let data = end_call(terms, &e.verifiers, &e.bid);
    let works = expect::works(e, chain.now);
    if works && e.units_paid != e.units_max {
        let ends_at = U256::from(e.ends_at.map_or(0, |end| end.0));
        let refused = abi::NotEnded { endsAt: ends_at, time: U256::from(chain.now.0) };
        let refusal = chain.refusal(who("submitter"), U256::ZERO, data).await;
        return assert_eq!(refusal, Some(abi::EscrowErrors::NotEnded(refused)));
    }
    let (reason, at) = match (works, e.notice_by) {
        (true, _) => (EndReason::Completed, chain.now),
        (false, None) => (EndReason::Elapsed, e.ends_at.unwrap()),
        (false, Some(NoticeBy::Poster)) => (EndReason::PosterNotice, e.ends_at.unwrap()),
        (false, Some(NoticeBy::Runner)) => (EndReason::RunnerNotice, e.ends_at.unwrap()),
    };
    let expected = expect::ended(&chain.book, id, reason, at);
    let events = world.chain.tell(who("submitter"), U256::ZERO, data).await;
    assert_eq!(events, [expected]);
    world.note(&events);
}

/// Reclaims what has ended, if it is time.
async fn reclaim(world: &mut World, id: EngagementId) {
    let chain = &world.chain;
    let (terms, e) = chain.book.deal(id);
    if !matches!(e.status, Status::Ended { .. }) {
        return;
    }
    let data = reclaim_call(terms, &e.verifiers, &e.bid);
    let until = e.reclaimable_at(terms).unwrap();
    if chain.now < until {
        let refused = abi::RedemptionOpen { until: U256::from(until.0), time: U256::from(chain.now.0) };
        let refusal = chain.refusal(who("submitter"), U256::ZERO, data).await;
        return assert_eq!(refusal, Some(abi::EscrowErrors::RedemptionOpen(refused)));
    }
    let reserve = Amount(expect::reserved(terms, e));
    let expected = Event::Reclaimed { engagement: id, reserve, bond: e.bond_left(terms) };
    let events = world.chain.tell(who("submitter"), U256::ZERO, data).await;
    assert_eq!(events, [expected]);
    world.note(&events);
}

/// Ends all engagements, and reclaims each at the first moment at which that is possible.
pub async fn what_is_left_goes_back(world: &mut World) {
    for id in world.ids.clone() {
        notice(world, id, who("poster")).await;
    }
    let last = world.ids.iter().filter_map(|id| world.chain.book.engagements[id].ends_at).max();
    world.chain.pass(last.expect("all have an end").since(world.chain.now)).await;
    for id in world.ids.clone() {
        end(world, id).await;
    }
    for id in world.ids.clone() {
        let (terms, e) = world.chain.book.deal(id);
        let until = e.reclaimable_at(terms).expect("has ended");
        let early = until.since(world.chain.now.plus(1));
        world.chain.pass(early).await;
        reclaim(world, id).await;
        world.chain.pass(1).await;
        reclaim(world, id).await;
        assert!(matches!(world.chain.book.engagements[&id].status, Status::Closed { .. }));
    }
}
