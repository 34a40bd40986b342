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

pub struct Duties<'a> {
    pub api: &'a Client,
    pub policy: &'a Policy,
    pub round: Round<'a>,
    /// Between rounds that had nothing to do.
    pub interval: Duration,
    pub stop: &'a CancellationToken,
}

/// Assignments as they were read last; what was sent since is noted in them.
#[derive(Default)]
struct Read {
    list: Vec<Assignment>,
    /// When they were read, and how long that took.
    at: Option<(Instant, Duration)>,
}

impl Read {
    /// Reading a long list may take a tenth of the time.
    fn is_stale(&self) -> bool {
        self.at.is_none_or(|(at, took)| at.elapsed() >= took.saturating_mul(10))
    }
}

impl Duties<'_> {
    /// Tells `assigned` what this verifier serves; hears from `urgent` where an assertion waits.
    pub async fn judge(
        &self,
        assigned: watch::Sender<Arc<Vec<Assignment>>>,
        mut urgent: watch::Receiver<HashSet<EngagementId>>,
    ) {
        let mut read = Read::default();
        while !self.stop.is_cancelled() {
            let stale = read.is_stale();
            if stale {
                let began = Instant::now();
                match self.api.assignments(self.round.signer.address()).await {
                    Ok(all) => {
                        read = Read { list: self.served(all), at: Some((Instant::now(), began.elapsed())) };
                        assigned.send_replace(Arc::new(read.list.clone()));
                    }
                    Err(err) => {
                        tracing::warn!(error = &err as &dyn std::error::Error, "no assignments; trying again");
                    }
                }
            }
            if stale || urgent.has_changed().unwrap_or(false) {
                read.list = self.policy.order(std::mem::take(&mut read.list), &urgent.borrow_and_update());
            }
            let sent = tokio::select! {
                () = self.stop.cancelled() => return,
                sent = self.round.run(&mut read.list) => sent,
            };
            // While something is due, rounds follow each other.
            if sent == 0 {
                pause(self.interval, self.stop).await;
            }
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

    fn served(&self, mut assignments: Vec<Assignment>) -> Vec<Assignment> {
        let sees = |chain| self.round.views.contains_key(&chain);
        assignments.retain(|assignment| match self.policy.check(assignment, sees) {
            Ok(()) => true,
            Err(declined) => {
                let (engagement, chain) = (assignment.engagement, judge::chain_of(assignment));
                tracing::debug!(%engagement, chain, reason = %declined, "not judged");
                false
            }
        });
        assignments
    }
}

pub async fn pause(interval: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(interval) => {}
    }
}
