//! Work that nobody did, right in every byte: engagements, what a verifier saw of them, statements about it.

use alloy::primitives::keccak256;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result};
use piecework_bench::chain::{self, CHAIN_ID};
use piecework_client::{Finding, StatementBody};
use piecework_domain::ids::{EngagementId, EvidenceHash};
use piecework_domain::merkle::Tree;
use piecework_domain::messages::{Bid, BlockClaim, Domain, Statement, Verdict};
use piecework_domain::money::Amount;
use piecework_domain::report::{self, Report};
use piecework_domain::sequencer::{Observed, SeenBlock, SignedClaim};
use piecework_domain::spec::{Finality, SequencerSpec, Spec};
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, B256, Bytes, U256, canonical, rules};

/// Of engagements that are rows only.
pub const ESCROW: Address = Address::repeat_byte(0xe5);

/// An engagement, with all that judging takes.
#[derive(Clone)]
pub struct Engaged {
    pub id: EngagementId,
    pub escrow: Address,
    pub terms: Terms,
    pub bid: Bid,
    pub verifiers: VerifierSet,
    pub spec: SequencerSpec,
    pub started_at: Timestamp,
}

/// A key that is always the same.
pub fn key(role: &str, n: u64) -> Result<PrivateKeySigner> {
    PrivateKeySigner::from_bytes(&keccak256(format!("{role} {n}"))).context("making a key")
}

pub fn sign(signer: &PrivateKeySigner, digest: B256) -> Result<Bytes> {
    Ok(signer.sign_hash_sync(&digest)?.as_bytes().to_vec().into())
}

pub fn verifier_set(threshold: u8, signers: &[PrivateKeySigner]) -> VerifierSet {
    let mut members: Vec<_> = signers.iter().map(PrivateKeySigner::address).collect();
    members.sort();
    VerifierSet { threshold, members }
}

pub fn spec(chain_id: u64, grace_seconds: u32) -> SequencerSpec {
    SequencerSpec {
        version: 1,
        title: "Run our sequencer".to_owned(),
        description: String::new(),
        chain_id,
        finality: Finality::Safe,
        timely_seconds: 3,
        grace_seconds,
        blocks_min: 1,
        revisions_max: 0,
    }
}

/// Terms of bounty `n`; who makes an engagement of them fills in whose verifiers and spec they name.
pub fn terms(poster: Address, n: u64) -> Terms {
    Terms { bond: 0, fault_penalty: 0, faults_max: 0, challenge_seconds: 0, ..chain::terms(poster, n) }
}

impl Engaged {
    /// By `runner` with `node`, for the whole of `terms`.
    pub fn new(
        (escrow, mut terms): (Address, Terms),
        (verifiers, spec): (VerifierSet, SequencerSpec),
        (runner, node): (Address, Address),
        started_at: Timestamp,
    ) -> Result<Self> {
        terms.verifier_set = verifiers.hash();
        terms.spec_hash = Spec::Sequencer(spec.clone()).hash()?;
        let bid = Bid {
            bounty: terms.bounty_id(CHAIN_ID, escrow),
            runner,
            // A new account each: nobody's balance is shared.
            payee: Address::from_word(keccak256(terms.salt.0.to_be_bytes::<32>())),
            node,
            rate: terms.rate_max,
            relay_fee: 0,
            expires_at: terms.open_until,
            nonce: Amount(U256::ZERO),
        };
        Ok(Self { id: bid.engagement_id(), escrow, terms, bid, verifiers, spec, started_at })
    }

    pub fn domain(&self) -> Domain {
        Domain::new(CHAIN_ID, self.escrow)
    }

    pub fn ends_at(&self) -> Option<Timestamp> {
        let seconds = self.terms.units_max * u64::from(self.terms.unit_seconds);
        (seconds > 0).then(|| self.started_at.plus(seconds))
    }

    /// The node's claim of a block.
    pub fn claim(&self, node: &PrivateKeySigner, number: u64, block_hash: B256) -> Result<SignedClaim> {
        let claim = BlockClaim { number, revision: 0, block_hash };
        let signature = sign(node, claim.digest(self.id, &self.domain()))?;
        Ok(SignedClaim { number, revision: 0, block_hash, signature })
    }

    /// What `verifier` saw of `epoch`: `blocks` blocks, as in each epoch before, all of them claimed, in time and final.
    pub fn report(&self, verifier: Address, node: &PrivateKeySigner, epoch: u64, blocks: u64) -> Result<Report> {
        let (terms, ends_at) = (&self.terms, self.ends_at());
        let window = rules::epoch_window(terms, self.started_at, ends_at, epoch);
        let (from, to) = window.context("an epoch after the end")?;
        let (mut seen, mut claims) = (Vec::new(), Vec::new());
        for n in 0..blocks {
            let number = epoch * blocks + n;
            let hash = keccak256(number.to_be_bytes());
            let timestamp = from.plus(n * to.since(from) / blocks);
            seen.push(SeenBlock { number, hash, timestamp, first_seen_ms: timestamp.0 * 1_000 + 150 });
            claims.push(self.claim(node, number, hash)?);
        }
        let final_number = seen.last().map(|block: &SeenBlock| block.number);
        Ok(Report {
            engagement: self.id,
            verifier,
            node: self.bid.node,
            chain_id: CHAIN_ID,
            escrow: self.escrow,
            epoch,
            from,
            to,
            whole: to.since(from) == u64::from(terms.epoch_seconds),
            units_cap: rules::units_cap(terms, terms.units_max, self.started_at, ends_at, to),
            units_before: epoch * blocks,
            faults_before: 0,
            observed: report::Observed::Sequencer(Observed { spec: self.spec.clone(), final_number, seen, claims }),
        })
    }
}

/// One verifier's word about `reports`, as `piecework verify` would send it.
pub fn statement(
    verifier: &PrivateKeySigner,
    escrow: Address,
    reports: Vec<Report>,
    attested_at: Timestamp,
) -> Result<StatementBody> {
    let mut findings = Vec::with_capacity(reports.len());
    for report in reports {
        let judgement = report.judge();
        let verdict = Verdict {
            engagement: report.engagement,
            epoch: report.epoch,
            units: report.units(&judgement),
            faults: report.faults(&judgement),
            evidence: EvidenceHash(canonical::hash(&report)?),
        };
        findings.push(Finding { verdict, report });
    }
    findings.sort_by_key(|finding| finding.verdict.engagement);
    let tree = Tree::new(findings.iter().map(|finding| finding.verdict.leaf()).collect()).context("no reports")?;
    let statement = Statement { root: tree.root(), attested_at };
    let signature = sign(verifier, statement.digest(&Domain::new(CHAIN_ID, escrow)))?;
    Ok(StatementBody { verifier: verifier.address(), statement, signature, findings })
}
