use alloy_primitives::Bytes;

use super::*;
use crate::ids::EngagementId;
use crate::report;
use crate::testing::{START, address};

/// 20 right answers in 10 to 200 ms: within bounds of 150 ms, 90 % and 20 probes.
fn observed() -> Observed {
    let probe = |n: u32| Probe {
        asked_ms: START.0 * 1_000 + u64::from(n),
        question: Question::Head,
        number: 7,
        block_hash: B256::repeat_byte(7),
        outcome: Outcome::Right,
        latency_ms: Some(10 * n),
        detail: None,
        answer: None,
    };
    Observed {
        spec: RpcSpec {
            version: 1,
            title: "Serve".to_owned(),
            description: String::new(),
            chain_id: 5,
            latency_ms_max: 190,
            timeout_ms: 500,
            success_bps_min: 9_000,
            wrong_max: 0,
            lag_blocks_max: 2,
            probes_min: 20,
            history_blocks: 64,
            state_blocks: 64,
            calls: vec![],
            fault_below_bps: 5_000,
            grace_seconds: 2,
        },
        endpoint: Some(SignedEndpoint {
            url: "https://node.example/".to_owned(),
            since: START,
            signature: Bytes::from_static(&[1; 65]),
        }),
        probes: (1..=20).map(probe).collect(),
    }
}

fn report(observed: Observed) -> Report {
    Report {
        engagement: EngagementId(B256::repeat_byte(1)),
        verifier: address(1),
        node: address(4),
        chain_id: 31_337,
        escrow: address(8),
        epoch: 3,
        from: START,
        to: START.plus(60),
        whole: true,
        units_cap: 4,
        units_before: 2,
        faults_before: 0,
        observed: report::Observed::Rpc(observed),
    }
}

/// Counted, why not, and whether it is a fault.
fn judged(observed: Observed) -> (u64, Vec<Reason>, bool) {
    let judgement = report(observed).judge();
    let reasons = judgement.refused.iter().map(|refusal| {
        assert_eq!(refusal.number, 3, "the epoch");
        refusal.reason
    });
    (judgement.counted, reasons.collect(), judgement.fault)
}

/// The slowest `count` answers come out as `outcome`.
fn spoilt(count: usize, outcome: Outcome) -> Observed {
    let mut observed = observed();
    for probe in &mut observed.probes[20 - count..] {
        probe.outcome = outcome;
        probe.latency_ms = probe.latency_ms.filter(|_| outcome != Outcome::TimedOut);
    }
    observed
}

#[test]
fn an_epoch_within_its_bounds_is_a_unit() {
    assert_eq!(judged(observed()), (1, vec![], false));
}

#[test]
fn latency_counts_at_the_95th_of_100_answers() {
    let mut observed = observed();
    observed.spec.latency_ms_max = 189;
    assert_eq!(judged(observed.clone()), (0, vec![Reason::Slow], false), "19 of 20 take up to 190 ms");
    observed.probes[18].latency_ms = Some(189);
    assert_eq!(judged(observed.clone()), (1, vec![], false));
    observed.probes[19].latency_ms = Some(60_000);
    assert_eq!(judged(observed), (1, vec![], false), "one of 20 may take any time");
}

#[test]
fn every_way_to_fail_is_told_from_the_others() {
    for (outcome, reason) in [
        (Outcome::TimedOut, Reason::TimedOut),
        (Outcome::Unreachable, Reason::Unreachable),
        (Outcome::Refused, Reason::Refused),
        (Outcome::Unreadable, Reason::Unreadable),
        (Outcome::Stale, Reason::Stale),
        (Outcome::Missing, Reason::Missing),
    ] {
        assert_eq!(judged(spoilt(2, outcome)), (1, vec![], false), "90 % are right");
        assert_eq!(judged(spoilt(3, outcome)), (0, vec![reason], false));
        assert_eq!(judged(spoilt(10, outcome)), (0, vec![reason], false), "half are right");
        assert_eq!(judged(spoilt(11, outcome)), (0, vec![reason], true), "{outcome:?}");
    }
}

#[test]
fn one_wrong_answer_is_too_many_unless_the_spec_allows_it() {
    assert_eq!(judged(spoilt(1, Outcome::Wrong)), (0, vec![Reason::Wrong], false));
    let mut lenient = spoilt(2, Outcome::Wrong);
    lenient.spec.wrong_max = 2;
    assert_eq!(judged(lenient.clone()), (1, vec![], false));
    lenient.spec.wrong_max = 1;
    assert_eq!(judged(lenient), (0, vec![Reason::Wrong], false));
}

#[test]
fn who_asked_too_little_takes_neither_unit_nor_bond() {
    let mut observed = spoilt(20, Outcome::TimedOut);
    observed.probes.pop();
    assert_eq!(judged(observed), (0, vec![Reason::TooFewProbes, Reason::TimedOut], false));
}

#[test]
fn a_node_without_endpoint_serves_nobody() {
    let mut observed = observed();
    observed.endpoint = None;
    observed.probes.clear();
    assert_eq!(judged(observed.clone()), (0, vec![Reason::NoEndpoint], true));
    observed.spec.fault_below_bps = 0;
    assert_eq!(judged(observed), (0, vec![Reason::NoEndpoint], false));
}

#[test]
fn an_epoch_cut_short_is_neither_a_unit_nor_a_fault() {
    let mut report = report(observed());
    report.whole = false;
    assert_eq!((report.judge().counted, report.judge().fault), (0, false));
    report = self::report(spoilt(20, Outcome::TimedOut));
    report.whole = false;
    assert!(!report.judge().fault);
}

#[test]
fn a_report_survives_its_canonical_form() {
    let report = report(spoilt(5, Outcome::Wrong));
    let bytes = crate::canonical::bytes(&report).expect("is canonical");
    let read: Report = serde_json::from_slice(&bytes).expect("reads back");
    assert_eq!((read.judge(), crate::canonical::bytes(&read).expect("again")), (report.judge(), bytes));
}

#[test]
fn urls_that_could_be_endpoints() {
    for url in ["https://node.example", "http://127.0.0.1:8545/path?key=1"] {
        assert!(SignedEndpoint::is_url(url), "{url}");
    }
    let long = format!("https://{}", "a".repeat(512));
    for url in [
        "http://[::1]:8545/",
        "",
        "https://",
        "ws://node.example",
        "https:///path",
        "https://a:b@node.example",
        "https://a b",
        &long,
    ] {
        assert!(!SignedEndpoint::is_url(url), "{url}");
    }
}

#[test]
fn staleness_is_measured_among_questions_about_the_newest_block_alone() {
    let about_past = |newest: usize, stale: usize| {
        let mut observed = observed();
        for probe in &mut observed.probes[newest..] {
            probe.question = Question::Receipts { number: 7 };
        }
        for probe in &mut observed.probes[..stale] {
            probe.outcome = Outcome::Stale;
        }
        judged(observed)
    };
    assert_eq!(about_past(10, 1), (1, vec![], false));
    assert_eq!(about_past(9, 1), (0, vec![Reason::Stale], false));
    assert_eq!(about_past(1, 1), (0, vec![Reason::Stale], false));
    assert_eq!(about_past(0, 0), (1, vec![], false));
}
