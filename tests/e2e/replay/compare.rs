//! The contract's storage against the events folded by `domain`.

use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use futures::future::join_all;
use piecework_contracts as state;
use piecework_domain::chain::{Bounty, Contested, Engagement};
use piecework_domain::money::NATIVE;
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, U256};

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
    assert_eq!(stored, state::bounty_state(bounty), "stored, told: {bounty:?}");
}

async fn check_engagement(chain: &Chain, book: &Book, e: &Engagement) {
    let (escrow, id, terms) = (&chain.escrow, e.id.0, book.deal(e.id).0);
    assert_eq!(escrow.engagement(id).call().await.unwrap(), state::engagement_state(e), "stored, told: {e:?}");
    assert_eq!(escrow.record(id).call().await.unwrap(), state::record_state(e), "stored, told: {e:?}");
    let assertion = escrow.assertion(id).call().await.unwrap();
    assert_eq!(assertion, state::assertion_state(e, terms), "stored, told: {e:?}");
    for (number, subject) in [Contested::Units, Contested::Faults, Contested::Assertion].into_iter().enumerate() {
        let stored = escrow.disputeOf(id, number.try_into().unwrap()).call().await.unwrap();
        assert_eq!(stored, state::dispute_state(e, terms, subject), "{subject:?}, stored, told: {e:?}");
    }
    for member in &e.verifiers.members {
        let next = e.fees.get(member).map_or(0, |mark| mark.next_epoch);
        assert_eq!(escrow.nextFeeEpoch(id, *member).call().await.unwrap(), U256::from(next), "{member}: {e:?}");
    }
}

/// All that the escrow owes to somebody: escrow, reserves, bonds, and free balances.
fn owed(book: &Book, token: Address) -> U256 {
    let bounties = book.bounties.values().filter(|bounty| bounty.terms.token == token).map(|bounty| bounty.escrow.0);
    let deals = book.engagements.values().map(|e| book.deal(e.id)).filter(|(terms, _)| terms.token == token);
    let engagements = deals.map(|(terms, e)| state::owed(e, terms).expect("counts that can be"));
    let balances = book.balances.iter().filter(|((_, of), _)| *of == token).map(|(_, balance)| balance.0);
    bounties.chain(engagements).chain(balances).sum()
}
