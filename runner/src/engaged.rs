//! What there is to work on.

use std::collections::HashMap;

use piecework_client::{Client, Engagement, Error};
use piecework_domain::Address;
use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::spec::Spec;

/// The runner's engagements of one node, as the API last told them.
pub struct Engaged<'a> {
    api: &'a Client,
    runner: Address,
    node: Address,
    open: Vec<Engagement>,
    specs: HashMap<BountyId, Spec>,
    paid: HashMap<EngagementId, u64>,
}

impl<'a> Engaged<'a> {
    pub fn new(api: &'a Client, runner: Address, node: Address) -> Self {
        Self { api, runner, node, open: vec![], specs: HashMap::new(), paid: HashMap::new() }
    }

    /// Asks the API. Where it fails, what was known stays.
    pub async fn refresh(&mut self) {
        if let Err(err) = self.read().await {
            tracing::warn!(error = &err as &dyn std::error::Error, "can't reach the API; going on with what is known");
        }
    }

    /// Engagements whose work is known.
    pub fn open(&self) -> impl Iterator<Item = (&Engagement, &Spec)> {
        self.open.iter().filter_map(|e| Some((e, self.specs.get(&e.bounty)?)))
    }

    async fn read(&mut self) -> Result<(), Error> {
        let mut open = self.api.open_of_runner(self.runner).await?;
        open.retain(|e| e.node == self.node);
        self.open = open;
        for e in &self.open {
            if self.paid.insert(e.id, e.units_paid) != Some(e.units_paid) {
                tracing::info!(engagement = %e.id, units_paid = e.units_paid, paid = %e.paid, faults = e.faults, "earned");
            }
        }
        for e in &self.open {
            if self.specs.contains_key(&e.bounty) {
                continue;
            }
            let bounty = match self.api.bounty(e.bounty).await {
                Ok(bounty) => bounty,
                Err(err) => {
                    let err = &err as &dyn std::error::Error;
                    tracing::warn!(engagement = %e.id, error = err, "what the work is can't be read; trying again");
                    continue;
                }
            };
            match bounty.spec.filter(|spec| spec.hash().ok() == Some(bounty.terms.spec_hash)) {
                Some(spec) => drop(self.specs.insert(e.bounty, spec)),
                None => tracing::warn!(engagement = %e.id, bounty = %e.bounty, "the API knows no spec of this bounty"),
            }
        }
        Ok(())
    }
}
