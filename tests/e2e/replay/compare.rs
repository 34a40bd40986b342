//! The contract's storage against the events folded by `domain`.

use alloy::primitives::aliases::{U40, U56};
use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use futures::future::join_all;
use piecework_contracts::abi::Escrow as abi;
use piecework_domain::chain::{Bounty, Contested, Engagement, NoticeBy, Status};
use piecework_domain::money::NATIVE;
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, U256, rules};

use crate::book::Book;
use crate::chain::Chain;

/// Compares everything; returns how many questions are open.
pub async fn storage(chain: &Chain) -> usize {
    let book = read(chain).await;
    assert_eq!(book, chain.book, "logs asked for later and logs of receipts");
    join_all(book.bounties.values().map(|bounty| check_bounty(chain, bounty))).await;
    join_all(book.engagements.values().map(|e| check_engagement(chain, &book, e))).await;
    for ((account, token), balance) in &book.balances {
        let actual = chain.escrow.balances(*account, *token).call().await.unwrap();
        assert_eq!(actual, balance.0, "{token} of {account}");
    }
    for token in [NATIVE, chain.deployed.test_usd] {
        let held = chain.balance(chain.deployed.escrow, token).await;
        assert_eq!(held, owed(&book, token), "{token} in the escrow, and what it owes");
    }
    book.engagements.values().map(|e| e.disputes.len() + usize::from(e.assertion.is_some())).sum()
}

/// Every log of the escrow since it was deployed.
async fn read(chain: &Chain) -> Book {
    let filter = Filter::new().address(chain.deployed.escrow).from_block(0);
    let mut book = Book::default();
    for log in chain.rpc.get_logs(&filter).await.unwrap() {
        let event = piecework_contracts::decode(&log).unwrap();
        let at = Timestamp(log.block_timestamp.expect("anvil dates its logs"));
        event.iter().for_each(|event| book.take(event, at));
    }
    book
}

async fn check_bounty(chain: &Chain, bounty: &Bounty) {
    let stored = chain.escrow.bounty(bounty.id.0).call().await.unwrap();
    let told = abi::BountyState {
        escrow: bounty.escrow.0.to(),
        seatsTaken: bounty.seats_taken,
        seatsVacated: bounty.seats_vacated,
        postedAt: bounty.posted_at.0,
    };
    assert_eq!(stored, told, "stored, told: {bounty:?}");
}

async fn check_engagement(chain: &Chain, book: &Book, e: &Engagement) {
    let (escrow, id, terms) = (&chain.escrow, e.id.0, book.deal(e.id).0);
    assert_eq!(escrow.engagement(id).call().await.unwrap(), state(e), "stored, told: {e:?}");

    let record = abi::Record {
        ejected: e.record.ejected,
        resolvedAt: time(e.record.resolved_at),
        lostByPoster: e.record.lost_by_poster,
        lostByRunner: e.record.lost_by_runner,
        reclaimableFrom: time(e.record.reclaimable_from),
        feesPaid: e.record.fees_paid.0.to(),
    };
    assert_eq!(escrow.record(id).call().await.unwrap(), record, "stored, told: {e:?}");

    let ago = |time: Timestamp, seconds: u32| U40::from(time.0 - u64::from(seconds));
    let assertion = e.assertion.as_ref().map(|a| abi::Assertion {
        units: U56::from(a.units),
        assertedAt: ago(a.payable_at, terms.challenge_seconds),
        bond: a.bond.0.to(),
    });
    let none = abi::Assertion { units: U56::ZERO, assertedAt: U40::ZERO, bond: 0 };
    assert_eq!(escrow.assertion(id).call().await.unwrap(), assertion.unwrap_or(none), "stored, told: {e:?}");

    for (number, subject) in [Contested::Units, Contested::Faults, Contested::Assertion].into_iter().enumerate() {
        let dispute = e.dispute(subject).map(|d| abi::Dispute {
            by: d.by,
            openedAt: ago(d.rule_before, terms.silence_seconds),
            signers: d.signers,
            floor: U56::from(d.floor),
            claimed: U56::from(d.claimed),
            bond: d.bond.0.to(),
        });
        let (by, never, nothing) = (Address::ZERO, U40::ZERO, U56::ZERO);
        let none = abi::Dispute { by, openedAt: never, signers: 0, floor: nothing, claimed: nothing, bond: 0 };
        let stored = escrow.disputeOf(id, number.try_into().unwrap()).call().await.unwrap();
        assert_eq!(stored, dispute.unwrap_or(none), "{subject:?}, stored, told: {e:?}");
    }
    for member in &e.verifiers.members {
        let next = e.fees.get(member).map_or(0, |mark| mark.next_epoch);
        assert_eq!(escrow.nextFeeEpoch(id, *member).call().await.unwrap(), U256::from(next), "{member}: {e:?}");
    }
}

fn state(e: &Engagement) -> abi::EngagementState {
    // libraries/Flags.sol
    let flags = [
        (e.dispute(Contested::Units).is_some(), 1),
        (e.dispute(Contested::Faults).is_some(), 2),
        (e.assertion.is_some(), 4),
        (e.record.resolved_at != Timestamp(0), 8),
        (e.slashed.is_some(), 16),
    ];
    abi::EngagementState {
        unitsPaid: U56::from(e.units_paid),
        unitsMax: U56::from(e.units_max),
        faults: e.faults.try_into().unwrap(),
        startedAt: time(e.started_at),
        endsAt: e.ends_at.map_or(U40::ZERO, time),
        status: match e.status {
            Status::Active => 1,
            Status::Ended { .. } => 2,
            Status::Closed { .. } => 3,
        },
        noticeBy: match e.notice_by {
            None => 0,
            Some(NoticeBy::Poster) => 1,
            Some(NoticeBy::Runner) => 2,
        },
        flags: flags.into_iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum(),
    }
}

fn time(at: Timestamp) -> U40 {
    U40::from(at.0)
}

/// All that the escrow owes to somebody: escrow, reserves, bonds, and free balances.
fn owed(book: &Book, token: Address) -> U256 {
    let bounties = book.bounties.values().filter(|bounty| bounty.terms.token == token).map(|bounty| bounty.escrow.0);
    let deals = book.engagements.values().map(|e| book.deal(e.id)).filter(|(terms, _)| terms.token == token);
    let engagements = deals.map(|(terms, e)| {
        let fees = rules::fee_reserve(terms, e.verifiers.members.len(), e.units_max).unwrap();
        let reserve = match e.status {
            Status::Closed { .. } => U256::ZERO,
            _ => U256::from(e.units_max - e.units_paid) * U256::from(e.bid.rate) + fees.0 - e.record.fees_paid.0,
        };
        let asserted = e.assertion.as_ref().map_or(U256::ZERO, |a| a.bond.0);
        let disputed: U256 = e.disputes.iter().map(|dispute| dispute.bond.0).sum();
        reserve + e.bond_left(terms).0 + asserted + disputed
    });
    let balances = book.balances.iter().filter(|((_, of), _)| *of == token).map(|(_, balance)| balance.0);
    bounties.chain(engagements).chain(balances).sum()
}
