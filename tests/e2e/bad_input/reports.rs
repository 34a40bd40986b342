//! Reports that tell another story than the engagement's, or than the one told before.

use piecework_client::Finding;
use piecework_domain::ids::{EngagementId, EvidenceHash};
use piecework_domain::messages::Verdict;
use piecework_domain::report::{Observed, Report};
use piecework_domain::rpc;
use piecework_domain::sequencer::SeenBlock;
use piecework_domain::spec::Spec;
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, B256, canonical};
use serde_json::json;

use super::findings::{JUDGE, PATH, blocks, honest, judged, refused, signed, stated, window};
use super::world::{Answer, World};

pub async fn reports_that_are_not_the_engagements(world: &World<'_>) {
    let cases: [(&str, fn(&mut Report)); 15] = [
        ("engagement", |r| r.engagement = EngagementId(B256::repeat_byte(9))),
        ("verifier", |r| r.verifier = Address::repeat_byte(9)),
        ("node", |r| r.node = Address::repeat_byte(9)),
        ("chainId", |r| r.chain_id += 1),
        ("escrow", |r| r.escrow = Address::repeat_byte(9)),
        ("epoch", |r| r.epoch = 1),
        ("from", |r| r.from = Timestamp(r.from.0 - 1)),
        ("to", |r| r.to = r.to.plus(1)),
        ("whole", |r| r.whole = false),
        ("spec", |r| blocks(r).spec.timely_seconds = 3_600),
        ("spec", |r| blocks(r).spec.blocks_min = 0),
        ("spec", |r| r.observed = nothing_served()),
        ("unitsCap", |r| r.units_cap += 1),
        ("unitsBefore", |r| r.units_before = 1),
        ("faultsBefore", |r| r.faults_before = 1),
    ];
    for (field, spoil) in cases {
        let good = honest(world, JUDGE);
        let mut report = good.report;
        spoil(&mut report);
        // Well-hashed, and about the verdict's engagement: only the report's own word is wrong.
        let evidence = EvidenceHash(canonical::hash(&report).unwrap());
        let finding = Finding { verdict: Verdict { evidence, ..good.verdict }, report };
        let what = format!("a report of another {field}");
        let body = stated(world, vec![finding]);
        let detail = refused(world, &what, &body, 422, "report_mismatch").await;
        if !detail.contains(field) {
            world.complain(format!("{what}: the detail doesn't name it: {detail}"));
        }
    }

    // What canonical JSON can't hold would be stored as something else than was judged.
    let numbers: [fn(&mut Report); 4] = [
        |r| blocks(r).final_number = Some((1 << 53) + 1),
        |r| blocks(r).seen[0].first_seen_ms = u64::MAX,
        |r| blocks(r).claims[0].revision = (1 << 53) + 1,
        |r| r.units_before = u64::MAX,
    ];
    for spoil in numbers {
        let mut report = honest(world, JUDGE).report;
        spoil(&mut report);
        let body = stated(world, vec![judged(report)]);
        refused(world, "a report of numbers above 2^53", &body, 422, "number_too_large").await;
    }
    let mut report = honest(world, JUDGE).report;
    let seen = &mut blocks(&mut report).seen;
    let long_ago = SeenBlock { timestamp: Timestamp(0), ..seen[0] };
    seen.extend(std::iter::repeat_n(long_ago, 40_000));
    let body = stated(world, vec![judged(report)]);
    refused(world, "a report that is too long to keep", &body, 422, "report_too_large").await;
}

/// What a verifier of an endpoint would say.
fn nothing_served() -> Observed {
    let spec = json!({
        "kind": "rpc", "version": 1, "title": "Serve our RPC", "chainId": 31338, "latencyMsMax": 300, "timeoutMs": 2000,
        "successBpsMin": 9900, "lagBlocksMax": 2, "probesMin": 20, "graceSeconds": 2
    });
    let Ok(Spec::Rpc(spec)) = Spec::parse(spec.to_string().as_bytes()) else { panic!("another kind") };
    Observed::Rpc(rpc::Observed { spec, endpoint: None, probes: vec![] })
}

pub async fn verdicts_that_contradict_what_was_judged(world: &World<'_>) {
    let good = honest(world, JUDGE);
    let send = async |findings: Vec<Finding>| -> Answer { world.post(PATH, &stated(world, findings)).await };
    let view = world.accepted("a good statement", send(vec![good.clone()]).await, 201).await;
    assert_eq!(view, json!({ "verdicts": 1, "new": true }));
    let view = world.accepted("the same statement", send(vec![good.clone()]).await, 201).await;
    assert_eq!(view, json!({ "verdicts": 1, "new": false }));

    let mut report = good.report.clone();
    blocks(&mut report).claims.truncate(1);
    let fewer = judged(report);
    assert_ne!(fewer.verdict.units, good.verdict.units);
    refused(world, "another verdict for one epoch", &stated(world, vec![fewer]), 409, "epoch_already_judged").await;
    let (from, to) = window(world, 1);
    let later = signed(world, JUDGE, &world.cast.domain, to, vec![good.clone()]);
    world.refused("the same verdict later", world.post(PATH, &later).await, 409, "epoch_already_judged").await;

    // The next epoch must go on from the last one's counts.
    let mut next = Report { epoch: 1, from, to, units_cap: 8, ..good.report };
    (blocks(&mut next).claims, blocks(&mut next).seen) = (vec![], vec![]);
    let body = signed(world, JUDGE, &world.cast.domain, to, vec![judged(next.clone())]);
    refused(world, "a verdict that forgets the last", &body, 422, "report_mismatch").await;
    let more = judged(Report { units_before: 4, ..next });
    let body = signed(world, JUDGE, &world.cast.domain, to, vec![more]);
    refused(world, "a verdict that adds to the last", &body, 422, "report_mismatch").await;
}
