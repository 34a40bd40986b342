//! The loop.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use alloy::providers::DynProvider;
use alloy::signers::local::PrivateKeySigner;
use piecework_client::{Client, Engagement};
use piecework_domain::Address;
use piecework_domain::messages::Domain;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::journal::Journal;
use crate::node::Node;
use crate::work::Work;

#[derive(Clone, Debug)]
pub struct Config {
    pub api_url: String,
    pub chain_id: u64,
    pub escrow: Address,
    /// Whose engagements to work on: those that name this companion's key as their node.
    pub runner: Address,
    /// One file: every claim signed.
    pub journal: PathBuf,
    /// How often to look for new blocks and send.
    pub interval: Duration,
    /// How often to look for new engagements.
    pub refresh_interval: Duration,
}

/// Works on the runner's engagements until `stop`.
pub async fn run(
    config: Config,
    signer: PrivateKeySigner,
    node: DynProvider,
    stop: CancellationToken,
) -> Result<(), Error> {
    let api = Client::new(&config.api_url);
    let journal = Journal::open(&config.journal)?;
    let node = Node(node);
    let domain = Domain::new(config.chain_id, config.escrow);
    let work = Work { api: &api, node: &node, journal: &journal, signer: &signer, domain: &domain };
    tracing::info!(runner = %config.runner, node = %signer.address(), "watching the node");

    let mut open: Vec<Engagement> = Vec::new();
    let mut paid: HashMap<_, u64> = HashMap::new();
    let mut refreshed = tokio::time::Instant::now() - config.refresh_interval;
    loop {
        if refreshed.elapsed() >= config.refresh_interval {
            match api.open_of_runner(config.runner).await {
                Ok(all) => {
                    open = all.into_iter().filter(|e| e.node == signer.address()).collect();
                    for e in &open {
                        if paid.insert(e.id, e.units_paid) != Some(e.units_paid) {
                            tracing::info!(engagement = %e.id, units_paid = e.units_paid, paid = %e.paid, faults = e.faults, "earned");
                        }
                    }
                }
                Err(err) => {
                    tracing::warn!(error = &err as &dyn std::error::Error, "can't reach the API; still signing")
                }
            }
            refreshed = tokio::time::Instant::now();
        }
        for engagement in &open {
            if let Err(err) = work.sign(engagement).await {
                tracing::warn!(engagement = %engagement.id, error = &err as &dyn std::error::Error, "not signed; trying again");
            }
            if let Err(err) = work.send(engagement.id).await {
                tracing::warn!(engagement = %engagement.id, error = &err as &dyn std::error::Error, "not sent; trying again");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(config.interval) => {}
        }
    }
}
