//! One round: judge what is due, sign statements over it, send them.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alloy::signers::local::PrivateKeySigner;
use futures::StreamExt;
use piecework_client::{Assignment, Client, Finding, StatementBody};
use piecework_domain::Address;
use piecework_domain::ids::EngagementId;
use piecework_domain::messages::Domain;
use tokio::time::Instant;

use crate::escrow::Escrow;
use crate::judge::{self, Before, Judge};
use crate::memory::Memory;
use crate::watch::View;
use crate::{Error, clock, sign};

/// Epochs of one engagement judged in one round: after being away, the rest waits for the next.
const EPOCHS_PER_ROUND_MAX: usize = 20;
/// Engagements judged side by side.
const SIDE_BY_SIDE: usize = 16;
/// What one engagement may take. One that needs more is judged beside the others from then on.
const ENGAGEMENT_MAX: Duration = Duration::from_secs(2);
const SLOW_MAX: Duration = Duration::from_secs(300);
/// What a round should take: after it, those that come first by the policy have their turn again.
const ROUND_MAX: Duration = Duration::from_millis(500);
/// Findings that one statement carries (the API's limit).
const FINDINGS_MAX: usize = 1_000;
/// How long what failed is left alone: twice as long each time.
const PAUSE: Duration = Duration::from_secs(2);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// What judging needs.
pub struct Round<'a> {
    pub api: &'a Client,
    pub views: &'a HashMap<u64, View>,
    /// Where to ask whether the API says what the chain says.
    pub escrow: Option<&'a Escrow>,
    pub memory: &'a Memory,
    pub signer: &'a PrivateKeySigner,
    pub state: Mutex<State>,
}

/// What was learnt on the way; nothing of it must survive a restart.
#[derive(Debug)]
pub struct State {
    /// Engagements that came to nothing, how often in a row, and until when they rest.
    failed: HashMap<EngagementId, (u32, Instant)>,
    /// Engagements that take too long to be judged with the others.
    slow: HashSet<EngagementId>,
    /// Engagements of one round: learnt from what they take.
    at_once: usize,
}

impl Default for State {
    fn default() -> Self {
        Self { failed: HashMap::new(), slow: HashSet::new(), at_once: 16 }
    }
}

impl State {
    fn fail(&mut self, id: EngagementId) {
        let times = self.failed.get(&id).map_or(0, |(times, _)| times.saturating_add(1));
        let pause = PAUSE.saturating_mul(1 << times.min(10)).min(PAUSE_MAX);
        self.failed.insert(id, (times, Instant::now() + pause));
    }

    fn rests(&self, id: EngagementId) -> bool {
        self.failed.get(&id).is_some_and(|(_, until)| *until > Instant::now())
    }
}

/// By chain and escrow.
type Findings = HashMap<(u64, Address), Vec<Finding>>;

impl Round<'_> {
    /// Judges what comes first of `assignments`, as many as take about half a second. Returns the next epoch of each engagement that
    /// something was sent of.
    pub async fn run(&self, assignments: &[Assignment]) -> HashMap<EngagementId, u64> {
        let began = Instant::now();
        let at_once = self.state().at_once;
        let due = self.select(assignments, at_once);
        let full = due.len() == at_once;
        let sent = self.judge_and_send(&due, ENGAGEMENT_MAX).await;
        // What is worth most is never behind more of the rest than this takes.
        if began.elapsed() > ROUND_MAX {
            self.state().at_once = (at_once / 2).max(2);
        } else if full {
            self.state().at_once = (at_once * 2).min(FINDINGS_MAX);
        }
        sent
    }

    /// Judges that one of those that take long which waits longest, by itself. One that was fast this time is judged with the others again.
    pub async fn run_slow(&self, assignments: &[Assignment]) -> HashMap<EngagementId, u64> {
        let is_slow = |a: &&Assignment| self.is_due(a) && self.state().slow.contains(&a.engagement);
        let since = |a: &&Assignment| judge::due(a, a.next_epoch).map(|(_, to)| to);
        let Some(assignment) = assignments.iter().filter(is_slow).min_by_key(since) else { return HashMap::new() };
        let began = Instant::now();
        let sent = self.judge_and_send(&[assignment], SLOW_MAX).await;
        if !sent.is_empty() && began.elapsed() < ENGAGEMENT_MAX / 2 {
            self.state().slow.remove(&assignment.engagement);
        }
        sent
    }

    /// Three of four are first in order; the fourth is the one that waits longest, so that nobody waits for ever.
    fn select<'s>(&self, assignments: &'s [Assignment], at_once: usize) -> Vec<&'s Assignment> {
        let mut due: Vec<&Assignment> =
            assignments.iter().filter(|a| self.is_due(a) && !self.state().slow.contains(&a.engagement)).collect();
        if due.len() > at_once {
            let since = |a: &Assignment| judge::due(a, a.next_epoch).map(|(_, to)| to);
            due[at_once - at_once / 4..].sort_by_key(|a| since(a));
            due.truncate(at_once);
        }
        due
    }

    fn is_due(&self, a: &Assignment) -> bool {
        judge::due(a, a.next_epoch).is_some() && !self.state().rests(a.engagement)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the next epoch of each engagement that something was sent of.
    async fn judge_and_send(&self, due: &[&Assignment], each_max: Duration) -> HashMap<EngagementId, u64> {
        let mut sent = HashMap::new();
        for ((chain_id, escrow), mut findings) in self.findings(due, each_max).await {
            // By engagement, as batches are: then one multiproof holds many of them.
            findings.sort_by_key(|finding| (finding.verdict.engagement, finding.verdict.epoch));
            let domain = Domain::new(chain_id, escrow);
            for chunk in findings.chunks(FINDINGS_MAX) {
                if let Err(err) = self.send(&domain, chunk, &mut sent).await {
                    tracing::warn!(error = &err as &dyn std::error::Error, "statement not sent; trying again");
                }
            }
        }
        for id in sent.keys() {
            self.state().failed.remove(id);
        }
        sent
    }

    /// What is found about `due`, several side by side. What comes to nothing rests: it must not take a place in every round.
    async fn findings(&self, due: &[&Assignment], each_max: Duration) -> Findings {
        let mut findings = Findings::new();
        let mut judged = futures::stream::iter(due)
            .map(|assignment| async move {
                let found = tokio::time::timeout(each_max, self.judge(assignment, each_max / 2)).await;
                (*assignment, found.unwrap_or(Err(Error::TookTooLong(each_max))))
            })
            .buffer_unordered(SIDE_BY_SIDE);
        while let Some((assignment, found)) = judged.next().await {
            let engagement = assignment.engagement;
            match found {
                Ok(found) if !found.is_empty() => {
                    findings.entry((assignment.chain_id, assignment.escrow)).or_default().extend(found);
                    continue;
                }
                Ok(_) => {}
                Err(err) => {
                    if matches!(err, Error::TookTooLong(_)) {
                        self.state().slow.insert(engagement);
                    }
                    tracing::warn!(%engagement, error = &err as &dyn std::error::Error, "not judged this round");
                }
            }
            self.state().fail(engagement);
        }
        findings
    }

    /// Findings the API doesn't have yet, as many as take about `long`. What was judged before is sent as it was.
    async fn judge(&self, assignment: &Assignment, long: Duration) -> Result<Vec<Finding>, Error> {
        let began = Instant::now();
        let Some(view) = self.views.get(&judge::chain_of(assignment)) else {
            return Err(Error::NoEndpoint(judge::chain_of(assignment)));
        };
        let confirmed = match self.escrow.filter(|escrow| escrow.address == assignment.escrow) {
            Some(escrow) => Some(escrow.confirmed(assignment).await?.ok_or(Error::Unconfirmed)?),
            None => None,
        };
        let assignment = confirmed.as_ref().unwrap_or(assignment);
        // What was counted before is this verifier's own word, not the API's.
        let mut before = match assignment.next_epoch.checked_sub(1) {
            None => Before { units: 0, faults: 0 },
            Some(last) => match self.memory.judged(assignment.engagement, last)? {
                Some(finding) => Before { units: finding.verdict.units, faults: finding.verdict.faults },
                None => {
                    let engagement = assignment.engagement;
                    tracing::warn!(%engagement, epoch = last, "no memory of this verdict; not judging on top of it");
                    return Ok(vec![]);
                }
            },
        };
        let judge = Judge { api: self.api, memory: self.memory, verifier: self.signer.address() };
        let mut findings = Vec::new();
        let mut epoch = assignment.next_epoch;
        while findings.len() < EPOCHS_PER_ROUND_MAX && (findings.is_empty() || began.elapsed() < long) {
            let finding = match self.memory.judged(assignment.engagement, epoch)? {
                Some(finding) => finding,
                None => match judge.epoch(view, assignment, epoch, before).await {
                    Ok(Some(finding)) => finding,
                    Ok(None) => break,
                    // What was found before it counts all the same: who is behind would else need ever more luck to catch up.
                    Err(err) if !findings.is_empty() => {
                        let engagement = assignment.engagement;
                        tracing::warn!(%engagement, epoch, error = &err as &dyn std::error::Error, "not judged this round");
                        break;
                    }
                    Err(err) => return Err(err),
                },
            };
            before = Before { units: finding.verdict.units, faults: finding.verdict.faults };
            findings.push(finding);
            epoch += 1;
        }
        Ok(findings)
    }

    /// A statement is taken whole or not at all: where one is refused, its halves are sent, down to the finding that spoils it.
    async fn send(
        &self,
        domain: &Domain,
        findings: &[Finding],
        sent: &mut HashMap<EngagementId, u64>,
    ) -> Result<(), Error> {
        let mut waiting = vec![findings];
        while let Some(findings) = waiting.pop() {
            match self.api.send_statement(&self.sign(domain, findings)?).await {
                Ok(_) => sent.extend(findings.iter().map(|f| (f.verdict.engagement, f.verdict.epoch + 1))),
                Err(err) if err.retryable() => return Err(err.into()),
                Err(err) => match findings {
                    [finding] => {
                        let engagement = finding.verdict.engagement;
                        self.state().fail(engagement);
                        tracing::warn!(
                            %engagement, epoch = finding.verdict.epoch,
                            error = &err as &dyn std::error::Error, "finding refused"
                        );
                    }
                    _ => {
                        let (first, second) = findings.split_at(findings.len() / 2);
                        waiting.extend([second, first]);
                    }
                },
            }
        }
        Ok(())
    }

    fn sign(&self, domain: &Domain, findings: &[Finding]) -> Result<StatementBody, Error> {
        let attested_at = clock::now();
        // Before the signature exists: what was signed once stands, and a fee is never claimed for an earlier time.
        let findings = self.memory.attest(findings, attested_at)?;
        let verdicts = findings.iter().map(|finding| &finding.verdict);
        let (statement, signature) = sign::statement(self.signer, domain, verdicts, attested_at)?;
        Ok(StatementBody { verifier: self.signer.address(), statement, signature, findings })
    }
}

/// Notes in `assignments` what was sent.
pub fn advance(assignments: &mut [Assignment], sent: &HashMap<EngagementId, u64>) {
    for assignment in assignments {
        if let Some(next) = sent.get(&assignment.engagement) {
            assignment.next_epoch = assignment.next_epoch.max(*next);
        }
    }
}
