//! One round: judge what is due, sign statements over it, send them.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use futures::StreamExt;
use piecework_client::{Assignment, Client, Finding, StatementBody};
use piecework_domain::Address;
use piecework_domain::ids::EngagementId;
use piecework_domain::merkle::Tree;
use piecework_domain::messages::{Domain, Statement};
use tokio::time::Instant;

use crate::judge::{self, Before};
use crate::memory::Memory;
use crate::watch::View;
use crate::{Error, clock};

/// Epochs of one engagement judged in one round: after being away, the rest waits for the next.
const EPOCHS_PER_ROUND_MAX: usize = 20;
/// Engagements judged side by side.
const SIDE_BY_SIDE: usize = 16;
/// What one engagement may take before the next gets its turn.
const ENGAGEMENT_MAX: Duration = Duration::from_secs(10);
/// What a round should take: after it, those that come first by the policy have their turn again.
const ROUND_MAX: Duration = Duration::from_millis(500);
/// Findings that one statement carries (the API's limit).
const FINDINGS_MAX: usize = 1_000;
/// How long what failed is left alone.
const PAUSE: Duration = Duration::from_secs(5);

pub struct Round<'a> {
    pub api: &'a Client,
    pub views: &'a HashMap<u64, View>,
    pub memory: &'a Memory,
    pub signer: &'a PrivateKeySigner,
    pub resting: Resting,
    /// Engagements of one round: learnt from what they take.
    pub at_once: usize,
}

/// What is left alone for a while, and until when.
#[derive(Debug, Default)]
pub struct Resting {
    /// Engagements whose findings the API refused.
    refused: HashMap<EngagementId, Instant>,
    /// Chains whose endpoint fails: waiting for one must not hold up the others.
    unseen: HashMap<u64, Instant>,
}

impl Resting {
    fn wake(&mut self) {
        let now = Instant::now();
        self.refused.retain(|_, until| *until > now);
        self.unseen.retain(|_, until| *until > now);
    }

    fn includes(&self, a: &Assignment) -> bool {
        self.refused.contains_key(&a.engagement) || self.unseen.contains_key(&judge::chain_of(a))
    }
}

/// By chain and escrow.
type Findings = HashMap<(u64, Address), Vec<Finding>>;

impl Round<'_> {
    /// Judges what comes first of `assignments`, as many as take about half a second. What was sent advances their `next_epoch`.
    /// Returns of how many engagements something was sent.
    pub async fn run(&mut self, assignments: &mut [Assignment]) -> usize {
        let began = Instant::now();
        self.resting.wake();
        let due: Vec<&Assignment> = assignments.iter().filter(|a| self.is_due(a)).take(self.at_once).collect();
        let full = due.len() == self.at_once;
        let (judged, unseen) = self.findings(&due).await;
        self.resting.unseen.extend(unseen.into_iter().map(|chain| (chain, Instant::now() + PAUSE)));
        let mut sent = HashMap::new();
        for ((chain_id, escrow), mut findings) in judged {
            // By engagement, as batches are: then one multiproof holds many of them.
            findings.sort_by_key(|finding| (finding.verdict.engagement, finding.verdict.epoch));
            let domain = Domain::new(chain_id, escrow);
            for chunk in findings.chunks(FINDINGS_MAX) {
                if let Err(err) = self.send(&domain, chunk, &mut sent).await {
                    tracing::warn!(error = &err as &dyn std::error::Error, "statement not sent; trying again");
                }
            }
        }
        // What is worth most is never behind more of the rest than this takes.
        if began.elapsed() > ROUND_MAX {
            self.at_once = (self.at_once / 2).max(1);
        } else if full {
            self.at_once = (self.at_once * 2).min(FINDINGS_MAX);
        }
        for assignment in assignments {
            if let Some(next) = sent.get(&assignment.engagement) {
                assignment.next_epoch = assignment.next_epoch.max(*next);
            }
        }
        sent.len()
    }

    fn is_due(&self, a: &Assignment) -> bool {
        judge::due(a, a.next_epoch).is_some() && !self.resting.includes(a)
    }

    /// What is found about `portion`, several side by side, and which chains can't be seen.
    async fn findings(&self, portion: &[&Assignment]) -> (Findings, HashSet<u64>) {
        let (mut findings, mut unseen) = (Findings::new(), HashSet::new());
        let mut judged = futures::stream::iter(portion)
            .map(|assignment| async move {
                let found = tokio::time::timeout(ENGAGEMENT_MAX, self.judge(assignment)).await;
                (*assignment, found.unwrap_or(Err(Error::TookTooLong(ENGAGEMENT_MAX))))
            })
            .buffer_unordered(SIDE_BY_SIDE);
        while let Some((assignment, found)) = judged.next().await {
            match found {
                Ok(found) => findings.entry((assignment.chain_id, assignment.escrow)).or_default().extend(found),
                Err(err) => {
                    if matches!(err, Error::Rpc { .. } | Error::TookTooLong(_)) {
                        unseen.insert(judge::chain_of(assignment));
                    }
                    let engagement = assignment.engagement;
                    tracing::warn!(%engagement, error = &err as &dyn std::error::Error, "not judged this round");
                }
            }
        }
        (findings, unseen)
    }

    /// Findings the API doesn't have yet. What was judged before is sent as it was.
    async fn judge(&self, assignment: &Assignment) -> Result<Vec<Finding>, Error> {
        let Some(view) = self.views.get(&judge::chain_of(assignment)) else {
            return Err(Error::NoEndpoint(judge::chain_of(assignment)));
        };
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
        let verifier = self.signer.address();
        let mut findings = Vec::new();
        let mut epoch = assignment.next_epoch;
        while findings.len() < EPOCHS_PER_ROUND_MAX {
            let finding = match self.memory.judged(assignment.engagement, epoch)? {
                Some(finding) => finding,
                None => {
                    let found = judge::epoch(self.api, view, self.memory, verifier, assignment, epoch, before).await?;
                    let Some(finding) = found else { break };
                    finding
                }
            };
            before = Before { units: finding.verdict.units, faults: finding.verdict.faults };
            findings.push(finding);
            epoch += 1;
        }
        Ok(findings)
    }

    /// A statement is taken whole or not at all: where one is refused, its halves are sent, down to the finding that spoils it.
    async fn send(
        &mut self,
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
                        self.resting.refused.insert(engagement, Instant::now() + PAUSE);
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
        let tree = Tree::new(findings.iter().map(|finding| finding.verdict.leaf()).collect());
        let root = tree.map(|tree| tree.root()).unwrap_or_default();
        let statement = Statement { root, attested_at };
        let signature = self.signer.sign_hash_sync(&statement.digest(domain)).map_err(Error::Sign)?;
        Ok(StatementBody {
            verifier: self.signer.address(),
            statement,
            signature: signature.as_bytes().to_vec().into(),
            findings,
        })
    }
}
