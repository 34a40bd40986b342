//! Asking endpoints what their runners can't foresee, at times of this verifier's own (DESIGN §4).

mod ask;
mod own;
mod plan;
mod served;
mod shared;
mod worth;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use piecework_client::Assignment;
use piecework_domain::ids::EngagementId;
use piecework_domain::rpc::check::Anchor;
use piecework_domain::rpc::{ANSWER_CHARS_MAX, Outcome, Probe, Question};
use piecework_domain::spec::RpcSpec;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use served::announced;

use crate::memory::Memory;
use crate::policy::Policy;
use crate::watch::View;
use crate::{Error, clock};
use ask::{Answer, Asker};
use own::{Known, Own};
use served::{Pair, Served};
use shared::{Proxy, Side};

/// Questions under way, to all endpoints together: as many as this machine keeps up with. Half of them may be to endpoints that held one of
/// their last few up, so that nobody holds up others.
const AT_ONCE: usize = 256;
const AT_ONCE_MIN: usize = 8;
const HELD_MAX: Duration = Duration::from_secs(2);
const SLOW_FOR: u8 = 16;
/// Between questions put to one host, whoever says that it is theirs: nobody makes verifiers overrun another's node.
const HOST_PAUSE_MS: u64 = 50;
/// A turn that takes longer than this shows that there is too much under way.
const TURN_MAX: Duration = Duration::from_millis(250);
/// Pairs of endpoints compared at once, and what one may take.
const PAIRS_AT_ONCE: usize = 16;
const COMPARING_MAX: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_millis(50);
/// An honest answer about a block is not much longer than this node's.
const SIZE_FACTOR: usize = 4;
const BYTES_SPARE: usize = 64 * 1024;
/// Characters of a problem that a report keeps.
const DETAIL_CHARS_MAX: usize = 200;

pub struct Prober {
    policy: Policy,
    asker: Arc<Asker>,
    own: HashMap<u64, Own>,
    memory: Arc<Memory>,
    stop: CancellationToken,
}

impl Prober {
    /// Endpoints in private networks are asked only if `private_allowed`: anybody can announce any URL.
    pub fn new(
        views: &HashMap<u64, View>,
        policy: Policy,
        memory: Arc<Memory>,
        private_allowed: bool,
        stop: CancellationToken,
    ) -> Result<Self, Error> {
        let own = views.iter().map(|(chain, view)| (*chain, Own::new(view.provider().clone()))).collect();
        Ok(Self { policy, asker: Arc::new(Asker::new(private_allowed)?), own, memory, stop })
    }

    /// Probes what is assigned until told to stop.
    pub async fn run(self, mut assigned: watch::Receiver<Arc<Vec<Assignment>>>) {
        let mut served = Served::default();
        let mut at_once = AT_ONCE;
        let (mut asking, mut comparing) = (FuturesUnordered::new(), FuturesUnordered::new());
        while !self.stop.is_cancelled() {
            if assigned.has_changed().unwrap_or(false) {
                let list = Vec::clone(&assigned.borrow_and_update());
                served.assign(&self.policy.order(list, &HashSet::new()));
            }
            served.plan(clock::now_ms(), &self.memory);
            for (assignment, spec) in served.due(clock::now_ms(), asking.len(), at_once) {
                asking.push(self.probe(assignment, spec));
            }
            for pair in served.pairs(clock::now_ms(), comparing.len()) {
                comparing.push(self.compare(pair));
            }
            let began = Instant::now();
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(TICK) => {}
                Some((engagement, held, probed)) = asking.next() => {
                    served.answered(engagement, held);
                    told(engagement, probed);
                }
                Some((engagement, compared)) = comparing.next() => drop(told(engagement, compared)),
            }
            at_once =
                if began.elapsed() > TURN_MAX { (at_once / 2).max(AT_ONCE_MIN) } else { (at_once + 1).min(AT_ONCE) };
        }
    }

    /// Asks one question and remembers what came of it. Returns how long the endpoint took, too.
    async fn probe(&self, a: Assignment, spec: RpcSpec) -> (EngagementId, Duration, Result<(), Error>) {
        let mut held = Duration::ZERO;
        let noted = self.ask(&a, &spec, &mut held).await.and_then(|probe| match probe {
            Some(probe) => self.memory.note_probe(a.engagement, &probe),
            None => Ok(()),
        });
        (a.engagement, held, noted)
    }

    /// One question. `None` where this verifier itself can't tell what is right.
    async fn ask(&self, a: &Assignment, spec: &RpcSpec, held: &mut Duration) -> Result<Option<Probe>, Error> {
        let own = self.own(spec)?;
        let Some(endpoint) = &a.endpoint else { return Ok(None) };
        // Before the question, so that the endpoint is never asked for more than there was.
        let head = own.head().await?;
        let anchor = own.anchor(plan::number(spec, head.anchor.number())).await?;
        let question = plan::question(spec, &head.anchor, &anchor.anchor);
        let Known { anchor: about, bytes } = if question.is_about_newest() { &*head } else { &*anchor };
        let asked_ms = clock::now_ms();
        let bytes_max = bytes.saturating_mul(SIZE_FACTOR).saturating_add(BYTES_SPARE);
        let put_at = Instant::now();
        let Answer { latency, text, result } =
            self.put(endpoint.url.clone(), question.clone(), timeout(spec), bytes_max).await?;
        *held = put_at.elapsed();
        let worth = match result {
            Err((outcome, detail)) => Some((outcome, Some(detail))),
            // What this node doesn't have either is not there.
            Ok(Value::Null) => own.ask(&question).await.ok().map(|_| (Outcome::Missing, None)),
            Ok(answer) => own.worth(spec, &question, about, &answer).await?,
        };
        Ok(worth.map(|(outcome, detail)| Probe {
            latency_ms: latency.map(|latency| u32::try_from(latency.as_millis()).unwrap_or(u32::MAX)),
            detail: detail.map(|detail| kept(&detail, DETAIL_CHARS_MAX)),
            answer: text.filter(|_| outcome != Outcome::Right).map(|text| kept(&text, ANSWER_CHARS_MAX)),
            ..found(asked_ms, question, about, outcome)
        }))
    }

    /// In a task of its own: nothing that is checked beside it makes an answer look late.
    async fn put(&self, url: String, question: Question, timeout: Duration, bytes_max: usize) -> Result<Answer, Error> {
        let asker = self.asker.clone();
        let asked = tokio::spawn(async move { asker.ask(&url, &question, timeout, bytes_max).await });
        asked.await.map_err(Error::Panicked)?
    }

    /// Looks whether two runners' endpoints are one node, and remembers which of them passes questions on.
    async fn compare(&self, Pair { one, other, spec }: Pair) -> (EngagementId, Result<(), Error>) {
        let engagement = one.engagement;
        let (Some(one_at), Some(other_at)) = (&one.endpoint, &other.endpoint) else { return (engagement, Ok(())) };
        // Equal places are equally near; what differs would be noise.
        if one_at.url == other_at.url {
            return (engagement, Ok(()));
        }
        let side = |engagement, url| Side { engagement, url, timeout: timeout(&spec).min(HELD_MAX) };
        let sides = (side(engagement, one_at.url.as_str()), side(other.engagement, other_at.url.as_str()));
        let found = tokio::time::timeout(COMPARING_MAX, shared::proxy(&self.asker, sides.0, sides.1)).await;
        let Some(proxy) = found.ok().flatten() else { return (engagement, Ok(())) };
        (proxy.engagement, self.note_proxy(&spec, &proxy).await)
    }

    async fn note_proxy(&self, spec: &RpcSpec, Proxy { engagement, question, detail }: &Proxy) -> Result<(), Error> {
        let head = self.own(spec)?.head().await?;
        let probe = found(clock::now_ms(), question.clone(), &head.anchor, Outcome::Shared);
        self.memory.note_probe(*engagement, &Probe { detail: Some(detail.clone()), ..probe })
    }

    fn own(&self, spec: &RpcSpec) -> Result<&Own, Error> {
        self.own.get(&spec.chain_id).ok_or(Error::NoEndpoint(spec.chain_id))
    }
}

fn found(asked_ms: u64, question: Question, about: &Anchor, outcome: Outcome) -> Probe {
    let (number, block_hash) = (about.number(), about.hash);
    Probe { asked_ms, question, number, block_hash, outcome, latency_ms: None, detail: None, answer: None }
}

/// The beginning of what an endpoint says, in characters that take no more room in a report than here.
fn kept(text: &str, chars_max: usize) -> String {
    let plain = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    text.chars().take(chars_max).map(plain).collect()
}

fn timeout(spec: &RpcSpec) -> Duration {
    Duration::from_millis(spec.timeout_ms.into())
}

fn told<T>(engagement: EngagementId, result: Result<T, Error>) -> Option<T> {
    if let Err(err) = &result {
        tracing::warn!(%engagement, error = err as &dyn std::error::Error, "a probe was dropped");
    }
    result.ok()
}
