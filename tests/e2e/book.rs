//! What events add up to, by the rules of `domain`.

use std::collections::BTreeMap;

use piecework_domain::Address;
use piecework_domain::chain::{Bounty, Engagement, Event, Subject};
use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::money::Amount;
use piecework_domain::terms::Terms;
use piecework_domain::time::Timestamp;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    pub bounties: BTreeMap<BountyId, Bounty>,
    pub engagements: BTreeMap<EngagementId, Engagement>,
    /// By account and token.
    pub balances: BTreeMap<(Address, Address), Amount>,
}

impl Book {
    /// Folds one event in, as the indexer does.
    pub fn take(&mut self, event: &Event, at: Timestamp) {
        let (bounty, engagement) = match event.subject() {
            Subject::Bounty(bounty) => (Some(bounty), None),
            Subject::Engagement(engagement) => (None, Some(engagement)),
            Subject::Both(engagement, bounty) => (Some(bounty), Some(engagement)),
            Subject::Balance { .. } => (None, None),
        };
        if let Some(id) = bounty {
            let state = Bounty::apply(self.bounties.remove(&id), event, at).unwrap();
            self.bounties.extend(state.map(|state| (id, state)));
        }
        if let Some(id) = engagement {
            let state = Engagement::apply(self.engagements.remove(&id), event).unwrap();
            self.engagements.extend(state.map(|state| (id, state)));
        }
        if let Event::Credited { account, token, balance, .. } | Event::Debited { account, token, balance, .. } = event
        {
            self.balances.insert((*account, *token), *balance);
        }
    }

    /// An engagement and its terms.
    pub fn deal(&self, id: EngagementId) -> (&Terms, &Engagement) {
        let e = &self.engagements[&id];
        (&self.bounties[&e.bounty].terms, e)
    }

    pub fn balance(&self, account: Address, token: Address) -> Amount {
        self.balances.get(&(account, token)).copied().unwrap_or_default()
    }
}
