//! The loop.

use std::path::PathBuf;
use std::time::Duration;

use alloy::providers::DynProvider;
use alloy::signers::local::PrivateKeySigner;
use futures::StreamExt;
use piecework_client::{Client, Engagement};
use piecework_domain::Address;
use piecework_domain::messages::{Domain, SignedEndpoint};
use piecework_domain::spec::Spec;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::engaged::Engaged;
use crate::journal::Journal;
use crate::node::Node;
use crate::turn::Turn;
use crate::work::Work;

/// Engagements worked on at once: one that waits for the API must not make the others late.
const SIDE_BY_SIDE: usize = 16;

#[derive(Clone, Debug)]
pub struct Config {
    pub api_url: String,
    pub chain_id: u64,
    pub escrow: Address,
    /// Whose engagements to work on: those that name this companion's key as their node.
    pub runner: Address,
    /// Where the node answers for `rpc` engagements.
    pub endpoint: Option<String>,
    /// One file: every claim signed.
    pub journal: PathBuf,
    /// Zero, or this companion is a second one of its key: how long it leaves each block to the other.
    pub stand_in_after: Duration,
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
    if let Some(url) = config.endpoint.as_deref().filter(|url| !SignedEndpoint::is_url(url)) {
        return Err(Error::Endpoint(url.chars().take(80).collect()));
    }
    let api = Client::new(&config.api_url);
    let journal = Journal::open(&config.journal)?;
    let node = Node(node);
    let domain = Domain::new(config.chain_id, config.escrow);
    let turn = Turn::new(config.stand_in_after);
    let work = Work { api: &api, node: &node, journal: &journal, signer: &signer, domain: &domain, turn };
    tracing::info!(runner = %config.runner, node = %signer.address(), "watching the node");

    let mut engaged = Engaged::new(&api, config.runner, signer.address());
    let mut refreshed = Instant::now() - config.refresh_interval;
    loop {
        let refresh = refreshed.elapsed() >= config.refresh_interval;
        if refresh {
            engaged.refresh().await;
            refreshed = Instant::now();
        }
        let steps = engaged.open().map(|(engagement, spec)| step(&work, engagement, spec, &config, refresh));
        futures::stream::iter(steps).buffer_unordered(SIDE_BY_SIDE).for_each(|()| async {}).await;
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(config.interval) => {}
        }
    }
}

async fn step(work: &Work<'_>, engagement: &Engagement, spec: &Spec, config: &Config, refresh: bool) {
    let done = match spec {
        Spec::Sequencer(_) => work.claim_blocks(engagement).await,
        Spec::Rpc(_) if refresh => work.announce(engagement, config.endpoint.as_deref()).await,
        Spec::Rpc(_) => Ok(()),
    };
    if let Err(err) = done {
        let engagement = engagement.id;
        tracing::warn!(%engagement, error = &err as &dyn std::error::Error, "not done; trying again");
    }
}
