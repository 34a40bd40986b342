//! One round: judge what is due, sign one statement over all of it, send it.

use std::collections::HashMap;

use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use piecework_client::{Assignment, Client, Finding, StatementBody};
use piecework_domain::Address;
use piecework_domain::merkle::Tree;
use piecework_domain::messages::{Domain, Statement};

use crate::judge::{self, Before};
use crate::memory::Memory;
use crate::watch::View;
use crate::{Error, clock};

/// Epochs of one engagement judged in one round: after being away, the rest waits for the next.
const EPOCHS_PER_ROUND_MAX: usize = 20;
/// Findings one statement carries (the API's limit).
const FINDINGS_MAX: usize = 1_000;

pub struct Round<'a> {
    pub api: &'a Client,
    pub views: &'a HashMap<u64, View>,
    pub memory: &'a Memory,
    pub signer: &'a PrivateKeySigner,
    /// Whose rulings may cost this verifier's bond.
    pub arbiters: &'a [Address],
}

impl Round<'_> {
    /// Everything this verifier has to judge, as far as it is what it says.
    pub async fn assignments(&self) -> Result<Vec<Assignment>, Error> {
        let mut assignments = self.api.assignments(self.signer.address()).await?;
        assignments.retain(|assignment| {
            let engagement = assignment.engagement;
            if !is_what_it_says(assignment) {
                tracing::warn!(%engagement, "the assignment's parts don't hash to its ids");
                return false;
            }
            let arbiter = assignment.terms.arbiter;
            let at_risk = assignment.terms.verifier_bond_min != 0 && arbiter != Address::ZERO;
            if at_risk && !self.arbiters.contains(&arbiter) {
                tracing::debug!(%engagement, %arbiter, "not judged: a ruling of this arbiter could cost the bond");
                return false;
            }
            true
        });
        Ok(assignments)
    }

    /// Returns how many findings were sent.
    pub async fn run(&self, assignments: &[Assignment]) -> Result<usize, Error> {
        let mut due: HashMap<(u64, piecework_domain::Address), Vec<Finding>> = HashMap::new();
        for assignment in assignments {
            match self.due(assignment).await {
                Ok(findings) => due.entry((assignment.chain_id, assignment.escrow)).or_default().extend(findings),
                Err(err) => {
                    // One chain that can't be seen must not silence the others.
                    let engagement = assignment.engagement;
                    tracing::warn!(%engagement, error = &err as &dyn std::error::Error, "not judged this round");
                }
            }
        }
        let mut sent = 0;
        for ((chain_id, escrow), mut findings) in due {
            // By engagement, as batches are: then one multiproof holds many of them.
            findings.sort_by_key(|finding| (finding.verdict.engagement, finding.verdict.epoch));
            let domain = Domain::new(chain_id, escrow);
            for chunk in findings.chunks(FINDINGS_MAX) {
                sent += self.send(&domain, chunk).await?;
            }
        }
        Ok(sent)
    }

    /// Findings the API doesn't have yet. What was judged before is sent as it was.
    async fn due(&self, assignment: &Assignment) -> Result<Vec<Finding>, Error> {
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
        let mut findings = Vec::new();
        let mut epoch = assignment.next_epoch;
        while findings.len() < EPOCHS_PER_ROUND_MAX {
            let finding = match self.memory.judged(assignment.engagement, epoch)? {
                Some(finding) => finding,
                None => {
                    let found =
                        judge::epoch(self.api, view, self.memory, self.signer, assignment, epoch, before).await?;
                    let Some(finding) = found else { break };
                    self.memory.judge(finding)?
                }
            };
            before = Before { units: finding.verdict.units, faults: finding.verdict.faults };
            findings.push(finding);
            epoch += 1;
        }
        Ok(findings)
    }

    async fn send(&self, domain: &Domain, findings: &[Finding]) -> Result<usize, Error> {
        match self.api.send_statement(&self.sign(domain, findings)?).await {
            Ok(_) => Ok(findings.len()),
            Err(err) if err.retryable() || findings.len() == 1 => Err(err.into()),
            Err(err) => {
                // A statement is taken whole or not at all: find the finding that spoils it.
                tracing::warn!(
                    error = &err as &dyn std::error::Error,
                    "statement refused; sending findings one by one"
                );
                let mut sent = 0;
                for finding in findings {
                    match self.api.send_statement(&self.sign(domain, std::slice::from_ref(finding))?).await {
                        Ok(_) => sent += 1,
                        Err(err) => tracing::warn!(
                            engagement = %finding.verdict.engagement, epoch = finding.verdict.epoch,
                            error = &err as &dyn std::error::Error, "finding refused"
                        ),
                    }
                }
                Ok(sent)
            }
        }
    }

    fn sign(&self, domain: &Domain, findings: &[Finding]) -> Result<StatementBody, Error> {
        let tree = Tree::new(findings.iter().map(|finding| finding.verdict.leaf()).collect());
        let root = tree.map(|tree| tree.root()).unwrap_or_default();
        let statement = Statement { root, attested_at: clock::now() };
        // Before the signature exists: a fee is claimed for what was attested, and never for an earlier time.
        self.memory.attest(findings, statement.attested_at)?;
        let signature = self.signer.sign_hash_sync(&statement.digest(domain)).map_err(Error::Sign)?;
        Ok(StatementBody {
            verifier: self.signer.address(),
            statement,
            signature: signature.as_bytes().to_vec().into(),
            findings: findings.to_vec(),
        })
    }
}

/// The API can't pass other terms, another spec, bounty or node for the engagement's.
fn is_what_it_says(a: &Assignment) -> bool {
    a.spec.hash().ok() == Some(a.terms.spec_hash)
        && a.terms.bounty_id(a.chain_id, a.escrow) == a.bounty
        && a.verifiers.hash() == a.terms.verifier_set
        && (a.bid.engagement_id(), a.bid.bounty, a.bid.node) == (a.engagement, a.bounty, a.node)
}
