//! The loop.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alloy::providers::{DynProvider, Provider};
use alloy::signers::local::PrivateKeySigner;
use piecework_client::{Assignment, Client};
use piecework_domain::Address;
use piecework_domain::ids::EngagementId;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::acts::Acts;
use crate::error::rpc;
use crate::memory::Memory;
use crate::policy::Policy;
use crate::round::{Resting, Round};
use crate::settlement::Settlement;
use crate::watch::View;

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
    let (assigned, duties) = watch::channel(Arc::new(Vec::new()));
    let (asserted, urgent) = watch::channel(HashSet::new());
    let judging = judge(&api, &config, &views, &memory, &signer, assigned, urgent, &stop);
    let acting = async {
        if let Some((escrow, provider)) = settlement {
            act(&config, escrow, provider, &memory, &signer, duties, asserted, &stop).await;
        }
    };
    tokio::join!(judging, acting);
    Ok(())
}

/// Assignments as they were read last; what was sent since is noted in them.
#[derive(Default)]
struct Duties {
    list: Vec<Assignment>,
    /// When they were read, and how long that took.
    read: Option<(Instant, Duration)>,
}

impl Duties {
    /// Reading a long list may take a tenth of the time.
    fn are_stale(&self) -> bool {
        self.read.is_none_or(|(at, took)| at.elapsed() >= took.saturating_mul(10))
    }
}

#[allow(clippy::too_many_arguments)]
async fn judge(
    api: &Client,
    config: &Config,
    views: &HashMap<u64, View>,
    memory: &Memory,
    signer: &PrivateKeySigner,
    assigned: watch::Sender<Arc<Vec<Assignment>>>,
    urgent: watch::Receiver<HashSet<EngagementId>>,
    stop: &CancellationToken,
) {
    let mut duties = Duties::default();
    let mut round = Round { api, views, memory, signer, resting: Resting::default(), at_once: 16 };
    while !stop.is_cancelled() {
        if duties.are_stale() {
            let began = Instant::now();
            match api.assignments(signer.address()).await {
                Ok(all) => {
                    let list = served(&config.policy, all);
                    assigned.send_replace(Arc::new(list.clone()));
                    duties = Duties { list, read: Some((Instant::now(), began.elapsed())) };
                }
                Err(err) => tracing::warn!(error = &err as &dyn std::error::Error, "no assignments; trying again"),
            }
        }
        duties.list = config.policy.order(std::mem::take(&mut duties.list), &urgent.borrow());
        let sent = tokio::select! {
            () = stop.cancelled() => return,
            sent = round.run(&mut duties.list) => sent,
        };
        // While something is due, rounds follow each other.
        if sent == 0 {
            pause(config.round_interval, stop).await;
        }
    }
}

fn served(policy: &Policy, mut assignments: Vec<Assignment>) -> Vec<Assignment> {
    assignments.retain(|assignment| match policy.check(assignment) {
        Ok(()) => true,
        Err(declined) => {
            tracing::debug!(engagement = %assignment.engagement, reason = %declined, "not judged");
            false
        }
    });
    assignments
}

#[allow(clippy::too_many_arguments)]
async fn act(
    config: &Config,
    escrow: Address,
    provider: DynProvider,
    memory: &Memory,
    signer: &PrivateKeySigner,
    duties: watch::Receiver<Arc<Vec<Assignment>>>,
    asserted: watch::Sender<HashSet<EngagementId>>,
    stop: &CancellationToken,
) {
    let mut acts = Acts {
        chain: Settlement::new(provider, signer.address()),
        memory,
        policy: &config.policy,
        signer,
        read_to: None,
        known: HashSet::new(),
        open: HashSet::new(),
        next_fees: HashMap::new(),
    };
    while !stop.is_cancelled() {
        let mut assignments = Vec::clone(&duties.borrow());
        // Money goes to the one escrow that its owner named, whatever the API says.
        assignments.retain(|assignment| assignment.escrow == escrow);
        tokio::select! {
            // What was sent is on chain or not; what was not is tried again after a restart.
            () = stop.cancelled() => return,
            open = acts.run(&assignments) => { asserted.send_replace(open); }
        }
        pause(config.round_interval, stop).await;
    }
}

async fn pause(interval: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(interval) => {}
    }
}
