//! The loop.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alloy::providers::{DynProvider, Provider};
use alloy::signers::local::PrivateKeySigner;
use piecework_client::Client;
use piecework_domain::Address;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::acts::Acts;
use crate::error::rpc;
use crate::memory::Memory;
use crate::round::Round;
use crate::settlement::Settlement;
use crate::watch::View;

#[derive(Clone, Debug)]
pub struct Config {
    pub api_url: String,
    /// One file: what was seen and judged.
    pub memory: PathBuf,
    /// Whose rulings may cost this verifier's bond: others' bounties that ask for one are not judged.
    pub arbiters: Vec<Address>,
    /// How often to look for new blocks.
    pub watch_interval: Duration,
    /// How often to judge what is due.
    pub round_interval: Duration,
}

/// Judges until `stop`. `endpoints` are the verifier's own, one per chain it can judge; through `settlement`, which signs with the
/// verifier's key, it disputes what a runner asserted above its own count and claims its fees.
pub async fn run(
    config: Config,
    signer: PrivateKeySigner,
    endpoints: Vec<(u64, DynProvider)>,
    settlement: Option<DynProvider>,
    stop: CancellationToken,
) -> Result<(), Error> {
    let api = Client::new(&config.api_url);
    let memory = Arc::new(Memory::open(&config.memory)?);
    let mut views = HashMap::new();
    for (chain_id, provider) in endpoints {
        let actual = provider.get_chain_id().await.map_err(rpc("asking an endpoint for its chain id"))?;
        if actual != chain_id {
            return Err(Error::WrongChain { expected: chain_id, actual });
        }
        let view = View::new(chain_id, provider);
        tokio::spawn(view.clone().watch(memory.clone(), config.watch_interval, stop.clone()));
        views.insert(chain_id, view);
    }
    tracing::info!(verifier = %signer.address(), chains = views.len(), "watching");
    let round = Round { api: &api, views: &views, memory: &memory, signer: &signer, arbiters: &config.arbiters };
    let acts = settlement.map(|provider| Acts {
        chain: Settlement::new(provider, signer.address()),
        memory: &memory,
        arbiters: &config.arbiters,
    });
    loop {
        match round.assignments().await {
            Ok(assignments) => {
                if let Err(err) = round.run(&assignments).await {
                    tracing::warn!(error = &err as &dyn std::error::Error, "round failed; trying again");
                }
                if let Some(acts) = &acts {
                    acts.run(&assignments, &signer).await;
                }
            }
            Err(err) => tracing::warn!(error = &err as &dyn std::error::Error, "no assignments; trying again"),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(config.round_interval) => {}
        }
    }
}
