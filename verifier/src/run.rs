//! What runs side by side.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alloy::providers::{DynProvider, Provider};
use alloy::signers::local::PrivateKeySigner;
use piecework_client::{Assignment, Client};
use piecework_domain::Address;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::account::Account;
use crate::acts::Acts;
use crate::duties::{Duties, pause};
use crate::error::rpc;
use crate::escrow::Escrow;
use crate::memory::Memory;
use crate::policy::Policy;
use crate::probe::Prober;
use crate::round::Round;
use crate::watch::View;

/// Between two looks at assertions while some wait.
const MORE_PAUSE: Duration = Duration::from_millis(200);

#[derive(Clone, Debug)]
pub struct Config {
    pub api_url: String,
    /// One file: what was seen and judged.
    pub memory: PathBuf,
    /// Whom to work for.
    pub policy: Policy,
    /// How often to look for new blocks.
    pub watch_interval: Duration,
    /// How often to judge what is due.
    pub round_interval: Duration,
    /// Whether runners' endpoints in private networks are asked: on a development machine they are.
    pub private_endpoints: bool,
}

/// Judges until `stop`. `endpoints` are the verifier's own, one per chain it can judge. With `settlement`, an escrow and a provider that
/// signs with the verifier's key, it disputes what a runner asserted above its own count and claims its fees there.
pub async fn run(
    config: Config,
    signer: PrivateKeySigner,
    endpoints: Vec<(u64, DynProvider)>,
    settlement: Option<(Address, DynProvider)>,
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
    let (assigned, assignments) = watch::channel(Arc::new(Vec::new()));
    let (asserted, urgent) = watch::channel(HashSet::new());
    // In a task of its own: checking long answers holds up no judging.
    let prober = Prober::new(&views, config.policy.clone(), memory.clone(), config.private_endpoints, stop.clone())?;
    let probing = tokio::spawn(prober.run(assignments.clone()));
    let escrow = settlement.as_ref().map(|(address, provider)| Escrow::new(*address, provider.clone()));
    let (policy, interval) = (&config.policy, config.round_interval);
    let duties = Duties {
        api: &api,
        policy,
        round: Round {
            api: &api,
            views: &views,
            escrow: escrow.as_ref(),
            memory: &memory,
            signer: &signer,
            state: Default::default(),
        },
        interval,
        stop: &stop,
    };
    let acting = async {
        let (Some(escrow), Some((_, provider))) = (&escrow, &settlement) else { return };
        let mut acts = Acts {
            escrow: escrow.clone(),
            account: Account::new(provider.clone(), signer.address()),
            views: &views,
            memory: &memory,
            policy,
            signer: &signer,
            known: Default::default(),
        };
        while !stop.is_cancelled() {
            let mut here = Vec::clone(&assignments.borrow());
            // Money goes to the one escrow that its owner named, whatever the API says.
            here.retain(|assignment: &Assignment| assignment.escrow == escrow.address);
            let looked = tokio::select! {
                // What was sent is on chain or not; what was not is tried again after a restart.
                () = stop.cancelled() => return,
                looked = acts.run(&here) => looked,
            };
            asserted.send_replace(looked.open);
            pause(if looked.more { interval.min(MORE_PAUSE) } else { interval }, &stop).await;
        }
    };
    tokio::join!(
        duties.read(assigned),
        duties.judge(assignments.clone(), urgent),
        duties.judge_slow(assignments.clone()),
        acting
    );
    probing.await.map_err(Error::Panicked)
}
