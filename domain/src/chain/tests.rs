use alloy_primitives::{Address, B256};

use super::*;
use crate::ids::{BountyId, EngagementId};
use crate::testing::{self, START, address, terms};

const BOUNTY: BountyId = BountyId(B256::repeat_byte(1));

fn posted() -> Event {
    Event::Posted { bounty: BOUNTY, terms: terms() }
}

fn funded(amount: u128, escrow: u128) -> Event {
    Event::Funded { bounty: BOUNTY, from: address(9), amount: amount.into(), escrow: escrow.into() }
}

fn engaged(spare: bool) -> Event {
    let mut event = testing::engaged();
    if let Event::Engaged { spare: is_spare, .. } = &mut event {
        *is_spare = spare;
    }
    event
}

fn id() -> EngagementId {
    match engaged(false) {
        Event::Engaged { engagement, .. } => engagement,
        _ => unreachable!("is an engagement"),
    }
}

fn ended(reason: EndReason) -> Event {
    Event::Ended {
        engagement: id(),
        bounty: BOUNTY,
        reason,
        ended_at: START.plus(40),
        units_max: 40,
        released: 30_000.into(),
        escrow: 30_000.into(),
    }
}

fn redeemed(units: u64, amount: u128) -> Event {
    Event::Redeemed {
        engagement: id(),
        payee: address(5),
        submitter: Address::ZERO,
        units,
        amount: amount.into(),
        relay_fee: 1.into(),
    }
}

fn bounty(events: &[Event]) -> Result<Bounty, Inconsistent> {
    let fold = |state, event: &Event| Bounty::apply(state, event, START);
    Ok(events.iter().try_fold(None, fold)?.expect("was posted"))
}

fn engagement(events: &[Event]) -> Result<Engagement, Inconsistent> {
    Ok(events.iter().try_fold(None, Engagement::apply)?.expect("has begun"))
}

#[test]
fn funding_adds_up_and_reserving_takes_from_the_escrow() {
    let state = bounty(&[posted(), funded(60, 60), funded(40, 100)]).expect("is consistent");
    assert_eq!((state.funded, state.escrow), (100.into(), 100.into()));
    let state = bounty(&[posted(), funded(60, 60), engaged(false)]).expect("is consistent");
    assert_eq!((state.funded, state.escrow, state.seats_taken), (60.into(), 0.into(), 1));
}

#[test]
fn a_seat_opens_again_only_when_it_is_vacated() {
    for (reason, taken, vacated) in [
        (EndReason::Elapsed, 1, 0),
        (EndReason::Completed, 1, 0),
        (EndReason::PosterNotice, 1, 0),
        (EndReason::RunnerNotice, 0, 0),
        (EndReason::Faults, 0, 1),
    ] {
        let state = bounty(&[posted(), engaged(false), ended(reason)]).expect("is consistent");
        assert_eq!((state.seats_taken, state.seats_vacated), (taken, vacated), "{reason:?}");
        assert_eq!(state.escrow, 30_000.into());
    }
}

#[test]
fn a_spare_takes_a_vacated_seat_and_nothing_else() {
    let vacated = [posted(), engaged(false), ended(EndReason::Faults), engaged(true)];
    assert_eq!(bounty(&vacated).expect("is consistent").seats_vacated, 0);
    let refused = bounty(&[posted(), engaged(true)]).expect_err("no seat was vacated");
    assert!(matches!(refused, Inconsistent::OutOfRange { field: "seatsVacated", .. }));
}

#[test]
fn an_engagement_lives_from_start_to_close() {
    let mut events = vec![engaged(false), redeemed(10, 4_999), redeemed(30, 9_999)];
    events.push(Event::Faulted { engagement: id(), faults: 1, penalty: 1_000.into(), bond: 4_000.into() });
    events.push(Event::NoticeGiven { engagement: id(), by: address(4), ends_at: START.plus(40) });
    let state = engagement(&events).expect("is consistent");
    assert_eq!((state.units_paid, state.faults, state.notice_by), (30, 1, Some(NoticeBy::Runner)));
    assert_eq!((state.paid, state.relay_fees, state.penalties), (14_998.into(), 2.into(), 1_000.into()));
    assert_eq!(state.ends_at, Some(START.plus(40)));

    events.push(ended(EndReason::RunnerNotice));
    events.push(Event::Reclaimed { engagement: id(), reserve: 5_000.into(), bond: 4_000.into() });
    let state = engagement(&events).expect("is consistent");
    let closed =
        Status::Closed { reason: EndReason::RunnerNotice, refunded: 5_000.into(), bond_returned: 4_000.into() };
    assert_eq!((state.status, state.units_max), (closed, 40));
}

#[test]
fn what_can_not_have_happened_is_an_error() {
    assert_eq!(bounty(&[posted(), posted()]), Err(Inconsistent::BountyKnown(BOUNTY)));
    assert_eq!(Bounty::apply(None, &funded(1, 1), START), Err(Inconsistent::BountyUnknown(BOUNTY)));
    assert_eq!(Engagement::apply(None, &redeemed(1, 1)), Err(Inconsistent::EngagementUnknown(id())));
    assert_eq!(engagement(&[engaged(false), engaged(false)]), Err(Inconsistent::EngagementKnown(id())));
    let fell = engagement(&[engaged(false), redeemed(10, 1), redeemed(10, 1)]);
    assert!(matches!(fell, Err(Inconsistent::OutOfRange { field: "unitsPaid", .. })));
    let early = Event::Reclaimed { engagement: id(), reserve: 1.into(), bond: 1.into() };
    assert!(matches!(engagement(&[engaged(false), early]), Err(Inconsistent::OutOfRange { field: "status", .. })));
}

#[test]
fn a_batch_may_name_an_engagement_that_never_was() {
    let skipped = Event::Skipped { engagement: id(), reason: alloy_primitives::Bytes::new() };
    assert_eq!(Engagement::apply(None, &skipped), Ok(None));
}

#[test]
fn events_survive_their_stored_form() {
    for event in [posted(), funded(1, 1), engaged(false), redeemed(1, 1), ended(EndReason::Faults)] {
        let json = serde_json::to_string(&event).expect("writes");
        assert_eq!(serde_json::from_str::<Event>(&json).expect("reads"), event);
    }
}
