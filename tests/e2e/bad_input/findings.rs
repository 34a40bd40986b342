//! What an honest verifier would find, and how it says so.

use piecework_client::{Finding, StatementBody};
use piecework_domain::ids::EvidenceHash;
use piecework_domain::merkle::Tree;
use piecework_domain::messages::{Domain, Statement, Verdict};
use piecework_domain::report::{Observed, Report};
use piecework_domain::sequencer::{self, SeenBlock};
use piecework_domain::spec::Spec;
use piecework_domain::time::Timestamp;
use piecework_domain::{B256, canonical, rules};

use super::evidence::{FIRST, claim};
use super::world::{JUDGES, World};

pub const JUDGE: &str = JUDGES[1];
pub const PATH: &str = "/v1/statements";

pub fn window(world: &World<'_>, epoch: u64) -> (Timestamp, Timestamp) {
    let e = &world.engagement;
    rules::epoch_window(&e.terms, e.started_at(), e.ends_at(), epoch).unwrap()
}

/// What an honest `role` would find for epoch 0: two blocks.
pub fn honest(world: &World<'_>, role: &str) -> Finding {
    let (e, ready) = (&world.engagement, &world.cast.dev.ready);
    let Spec::Sequencer(spec) = world.cast.spec() else { panic!("another kind") };
    let (from, to) = window(world, 0);
    let claims = vec![claim(world, FIRST, 1), claim(world, FIRST + 1, 1)];
    let see = |number| SeenBlock { number, hash: B256::repeat_byte(1), timestamp: from, first_seen_ms: from.0 * 1_000 };
    let report = Report {
        engagement: e.id,
        verifier: world.cast.address(role),
        node: e.node,
        chain_id: ready.chain_id,
        escrow: ready.escrow,
        epoch: 0,
        from,
        to,
        whole: true,
        units_cap: rules::units_cap(&e.terms, e.units_max, e.started_at(), e.ends_at(), to),
        units_before: 0,
        faults_before: 0,
        observed: Observed::Sequencer(sequencer::Observed {
            spec,
            final_number: Some(FIRST + 1),
            seen: vec![see(FIRST), see(FIRST + 1)],
            claims,
        }),
    };
    judged(report)
}

/// What a report of blocks was judged by.
pub fn blocks(report: &mut Report) -> &mut sequencer::Observed {
    match &mut report.observed {
        Observed::Sequencer(observed) => observed,
        Observed::Rpc(_) => panic!("another kind"),
    }
}

/// The finding that follows from a report.
pub fn judged(report: Report) -> Finding {
    let judgement = report.judge();
    let verdict = Verdict {
        engagement: report.engagement,
        epoch: report.epoch,
        units: report.units(&judgement),
        faults: report.faults(&judgement),
        evidence: EvidenceHash(canonical::hash(&report).unwrap()),
    };
    Finding { verdict, report }
}

pub fn signed(world: &World<'_>, role: &str, domain: &Domain, at: Timestamp, findings: Vec<Finding>) -> StatementBody {
    let root = Tree::new(findings.iter().map(|f| f.verdict.leaf()).collect()).map(|tree| tree.root());
    let statement = Statement { root: root.unwrap_or_default(), attested_at: at };
    let signature = world.cast.sign(role, statement.digest(domain));
    StatementBody { verifier: world.cast.address(role), statement, signature, findings }
}

/// The judge's statement of these findings when epoch 0 is just over.
pub fn stated(world: &World<'_>, findings: Vec<Finding>) -> StatementBody {
    signed(world, JUDGE, &world.cast.domain, window(world, 0).1, findings)
}

/// Refused whole: none of its evidence is kept.
pub async fn refused(world: &World<'_>, what: &str, body: &StatementBody, status: u16, code: &str) -> String {
    let detail = world.refused(what, world.post(PATH, body).await, status, code).await;
    for hash in body.findings.iter().take(3).map(|f| canonical::hash(&f.report).unwrap()) {
        let answer = world.get(&format!("/v1/evidence/{hash}")).await;
        world.refused(&format!("evidence of {what}"), answer, 404, "evidence_not_found").await;
    }
    detail
}
