//! One event into the tables: the event itself, the projections it changes, and the feed.

use std::collections::BTreeSet;

use piecework_domain::Address;
use piecework_domain::chain::{Bounty, Engagement, Event, Subject};
use piecework_domain::ids::{BountyId, EngagementId};
use piecework_store::events::Placed;
use piecework_store::payouts::Payout;
use piecework_store::{PgConnection, balances, bounties, engagements, events, feed, payouts};

use crate::Error;

/// Stores an event and brings its subjects up to it.
pub async fn event(db_tx: &mut PgConnection, chain_id: u64, placed: &Placed) -> Result<(), Error> {
    let inconsistent =
        |err| Error::Inconsistent { chain_id, block: placed.block_number, log_index: placed.log_index, err };
    events::append(db_tx, chain_id, placed).await?;

    let (bounty, engagement) = ids(&placed.event);
    if let Some(id) = bounty {
        let state = bounties::get(db_tx, id).await?.map(|row| row.bounty);
        let state = Bounty::apply(state, &placed.event, placed.block_time).map_err(inconsistent)?;
        bounties::put(db_tx, chain_id, id, state.as_ref(), placed.block_number).await?;
    }
    if let Some(id) = engagement {
        let state = engagements::get(db_tx, id).await?.map(|row| row.engagement);
        let state = Engagement::apply(state, &placed.event).map_err(inconsistent)?;
        engagements::put(db_tx, chain_id, id, state.as_ref(), placed.block_number).await?;
    }
    match &placed.event {
        Event::Redeemed { engagement, payee, submitter, units, amount, relay_fee } => {
            let payout = Payout {
                block_number: placed.block_number,
                log_index: placed.log_index,
                engagement: *engagement,
                payee: *payee,
                submitter: *submitter,
                units: *units,
                amount: *amount,
                relay_fee: *relay_fee,
                tx_hash: placed.tx_hash,
                time: placed.block_time,
            };
            payouts::add(db_tx, chain_id, &payout).await?;
        }
        Event::Credited { account, token, balance, .. } | Event::Debited { account, token, balance, .. } => {
            balances::put(db_tx, chain_id, (*account, *token), Some(*balance), placed.block_number).await?;
        }
        _ => {}
    }
    let payload = serde_json::json!({
        "event": placed.event,
        "blockNumber": placed.block_number,
        "blockHash": placed.block_hash,
        "logIndex": placed.log_index,
        "txHash": placed.tx_hash,
    });
    feed::append(db_tx, chain_id, placed.event.name(), bounty, engagement, &payload).await?;
    Ok(())
}

/// Rebuilds what `gone` was about from the events that remain.
pub async fn replay(db_tx: &mut PgConnection, chain_id: u64, gone: &[Event]) -> Result<(), Error> {
    let mut touched_bounties: BTreeSet<BountyId> = BTreeSet::new();
    let mut touched_engagements: BTreeSet<EngagementId> = BTreeSet::new();
    let mut touched_balances: BTreeSet<(Address, Address)> = BTreeSet::new();
    for event in gone {
        let (bounty, engagement) = ids(event);
        touched_bounties.extend(bounty);
        touched_engagements.extend(engagement);
        if let Subject::Balance { account, token } = event.subject() {
            touched_balances.insert((account, token));
        }
    }
    for id in touched_bounties {
        let (mut state, mut last) = (None, 0);
        for (time, block, event) in events::of_bounty(db_tx, id).await? {
            state = Bounty::apply(state, &event, time).map_err(|err| Error::Inconsistent {
                chain_id,
                block,
                log_index: 0,
                err,
            })?;
            last = block;
        }
        bounties::put(db_tx, chain_id, id, state.as_ref(), last).await?;
    }
    for id in touched_engagements {
        let (mut state, mut last) = (None, 0);
        for (block, event) in events::of_engagement(db_tx, id).await? {
            state = Engagement::apply(state, &event).map_err(|err| Error::Inconsistent {
                chain_id,
                block,
                log_index: 0,
                err,
            })?;
            last = block;
        }
        engagements::put(db_tx, chain_id, id, state.as_ref(), last).await?;
    }
    for (account, token) in touched_balances {
        let (balance, block) = match events::last_of_balance(db_tx, chain_id, account, token).await? {
            Some((block, Event::Credited { balance, .. } | Event::Debited { balance, .. })) => (Some(balance), block),
            _ => (None, 0),
        };
        balances::put(db_tx, chain_id, (account, token), balance, block).await?;
    }
    Ok(())
}

/// The bounty and the engagement that an event belongs to.
pub fn ids(event: &Event) -> (Option<BountyId>, Option<EngagementId>) {
    match event.subject() {
        Subject::Bounty(bounty) => (Some(bounty), None),
        Subject::Engagement(engagement) => (None, Some(engagement)),
        Subject::Both(engagement, bounty) => (Some(bounty), Some(engagement)),
        Subject::Balance { .. } => (None, None),
    }
}
