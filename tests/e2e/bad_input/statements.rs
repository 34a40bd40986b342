//! Verifiers' statements.

use piecework_client::{Finding, StatementBody};
use piecework_domain::ids::{EngagementId, EvidenceHash};
use piecework_domain::merkle::Tree;
use piecework_domain::messages::{Domain, Statement, Verdict};
use piecework_domain::sequencer::{REPORT_KIND, Report, SeenBlock, judge};
use piecework_domain::spec::Spec;
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, B256, canonical, rules};
use serde_json::{Value, json};

use super::evidence::{FIRST, claim};
use super::signatures::{elsewhere, spoilt};
use super::world::{Answer, JUDGES, STRANGER, World};

const JUDGE: &str = JUDGES[1];
const PATH: &str = "/v1/statements";

fn window(world: &World<'_>, epoch: u64) -> (Timestamp, Timestamp) {
    let e = &world.engagement;
    rules::epoch_window(&e.terms, e.started_at(), e.ends_at(), epoch).unwrap()
}

/// What an honest `role` would find for epoch 0: two blocks.
fn honest(world: &World<'_>, role: &str) -> Finding {
    let (e, ready) = (&world.engagement, &world.cast.dev.ready);
    let Spec::Sequencer(spec) = world.cast.spec();
    let (from, to) = window(world, 0);
    let claims = vec![claim(world, FIRST, 1), claim(world, FIRST + 1, 1)];
    let see = |number| SeenBlock {
        number,
        hash: B256::repeat_byte(1),
        timestamp: from,
        first_seen_ms: from.0 * 1_000,
    };
    let report = Report {
        kind: REPORT_KIND.to_owned(),
        engagement: e.id,
        verifier: world.cast.address(role),
        node: e.node,
        chain_id: ready.chain_id,
        escrow: ready.escrow,
        epoch: 0,
        from,
        to,
        whole: true,
        spec,
        final_number: Some(FIRST + 1),
        seen: vec![see(FIRST), see(FIRST + 1)],
        claims,
        units_cap: rules::units_cap(&e.terms, e.units_max, e.started_at(), e.ends_at(), to),
        units_before: 0,
        faults_before: 0,
    };
    judged(report)
}

/// The finding that follows from a report.
fn judged(report: Report) -> Finding {
    let judgement = judge(&report);
    let verdict = Verdict {
        engagement: report.engagement,
        epoch: report.epoch,
        units: report.units(&judgement),
        faults: report.faults(&judgement),
        evidence: EvidenceHash(canonical::hash(&report).unwrap()),
    };
    Finding { verdict, report }
}

fn signed(
    world: &World<'_>,
    role: &str,
    domain: &Domain,
    at: Timestamp,
    findings: Vec<Finding>,
) -> StatementBody {
    let root =
        Tree::new(findings.iter().map(|f| f.verdict.leaf()).collect()).map(|tree| tree.root());
    let statement = Statement {
        root: root.unwrap_or_default(),
        attested_at: at,
    };
    let signature = world.cast.sign(role, statement.digest(domain));
    StatementBody {
        verifier: world.cast.address(role),
        statement,
        signature,
        findings,
    }
}

/// The judge's statement of these findings when epoch 0 is just over.
fn stated(world: &World<'_>, findings: Vec<Finding>) -> StatementBody {
    signed(
        world,
        JUDGE,
        &world.cast.domain,
        window(world, 0).1,
        findings,
    )
}

/// Refused whole: none of its evidence is kept.
async fn refused(
    world: &World<'_>,
    what: &str,
    body: &StatementBody,
    status: u16,
    code: &str,
) -> String {
    let detail = world
        .refused(what, world.post(PATH, body).await, status, code)
        .await;
    for hash in body
        .findings
        .iter()
        .take(3)
        .map(|f| canonical::hash(&f.report).unwrap())
    {
        let answer = world.get(&format!("/v1/evidence/{hash}")).await;
        world
            .refused(
                &format!("evidence of {what}"),
                answer,
                404,
                "evidence_not_found",
            )
            .await;
    }
    detail
}

pub async fn signatures_that_are_not_the_verifiers(world: &World<'_>) {
    let good = stated(world, vec![honest(world, JUDGE)]);
    let digest = good.statement.digest(&world.cast.domain);
    let mut cases = spoilt(&good.signature);
    cases.push(("a stranger's", world.cast.sign(STRANGER, digest)));
    cases.push(("another member's", world.cast.sign(JUDGES[0], digest)));
    for (what, domain) in elsewhere(world) {
        cases.push((what, world.cast.sign(JUDGE, good.statement.digest(&domain))));
    }
    let later = Statement {
        attested_at: good.statement.attested_at.plus(1),
        ..good.statement
    };
    cases.push((
        "of another time",
        world.cast.sign(JUDGE, later.digest(&world.cast.domain)),
    ));
    for (what, signature) in cases {
        let body = StatementBody {
            signature,
            ..good.clone()
        };
        refused(
            world,
            &format!("a statement's signature: {what}"),
            &body,
            422,
            "bad_signature",
        )
        .await;
    }
}

pub async fn statements_that_break_a_rule(world: &World<'_>) {
    let good = honest(world, JUDGE);
    let verdict = |spoil: fn(&mut Verdict)| {
        let mut finding = good.clone();
        spoil(&mut finding.verdict);
        stated(world, vec![finding])
    };
    let report = |spoil: fn(&mut Report)| {
        let mut finding = good.clone();
        spoil(&mut finding.report);
        finding
    };
    let at = |attested_at| {
        signed(
            world,
            JUDGE,
            &world.cast.domain,
            attested_at,
            vec![good.clone()],
        )
    };
    let (from, to) = window(world, 0);
    let stranger = signed(
        world,
        STRANGER,
        &world.cast.domain,
        to,
        vec![honest(world, STRANGER)],
    );
    let mut wrong_root = stated(world, vec![good.clone()]);
    wrong_root.statement.root = B256::repeat_byte(5);
    wrong_root.signature = world
        .cast
        .sign(JUDGE, wrong_root.statement.digest(&world.cast.domain));
    let fewer = StatementBody {
        findings: vec![good.clone()],
        ..stated(world, vec![good.clone(), good.clone()])
    };
    let nowhere = judged(Report {
        engagement: EngagementId(B256::repeat_byte(9)),
        ..good.report.clone()
    });
    let future = judged(Report {
        epoch: 1_000,
        ..good.report.clone()
    });
    let tampered = report(|r| r.claims.truncate(1));
    let bad_too = vec![good.clone(), nowhere.clone()];

    for (what, body, status, code) in [
        (
            "of no verdicts",
            stated(world, vec![]),
            422,
            "invalid_statement",
        ),
        (
            "of too many verdicts",
            stated(world, vec![good.clone(); 1_001]),
            422,
            "invalid_statement",
        ),
        ("by a stranger", stranger, 422, "not_verifier"),
        ("with a wrong root", wrong_root, 422, "root_mismatch"),
        ("with a verdict left out", fewer, 422, "root_mismatch"),
        (
            "from the future",
            at(world.cast.now().await.plus(3_600)),
            422,
            "attested_in_future",
        ),
        (
            "from the far future",
            at(Timestamp(u64::MAX)),
            422,
            "attested_in_future",
        ),
        (
            "in the middle of the epoch",
            at(Timestamp(to.0 - 1)),
            422,
            "epoch_not_over",
        ),
        ("at the epoch's start", at(from), 422, "epoch_not_over"),
        ("of long ago", at(Timestamp(0)), 422, "epoch_not_over"),
        (
            "of an epoch to come",
            stated(world, vec![future]),
            422,
            "epoch_not_over",
        ),
        (
            "of an epoch after the end",
            verdict(|v| v.epoch = 25_000),
            422,
            "no_such_epoch",
        ),
        (
            "of the last epoch there is",
            verdict(|v| v.epoch = u64::MAX),
            422,
            "no_such_epoch",
        ),
        (
            "above the clock's cap",
            verdict(|v| v.units = 5),
            422,
            "above_clock_cap",
        ),
        (
            "far above the clock's cap",
            verdict(|v| v.units = u64::MAX),
            422,
            "above_clock_cap",
        ),
        (
            "of more than its report says",
            verdict(|v| v.units = 3),
            422,
            "verdict_mismatch",
        ),
        (
            "of less than its report says",
            verdict(|v| v.units = 1),
            422,
            "verdict_mismatch",
        ),
        (
            "of a fault that was none",
            verdict(|v| v.faults = 1),
            422,
            "verdict_mismatch",
        ),
        (
            "of faults without end",
            verdict(|v| v.faults = u64::MAX),
            422,
            "verdict_mismatch",
        ),
        (
            "of no engagement",
            stated(world, vec![nowhere]),
            404,
            "engagement_not_found",
        ),
        (
            "with one bad verdict among good ones",
            stated(world, bad_too),
            404,
            "engagement_not_found",
        ),
        (
            "with a tampered report",
            stated(world, vec![tampered]),
            422,
            "evidence_mismatch",
        ),
        (
            "with one verdict twice",
            stated(world, vec![good.clone(), good.clone()]),
            409,
            "epoch_already_judged",
        ),
    ] {
        refused(world, &format!("a statement {what}"), &body, status, code).await;
    }

    let body = serde_json::to_value(stated(world, vec![good.clone()])).unwrap();
    for (pointer, value) in [
        ("/remark", json!("")),
        ("/statement/remark", json!("")),
        ("/findings/0/remark", json!("")),
        ("/findings/0/verdict/remark", json!("")),
        ("/findings/0/report/remark", json!("")),
        ("/findings/0/report/spec/remark", json!("")),
        ("/findings/0/verdict/units", json!("2")),
        ("/findings/0/verdict/units", json!(-2)),
        ("/findings/0/verdict/evidence", json!("0x12")),
        ("/statement/root", json!("0x12")),
        ("/verifier", json!("alice")),
        ("/findings", json!({})),
    ] {
        let mut body: Value = body.clone();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[field] = value;
        let answer = world.post(PATH, &body).await;
        world
            .refused(
                &format!("a statement with another {pointer}"),
                answer,
                422,
                "invalid_body",
            )
            .await;
    }
}

pub async fn reports_that_are_not_the_engagements(world: &World<'_>) {
    let cases: [(&str, fn(&mut Report)); 17] = [
        ("kind", |r| r.kind = "essay".to_owned()),
        ("kind", |r| r.kind = "\0".to_owned()),
        ("engagement", |r| {
            r.engagement = EngagementId(B256::repeat_byte(9))
        }),
        ("verifier", |r| r.verifier = Address::repeat_byte(9)),
        ("node", |r| r.node = Address::repeat_byte(9)),
        ("chainId", |r| r.chain_id += 1),
        ("escrow", |r| r.escrow = Address::repeat_byte(9)),
        ("epoch", |r| r.epoch = 1),
        ("from", |r| r.from = Timestamp(r.from.0 - 1)),
        ("to", |r| r.to = r.to.plus(1)),
        ("whole", |r| r.whole = false),
        ("spec", |r| r.spec.timely_seconds = 3_600),
        ("spec", |r| r.spec.blocks_min = 0),
        ("unitsCap", |r| r.units_cap += 1),
        ("unitsBefore", |r| r.units_before = 1),
        ("unitsBefore", |r| r.units_before = u64::MAX),
        ("faultsBefore", |r| r.faults_before = 1),
    ];
    for (field, spoil) in cases {
        let good = honest(world, JUDGE);
        let mut report = good.report;
        spoil(&mut report);
        // Well-hashed, and about the verdict's engagement: only the report's own word is wrong.
        let evidence = EvidenceHash(canonical::hash(&report).unwrap());
        let finding = Finding {
            verdict: Verdict {
                evidence,
                ..good.verdict
            },
            report,
        };
        let what = format!("a report of another {field}");
        let code = if field == "unitsBefore" && finding.report.units_before == u64::MAX {
            "number_too_large"
        } else {
            "report_mismatch"
        };
        let detail = refused(world, &what, &stated(world, vec![finding]), 422, code).await;
        if code == "report_mismatch" && !detail.contains(field) {
            world.complain(format!("{what}: the detail doesn't name it: {detail}"));
        }
    }

    // What canonical JSON can't hold would be stored as something else than was judged.
    let numbers: [fn(&mut Report); 3] = [
        |r| r.final_number = Some((1 << 53) + 1),
        |r| r.seen[0].first_seen_ms = u64::MAX,
        |r| r.claims[0].revision = (1 << 53) + 1,
    ];
    for spoil in numbers {
        let mut report = honest(world, JUDGE).report;
        spoil(&mut report);
        let body = stated(world, vec![judged(report)]);
        refused(
            world,
            "a report of numbers above 2^53",
            &body,
            422,
            "number_too_large",
        )
        .await;
    }
    let mut report = honest(world, JUDGE).report;
    let long_ago = SeenBlock {
        timestamp: Timestamp(0),
        ..report.seen[0]
    };
    report.seen.extend(std::iter::repeat_n(long_ago, 40_000));
    let body = stated(world, vec![judged(report)]);
    refused(
        world,
        "a report that is too long to keep",
        &body,
        422,
        "report_too_large",
    )
    .await;
}

pub async fn verdicts_that_contradict_what_was_judged(world: &World<'_>) {
    let good = honest(world, JUDGE);
    let send = async |findings: Vec<Finding>| -> Answer {
        world.post(PATH, &stated(world, findings)).await
    };
    let view = world
        .accepted("a good statement", send(vec![good.clone()]).await, 201)
        .await;
    assert_eq!(view, json!({ "verdicts": 1, "new": true }));
    let view = world
        .accepted("the same statement", send(vec![good.clone()]).await, 201)
        .await;
    assert_eq!(view, json!({ "verdicts": 1, "new": false }));

    let mut report = good.report.clone();
    report.claims.truncate(1);
    let fewer = judged(report);
    assert_ne!(fewer.verdict.units, good.verdict.units);
    refused(
        world,
        "another verdict for one epoch",
        &stated(world, vec![fewer]),
        409,
        "epoch_already_judged",
    )
    .await;
    let (from, to) = window(world, 1);
    let later = signed(world, JUDGE, &world.cast.domain, to, vec![good.clone()]);
    world
        .refused(
            "the same verdict later",
            world.post(PATH, &later).await,
            409,
            "epoch_already_judged",
        )
        .await;

    // The next epoch must go on from the last one's counts.
    let next = Report {
        epoch: 1,
        from,
        to,
        units_cap: 8,
        claims: vec![],
        seen: vec![],
        ..good.report
    };
    let body = signed(
        world,
        JUDGE,
        &world.cast.domain,
        to,
        vec![judged(next.clone())],
    );
    refused(
        world,
        "a verdict that forgets the last",
        &body,
        422,
        "report_mismatch",
    )
    .await;
    let more = judged(Report {
        units_before: 4,
        ..next
    });
    let body = signed(world, JUDGE, &world.cast.domain, to, vec![more]);
    refused(
        world,
        "a verdict that adds to the last",
        &body,
        422,
        "report_mismatch",
    )
    .await;
}
