//! Three verifiers in a test's hands, and a node whose key it has: honest reports, and made-up ones.

use alloy::eips::BlockNumberOrTag;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use piecework_client::{Engagement, Finding, StatementBody};
use piecework_domain::ids::{EngagementId, EvidenceHash};
use piecework_domain::merkle::Tree;
use piecework_domain::messages::{BlockClaim, Statement, Verdict};
use piecework_domain::report::{Observed, Report};
use piecework_domain::sequencer::{self, SeenBlock, SignedClaim};
use piecework_domain::spec::Spec;
use piecework_domain::time::Timestamp;
use piecework_domain::voucher::{AttestedVerdict, Voucher};
use piecework_domain::{B256, canonical, rules};
use serde_json::{Value, json};

use crate::attest;
use crate::cast::Cast;

/// Signs evidence here: no companion of `dev` speaks for it and this runner together.
pub const NODE: &str = "node2";
pub const EPOCHS: u64 = 3;
/// Of the first epochs blocks are claimed, of the last one none.
pub const WORKED: u64 = 2;

pub struct Set<'a> {
    pub cast: &'a Cast<'a>,
    l2: DynProvider,
}

/// What a verifier says it saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Honest,
    /// Blocks that nobody made, claimed by the node, with which it colludes.
    High,
    /// As if nothing had been claimed.
    Low,
}

impl<'a> Set<'a> {
    pub fn new(cast: &'a Cast<'a>) -> Self {
        let l2 = ProviderBuilder::new().connect_http(cast.dev.ready.l2.rpc_url.parse().unwrap()).erased();
        Self { cast, l2 }
    }

    pub fn claim(&self, id: EngagementId, number: u64, revision: u64, block_hash: B256) -> SignedClaim {
        let claim = BlockClaim { number, revision, block_hash };
        let signature = self.cast.sign(NODE, claim.digest(id, &self.cast.domain));
        SignedClaim { number, revision, block_hash, signature }
    }

    /// The sequenced chain's blocks of an epoch.
    pub async fn blocks(&self, e: &Engagement, epoch: u64) -> Vec<SeenBlock> {
        let (from, to) = window(e, epoch);
        let mut number = self.l2.get_block_number().await.unwrap();
        let mut blocks = Vec::new();
        loop {
            let block = self.l2.get_block_by_number(BlockNumberOrTag::Number(number)).await.unwrap().unwrap();
            let timestamp = Timestamp(block.header.timestamp);
            if timestamp < from {
                blocks.reverse();
                return blocks;
            }
            if timestamp < to {
                let first_seen_ms = timestamp.0 * 1_000;
                blocks.push(SeenBlock { number, hash: block.header.hash, timestamp, first_seen_ms });
            }
            number -= 1;
        }
    }

    /// Claims the blocks of the epochs in which the node worked.
    pub async fn work(&self, e: &Engagement) {
        let mut claims = Vec::new();
        for epoch in 0..WORKED {
            let blocks = self.blocks(e, epoch).await;
            claims.extend(blocks.iter().map(|block| self.claim(e.id, block.number, 0, block.hash)));
        }
        self.cast.api.send_claims(e.id, &claims).await.expect("the claims are taken");
    }

    /// What `role` says of all epochs.
    pub async fn findings(&self, e: &Engagement, role: &str, word: Word) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        for epoch in 0..EPOCHS {
            let before = findings.last().map_or((0, 0), |last| (last.verdict.units, last.verdict.faults));
            findings.push(self.finding(e, role, word, epoch, before).await);
        }
        findings
    }

    async fn finding(&self, e: &Engagement, role: &str, word: Word, epoch: u64, before: (u64, u64)) -> Finding {
        let Spec::Sequencer(spec) = self.cast.spec() else { panic!("another kind") };
        let mut seen = self.blocks(e, epoch).await;
        let claims = match word {
            Word::Low => vec![],
            Word::High if epoch >= WORKED => {
                seen.iter_mut().for_each(|block| block.hash = B256::left_padding_from(&block.number.to_be_bytes()));
                seen.iter().map(|block| self.claim(e.id, block.number, 0, block.hash)).collect()
            }
            _ => {
                let (first, last) = (seen.first().unwrap().number, seen.last().unwrap().number);
                self.cast.api.claims(e.id, first, last, 100).await.expect("are served")
            }
        };
        let (from, to) = window(e, epoch);
        let report = Report {
            engagement: e.id,
            verifier: self.cast.address(role),
            node: e.node,
            chain_id: self.cast.dev.ready.chain_id,
            escrow: self.cast.dev.ready.escrow,
            epoch,
            from,
            to,
            whole: true,
            units_cap: rules::units_cap(&e.terms, e.units_max, e.started_at(), e.ends_at(), to),
            units_before: before.0,
            faults_before: before.1,
            observed: Observed::Sequencer(sequencer::Observed {
                spec,
                final_number: seen.last().map(|block| block.number),
                seen,
                claims,
            }),
        };
        let judgement = report.judge();
        let verdict = Verdict {
            engagement: e.id,
            epoch,
            units: report.units(&judgement),
            faults: report.faults(&judgement),
            evidence: EvidenceHash(canonical::hash(&report).unwrap()),
        };
        Finding { verdict, report }
    }

    /// `role` signs `findings` now and sends them.
    pub async fn say(&self, role: &str, findings: Vec<Finding>) -> Result<Timestamp, piecework_client::Error> {
        let tree = Tree::new(findings.iter().map(|f| f.verdict.leaf()).collect()).unwrap();
        let statement = Statement { root: tree.root(), attested_at: self.cast.now().await };
        let signature = self.cast.sign(role, statement.digest(&self.cast.domain));
        let body = StatementBody { verifier: self.cast.address(role), statement, signature, findings };
        self.cast.api.send_statement(&body).await.map(|_: Value| statement.attested_at)
    }

    /// The voucher of the last verdicts that these signed at that time.
    pub fn voucher(&self, e: &Engagement, signed: &[(&str, Vec<Finding>, Timestamp)]) -> Voucher {
        let newest = signed.iter().map(|(role, findings, at)| -> AttestedVerdict {
            let verdicts = findings.iter().map(|f| f.verdict.clone()).collect();
            let attested = attest::attest(&self.cast.domain, &self.cast.signer(role), *at, verdicts);
            attested.into_iter().next_back().unwrap()
        });
        attest::voucher(&e.terms, newest.collect())
    }

    pub async fn view(&self, id: EngagementId) -> Value {
        self.cast.api.get(&format!("/v1/engagements/{id}")).await.expect("is known")
    }

    pub async fn record(&self, role: &str) -> Value {
        self.cast.api.get(&format!("/v1/verifiers/{}", self.cast.address(role))).await.expect("is served")
    }

    /// Sends two claims for one block of one revision; the second is refused, and kept as proof.
    pub async fn equivocate(&self, e: &Engagement) {
        let number = self.blocks(e, 0).await[0].number;
        let path = format!("/v1/engagements/{}/evidence", e.id);
        let claims = |byte| json!({ "claims": [self.claim(e.id, number, 0, B256::repeat_byte(byte))] });
        self.cast.api.post::<Value>(&path, &claims(1)).await.expect("the first is taken");
        let refused = self.cast.api.post::<Value>(&path, &claims(2)).await.expect_err("contradicts it");
        assert_eq!(refused.code(), Some("conflicting_claim"));
    }
}

pub fn window(e: &Engagement, epoch: u64) -> (Timestamp, Timestamp) {
    rules::epoch_window(&e.terms, e.started_at(), e.ends_at(), epoch).unwrap()
}
