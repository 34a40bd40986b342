//! Round after round over what is assigned.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use piecework_client::{Assignment, Client};
use piecework_domain::ids::EngagementId;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::judge;
use crate::policy::Policy;
use crate::round::{Round, advance};

/// Assignments read of one list, those that pay and lock most; and how many of them are read often.
const READ_MAX: usize = 10_000;
const FIRST_READ_MAX: usize = 500;
/// Reading may take a tenth of the time.
const REST: u32 = 10;
const REST_MAX: Duration = Duration::from_secs(30);

pub struct Duties<'a> {
    pub api: &'a Client,
    pub policy: &'a Policy,
    pub round: Round<'a>,
    /// Between rounds that had nothing to do.
    pub interval: Duration,
    pub stop: &'a CancellationToken,
}

impl Duties<'_> {
    /// Tells `assigned` what this verifier serves: what pays and locks most is read often; beside it, everything, which may take a while.
    pub async fn read(&self, assigned: watch::Sender<Arc<Vec<Assignment>>>) {
        let known = Mutex::default();
        let first = self.keep_reading(FIRST_READ_MAX, |read| {
            let all = learn(&known, |known| known.first = read);
            assigned.send_replace(Arc::new(self.served(all)));
        });
        let everything = self.keep_reading(READ_MAX, |read| {
            let all = learn(&known, |known| known.everything = read);
            assigned.send_replace(Arc::new(self.served(all)));
        });
        tokio::join!(first, everything);
    }

    /// Reads lists of up to `max` until `stop`, a tenth of the time.
    async fn keep_reading(&self, max: usize, tell: impl Fn(HashMap<EngagementId, Assignment>)) {
        while !self.stop.is_cancelled() {
            let began = Instant::now();
            let read = tokio::select! {
                () = self.stop.cancelled() => return,
                read = self.lists(max) => read,
            };
            let mut rest = self.interval.max(began.elapsed().saturating_mul(REST).min(REST_MAX));
            match read {
                Ok(read) => tell(read),
                Err(err) => {
                    rest = self.interval;
                    tracing::warn!(error = &err as &dyn std::error::Error, "no assignments; trying again");
                }
            }
            pause(rest, self.stop).await;
        }
    }

    /// Judges round after round; hears from `urgent` where an assertion waits.
    pub async fn judge(
        &self,
        mut assigned: watch::Receiver<Arc<Vec<Assignment>>>,
        mut urgent: watch::Receiver<HashSet<EngagementId>>,
    ) {
        let mut list = Vec::new();
        let mut done: HashMap<EngagementId, u64> = HashMap::new();
        while !self.stop.is_cancelled() {
            let read = assigned.has_changed().unwrap_or(false);
            if read {
                list = Vec::clone(&assigned.borrow_and_update());
                let ids: HashSet<_> = list.iter().map(|a| a.engagement).collect();
                done.retain(|id, _| ids.contains(id));
                advance(&mut list, &done);
            }
            if read || urgent.has_changed().unwrap_or(false) {
                list = self.policy.order(list, &urgent.borrow_and_update());
            }
            let sent = tokio::select! {
                () = self.stop.cancelled() => return,
                sent = self.round.run(&list) => sent,
            };
            // While something is due, rounds follow each other.
            if sent.is_empty() {
                pause(self.interval, self.stop).await;
            }
            advance(&mut list, &sent);
            done.extend(sent);
        }
    }

    /// Judges what takes long, one after the other, so that nobody waits for it.
    pub async fn judge_slow(&self, assignments: watch::Receiver<Arc<Vec<Assignment>>>) {
        let mut done = HashMap::new();
        while !self.stop.is_cancelled() {
            let mut list = Vec::clone(&assignments.borrow());
            done.retain(|id, _| list.iter().any(|a| a.engagement == *id));
            advance(&mut list, &done);
            let sent = tokio::select! {
                () = self.stop.cancelled() => return,
                sent = self.round.run_slow(&list) => sent,
            };
            if sent.is_empty() {
                pause(self.interval, self.stop).await;
            }
            done.extend(sent);
        }
    }

    /// One list after the other, so that a flood in one token, or for a chain nobody can judge, hides nothing in another.
    async fn lists(&self, max: usize) -> Result<HashMap<EngagementId, Assignment>, piecework_client::Error> {
        let chains: Vec<_> = self.round.views.keys().map(u64::to_string).collect();
        let chains = chains.join(",");
        let mut all = HashMap::new();
        for list in self.policy.lists() {
            let filter = format!("chains={chains}{list}");
            let some = self.api.assignments(self.round.signer.address(), &filter, max).await?;
            all.extend(some.into_iter().map(|assignment| (assignment.engagement, assignment)));
        }
        Ok(all)
    }

    fn served(&self, assignments: Vec<Assignment>) -> Vec<Assignment> {
        let sees = |chain| self.round.views.contains_key(&chain);
        let is_served = |assignment: &Assignment| match self.policy.check(assignment, sees) {
            Ok(()) => true,
            Err(declined) => {
                let (engagement, chain) = (assignment.engagement, judge::chain_of(assignment));
                tracing::debug!(%engagement, chain, reason = %declined, "not judged");
                false
            }
        };
        assignments.into_iter().filter(is_served).collect()
    }
}

/// What was read last.
#[derive(Default)]
struct Known {
    first: HashMap<EngagementId, Assignment>,
    everything: HashMap<EngagementId, Assignment>,
}

/// Notes what was read; returns all that is known, the newest word on each.
fn learn(known: &Mutex<Known>, note: impl FnOnce(&mut Known)) -> Vec<Assignment> {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    note(&mut known);
    let older = known.everything.iter().filter(|(id, _)| !known.first.contains_key(*id));
    known.first.values().chain(older.map(|(_, assignment)| assignment)).cloned().collect()
}

pub async fn pause(interval: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(interval) => {}
    }
}
