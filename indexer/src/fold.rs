//! Events into the tables: what they add up to is computed in memory, and written a table at a time.

use std::collections::{BTreeMap, BTreeSet};

use piecework_domain::Address;
use piecework_domain::chain::{Bounty, Engagement, Event, Inconsistent, Status, Subject};
use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::money::Amount;
use piecework_store::events::{self, Placed};
use piecework_store::payouts::{self, Payout};
use piecework_store::{PgConnection, assignments, balances, bounties, engagements};

use crate::Error;

/// Whom some events are about.
#[derive(Debug, Default)]
pub struct Subjects {
    pub bounties: BTreeSet<BountyId>,
    pub engagements: BTreeSet<EngagementId>,
    pub balances: BTreeSet<(Address, Address)>,
}

impl Subjects {
    pub fn of<'a>(events: impl Iterator<Item = &'a Event>) -> Self {
        let mut all = Self::default();
        for event in events {
            let (bounty, engagement) = events::ids(event);
            all.bounties.extend(bounty);
            all.engagements.extend(engagement);
            if let Subject::Balance { account, token } = event.subject() {
                all.balances.insert((account, token));
            }
        }
        all
    }
}

/// The newest version of each subject, with the block that made it.
#[derive(Debug, Default)]
struct States {
    bounties: BTreeMap<BountyId, (Bounty, u64)>,
    engagements: BTreeMap<EngagementId, (Engagement, u64)>,
    balances: BTreeMap<(Address, Address), (Amount, u64)>,
}

/// Stores events, in order, and brings their subjects up to them. With `keep` what they replace stays as an older version, for
/// a reorg to bring back: then all events must be of one block.
pub async fn write(db_tx: &mut PgConnection, chain_id: u64, placed: &[Placed], keep: bool) -> Result<(), Error> {
    let Some(first) = placed.first() else { return Ok(()) };
    let subjects = Subjects::of(placed.iter().map(|placed| &placed.event));
    let ids_of_bounties: Vec<_> = subjects.bounties.into_iter().collect();
    let ids_of_engagements: Vec<_> = subjects.engagements.into_iter().collect();
    if keep {
        let block = first.block_number;
        bounties::keep(db_tx, &ids_of_bounties, block).await?;
        engagements::keep(db_tx, &ids_of_engagements, block).await?;
        let keys: Vec<_> = subjects.balances.into_iter().collect();
        balances::keep(db_tx, chain_id, &keys, block).await?;
    }

    let mut states = States::default();
    if !ids_of_bounties.is_empty() {
        let rows = bounties::load(db_tx, &ids_of_bounties).await?;
        states.bounties = rows.into_iter().map(|row| (row.bounty.id, (row.bounty, row.block_number))).collect();
    }
    let known: BTreeSet<_> = states.bounties.keys().copied().collect();
    if !ids_of_engagements.is_empty() {
        let rows = engagements::load(db_tx, &ids_of_engagements).await?;
        states.engagements = rows.into_iter().map(|row| (row.0.id, row)).collect();
    }
    let known_engagements: BTreeSet<_> = states.engagements.keys().copied().collect();
    let paid = fold(&mut states, placed).map_err(|(placed, err)| Error::Inconsistent {
        chain_id,
        block: placed.block_number,
        log_index: placed.log_index,
        err,
    })?;

    // Foreign eyes see all of it or nothing: the caller's db_tx commits it together with the cursor.
    let (known, new): (Vec<_>, Vec<_>) = states.bounties.values().partition(|(bounty, _)| known.contains(&bounty.id));
    if !known.is_empty() {
        bounties::put(db_tx, chain_id, &known).await?;
    }
    if !new.is_empty() {
        bounties::add(db_tx, chain_id, &new).await?;
    }
    let engagements: Vec<_> = states.engagements.into_values().collect();
    if !engagements.is_empty() {
        engagements::put(db_tx, chain_id, &engagements).await?;
    }
    let came_or_went = |e: &Engagement| !known_engagements.contains(&e.id) || matches!(e.status, Status::Closed { .. });
    let came_or_went: Vec<_> = engagements.iter().filter(|(e, _)| came_or_went(e)).map(|(e, _)| e.id).collect();
    if !came_or_went.is_empty() {
        assignments::renew(db_tx, &came_or_went).await?;
    }
    let balances: Vec<_> = states.balances.into_iter().map(|(key, (amount, block))| (key, amount, block)).collect();
    if !balances.is_empty() {
        balances::put(db_tx, chain_id, &balances).await?;
    }
    if !paid.is_empty() {
        payouts::add(db_tx, chain_id, &paid).await?;
    }
    events::append(db_tx, chain_id, placed).await?;
    Ok(())
}

/// Applies events to the states of their subjects. Returns what was paid.
fn fold<'a>(states: &mut States, placed: &'a [Placed]) -> Result<Vec<Payout>, (&'a Placed, Inconsistent)> {
    let mut paid = Vec::new();
    for at in placed {
        let inconsistent = |err| (at, err);
        let (bounty, engagement) = events::ids(&at.event);
        if let Some(id) = bounty {
            let state = states.bounties.remove(&id).map(|(state, _)| state);
            let state = Bounty::apply(state, &at.event, at.block_time).map_err(inconsistent)?;
            states.bounties.extend(state.map(|state| (id, (state, at.block_number))));
        }
        if let Some(id) = engagement {
            let state = states.engagements.remove(&id).map(|(state, _)| state);
            let state = Engagement::apply(state, &at.event).map_err(inconsistent)?;
            states.engagements.extend(state.map(|state| (id, (state, at.block_number))));
        }
        match &at.event {
            Event::Redeemed { engagement, payee, submitter, units, amount, relay_fee } => paid.push(Payout {
                block_number: at.block_number,
                log_index: at.log_index,
                engagement: *engagement,
                payee: *payee,
                submitter: *submitter,
                units: *units,
                amount: *amount,
                relay_fee: *relay_fee,
                tx_hash: at.tx_hash,
                time: at.block_time,
            }),
            Event::Credited { account, token, balance, .. } | Event::Debited { account, token, balance, .. } => {
                states.balances.insert((*account, *token), (*balance, at.block_number));
            }
            _ => {}
        }
    }
    Ok(paid)
}
