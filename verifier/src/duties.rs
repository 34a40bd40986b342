//! Round after round over what is assigned.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
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
    /// Tells `assigned` what this verifier serves: what pays and locks most is read often, everything a tenth of the time.
    pub async fn read(&self, assigned: watch::Sender<Arc<Vec<Assignment>>>) {
        let mut known = HashMap::new();
        let mut all_read: Option<(Instant, Duration)> = None;
        let mut first = true;
        while !self.stop.is_cancelled() {
            let everything = !first && all_read.is_none_or(|(at, took)| at.elapsed() >= took.saturating_mul(REST));
            let began = Instant::now();
            let read = tokio::select! {
                () = self.stop.cancelled() => return,
                read = self.lists(if everything { READ_MAX } else { FIRST_READ_MAX }) => read,
            };
            let took = began.elapsed();
            match read {
                Ok(read) => {
                    if everything {
                        known = read;
                        all_read = Some((Instant::now(), took));
                    } else {
                        known.extend(read);
                    }
                    first = false;
                    assigned.send_replace(Arc::new(self.served(known.values().cloned())));
                }
                Err(err) => {
                    // Reading everything must not keep the newest from being read.
                    all_read = if everything { Some((Instant::now(), took)) } else { all_read };
                    tracing::warn!(error = &err as &dyn std::error::Error, "no assignments; trying again");
                }
            }
            let rest = if everything || first { self.interval } else { self.interval.max(took.saturating_mul(REST)) };
            pause(rest.min(REST_MAX), self.stop).await;
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

    fn served(&self, assignments: impl Iterator<Item = Assignment>) -> Vec<Assignment> {
        let sees = |chain| self.round.views.contains_key(&chain);
        let is_served = |assignment: &Assignment| match self.policy.check(assignment, sees) {
            Ok(()) => true,
            Err(declined) => {
                let (engagement, chain) = (assignment.engagement, judge::chain_of(assignment));
                tracing::debug!(%engagement, chain, reason = %declined, "not judged");
                false
            }
        };
        assignments.filter(is_served).collect()
    }
}

pub async fn pause(interval: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(interval) => {}
    }
}
