//! Verifiers' statements.

use piecework_client::StatementBody;
use piecework_domain::B256;
use piecework_domain::ids::EngagementId;
use piecework_domain::messages::{Statement, Verdict};
use piecework_domain::report::Report;
use piecework_domain::time::Timestamp;
use serde_json::{Value, json};

use super::findings::{JUDGE, PATH, blocks, honest, judged, refused, signed, stated, window};
use super::signatures::{elsewhere, spoilt};
use super::world::{JUDGES, STRANGER, World};

pub async fn signatures_that_are_not_the_verifiers(world: &World<'_>) {
    let good = stated(world, vec![honest(world, JUDGE)]);
    let digest = good.statement.digest(&world.cast.domain);
    let mut cases = spoilt(&good.signature);
    cases.push(("a stranger's", world.cast.sign(STRANGER, digest)));
    cases.push(("another member's", world.cast.sign(JUDGES[0], digest)));
    for (what, domain) in elsewhere(world) {
        cases.push((what, world.cast.sign(JUDGE, good.statement.digest(&domain))));
    }
    let later = Statement { attested_at: good.statement.attested_at.plus(1), ..good.statement };
    cases.push(("of another time", world.cast.sign(JUDGE, later.digest(&world.cast.domain))));
    for (what, signature) in cases {
        let body = StatementBody { signature, ..good.clone() };
        refused(world, &format!("a statement's signature: {what}"), &body, 422, "bad_signature").await;
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
    let at = |attested_at| signed(world, JUDGE, &world.cast.domain, attested_at, vec![good.clone()]);
    let (from, to) = window(world, 0);
    let stranger = signed(world, STRANGER, &world.cast.domain, to, vec![honest(world, STRANGER)]);
    let mut wrong_root = stated(world, vec![good.clone()]);
    wrong_root.statement.root = B256::repeat_byte(5);
    wrong_root.signature = world.cast.sign(JUDGE, wrong_root.statement.digest(&world.cast.domain));
    let fewer = StatementBody { findings: vec![good.clone()], ..stated(world, vec![good.clone(), good.clone()]) };
    let nowhere = judged(Report { engagement: EngagementId(B256::repeat_byte(9)), ..good.report.clone() });
    let future = judged(Report { epoch: 1_000, ..good.report.clone() });
    let tampered = report(|r| blocks(r).claims.truncate(1));
    let bad_too = vec![good.clone(), nowhere.clone()];

    for (what, body, status, code) in [
        ("of no verdicts", stated(world, vec![]), 422, "invalid_statement"),
        ("of too many verdicts", stated(world, vec![good.clone(); 1_001]), 422, "invalid_statement"),
        ("by a stranger", stranger, 422, "not_verifier"),
        ("with a wrong root", wrong_root, 422, "root_mismatch"),
        ("with a verdict left out", fewer, 422, "root_mismatch"),
        ("from the future", at(world.cast.now().await.plus(3_600)), 422, "attested_in_future"),
        ("from the far future", at(Timestamp(u64::MAX)), 422, "attested_in_future"),
        ("in the middle of the epoch", at(Timestamp(to.0 - 1)), 422, "epoch_not_over"),
        ("at the epoch's start", at(from), 422, "epoch_not_over"),
        ("of long ago", at(Timestamp(0)), 422, "epoch_not_over"),
        ("of an epoch to come", stated(world, vec![future]), 422, "epoch_not_over"),
        ("of an epoch after the end", verdict(|v| v.epoch = 25_000), 422, "no_such_epoch"),
        ("of the last epoch there is", verdict(|v| v.epoch = u64::MAX), 422, "no_such_epoch"),
        ("above the clock's cap", verdict(|v| v.units = 5), 422, "above_clock_cap"),
        ("far above the clock's cap", verdict(|v| v.units = u64::MAX), 422, "above_clock_cap"),
        ("of more than its report says", verdict(|v| v.units = 3), 422, "verdict_mismatch"),
        ("of less than its report says", verdict(|v| v.units = 1), 422, "verdict_mismatch"),
        ("of a fault that was none", verdict(|v| v.faults = 1), 422, "verdict_mismatch"),
        ("of faults without end", verdict(|v| v.faults = u64::MAX), 422, "verdict_mismatch"),
        ("of no engagement", stated(world, vec![nowhere]), 404, "engagement_not_found"),
        ("with one bad verdict among good ones", stated(world, bad_too), 404, "engagement_not_found"),
        ("with a tampered report", stated(world, vec![tampered]), 422, "evidence_mismatch"),
        ("with one verdict twice", stated(world, vec![good.clone(), good.clone()]), 409, "epoch_already_judged"),
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
        ("/findings/0/report/observed/remark", json!("")),
        ("/findings/0/report/observed/kind", json!("essay")),
        ("/findings/0/report/observed/spec/remark", json!("")),
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
        world.refused(&format!("a statement with another {pointer}"), answer, 422, "invalid_body").await;
    }
}
