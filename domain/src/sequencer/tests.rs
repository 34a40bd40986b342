use alloy_primitives::B256;

use super::*;
use crate::ids::EngagementId;
use crate::report;
use crate::spec::Finality;
use crate::testing::{START, address, sign};

const NODE: u8 = 4;

fn hash(number: u64) -> B256 {
    B256::left_padding_from(&number.to_be_bytes())
}

/// Blocks 100 to 104, one a second from the epoch's start, all seen at once, claimed and final.
fn report() -> Report {
    let mut report = Report {
        engagement: EngagementId(B256::repeat_byte(1)),
        verifier: address(1),
        node: address(NODE),
        chain_id: 31_337,
        escrow: address(8),
        epoch: 0,
        from: START,
        to: START.plus(5),
        whole: true,
        units_cap: 5,
        units_before: 0,
        faults_before: 0,
        observed: report::Observed::Sequencer(Observed {
            spec: SequencerSpec {
                version: 1,
                title: "Blocks".to_owned(),
                description: String::new(),
                chain_id: 31_338,
                finality: Finality::Safe,
                timely_seconds: 2,
                grace_seconds: 3,
                blocks_min: 4,
                revisions_max: 1,
            },
            final_number: Some(104),
            seen: vec![],
            claims: vec![],
        }),
    };
    for n in 0..5 {
        let timestamp = START.plus(n);
        let first_seen_ms = timestamp.0 * 1_000 + 150;
        observed(&mut report).seen.push(SeenBlock { number: 100 + n, hash: hash(100 + n), timestamp, first_seen_ms });
        let claim = claim(&report, NODE, 100 + n, 0, hash(100 + n));
        observed(&mut report).claims.push(claim);
    }
    report
}

fn observed(report: &mut Report) -> &mut Observed {
    match &mut report.observed {
        report::Observed::Sequencer(observed) => observed,
        report::Observed::Rpc(_) => unreachable!(),
    }
}

fn claim(report: &Report, key: u8, number: u64, revision: u64, block_hash: B256) -> SignedClaim {
    let claim = BlockClaim { number, revision, block_hash };
    let digest = claim.digest(report.engagement, &Domain::new(report.chain_id, report.escrow));
    SignedClaim { number, revision, block_hash, signature: sign(key, digest) }
}

fn refused(report: &Report) -> Vec<(u64, Reason)> {
    report.judge().refused.iter().map(|r| (r.number, r.reason)).collect()
}

#[test]
fn every_honest_block_counts() {
    let report = report();
    assert_eq!(report.judge(), Judgement { counted: 5, refused: vec![], fault: false });
}

#[test]
fn a_block_nobody_claimed_is_unclaimed() {
    let mut report = report();
    observed(&mut report).claims.remove(2);
    assert_eq!(refused(&report), [(102, Reason::Unclaimed)]);
}

#[test]
fn another_keys_signature_does_not_count() {
    let mut report = report();
    observed(&mut report).claims[1] = claim(&report, 5, 101, 0, hash(101));
    assert_eq!(refused(&report), [(101, Reason::BadSignature)]);
}

#[test]
fn a_signature_for_another_engagement_does_not_count() {
    let mut report = report();
    let engagement = report.engagement;
    report.engagement = EngagementId(B256::repeat_byte(2));
    let stolen = claim(&report, NODE, 101, 0, hash(101));
    report.engagement = engagement;
    observed(&mut report).claims[1] = stolen;
    assert_eq!(refused(&report), [(101, Reason::BadSignature)]);
}

#[test]
fn a_strangers_claim_does_not_take_away_the_nodes() {
    let mut report = report();
    let forged = claim(&report, 5, 102, 0, hash(102));
    observed(&mut report).claims.insert(3, forged);
    assert_eq!(report.judge().counted, 5);
}

#[test]
fn a_claim_below_the_one_before_is_out_of_order() {
    let mut report = report();
    observed(&mut report).claims.swap(1, 2);
    assert_eq!(refused(&report), [(101, Reason::OutOfOrder)]);
}

#[test]
fn a_claim_twice_counts_once() {
    let mut report = report();
    let again = observed(&mut report).claims[1].clone();
    observed(&mut report).claims.insert(2, again);
    assert_eq!(report.judge().counted, 5);
}

#[test]
fn another_hash_than_the_verifiers_is_not_canonical() {
    let mut report = report();
    observed(&mut report).claims[4] = claim(&report, NODE, 104, 0, hash(999));
    assert_eq!(refused(&report), [(104, Reason::NotCanonical)]);
}

#[test]
fn a_block_the_verifier_never_had_is_unknown() {
    let mut report = report();
    observed(&mut report).seen.remove(3);
    assert_eq!(refused(&report), [(103, Reason::UnknownBlock)]);
}

#[test]
fn a_block_outside_the_epoch_is_not_this_epochs() {
    let mut report = report();
    observed(&mut report).seen[4].timestamp = report.to;
    assert_eq!(refused(&report), [(104, Reason::UnknownBlock)]);
    observed(&mut report).seen[0].timestamp = Timestamp(report.from.0 - 1);
    assert_eq!(refused(&report), [(100, Reason::UnknownBlock), (104, Reason::UnknownBlock)]);
}

#[test]
fn a_block_above_the_finality_tag_is_not_final() {
    let mut report = report();
    observed(&mut report).final_number = Some(103);
    assert_eq!(refused(&report), [(104, Reason::NotFinal)]);
    observed(&mut report).final_number = None;
    assert_eq!(report.judge().counted, 0);
}

#[test]
fn a_block_is_timely_up_to_the_limit_and_late_after_it() {
    let mut report = report();
    let limit_ms = (observed(&mut report).seen[2].timestamp.0 + 2) * 1_000;
    observed(&mut report).seen[2].first_seen_ms = limit_ms;
    assert_eq!(refused(&report), []);
    observed(&mut report).seen[2].first_seen_ms = limit_ms + 1;
    assert_eq!(refused(&report), [(102, Reason::Late)]);
}

#[test]
fn an_honest_rebuild_counts_at_the_next_revision_as_often_as_the_spec_allows() {
    let mut report = report();
    observed(&mut report).claims[3] = claim(&report, NODE, 103, 0, hash(999));
    let rebuilt = claim(&report, NODE, 103, 1, hash(103));
    observed(&mut report).claims.insert(4, rebuilt);
    assert_eq!(report.judge().counted, 5);

    observed(&mut report).spec.revisions_max = 0;
    assert_eq!(refused(&report), [(103, Reason::TooManyRevisions)]);
}

#[test]
fn too_few_blocks_are_a_fault_unless_the_epoch_was_cut_short() {
    let mut report = report();
    observed(&mut report).claims.truncate(4);
    assert!(!report.judge().fault);
    observed(&mut report).claims.truncate(3);
    assert!(report.judge().fault);
    report.whole = false;
    assert!(!report.judge().fault);
}

#[test]
fn units_never_exceed_the_clock_and_never_fall() {
    let mut report = report();
    report.units_cap = 3;
    let judgement = report.judge();
    assert_eq!(report.units(&judgement), 3);
    report.units_before = 4;
    assert_eq!(report.units(&judgement), 4);
}

#[test]
fn a_report_survives_its_canonical_form() {
    let report = report();
    let bytes = crate::canonical::bytes(&report).expect("is canonical");
    let read: Report = serde_json::from_slice(&bytes).expect("reads back");
    assert_eq!((read.judge(), crate::canonical::bytes(&read).expect("again")), (report.judge(), bytes));
}
