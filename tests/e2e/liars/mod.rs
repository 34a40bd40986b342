//! Verifiers that lie, vanish, or say two things; nodes that sign two blocks for one place. Who did the work is paid for it, and nobody
//! for anything else.

mod set;

use std::process::Command;

use piecework_client::{Engagement, Finding};
use piecework_contracts::{claim_call, dispute_call, rule_call};
use piecework_domain::canary::{Opening, SignedCanary};
use piecework_domain::chain::Contested;
use piecework_domain::ids::EngagementId;
use piecework_domain::messages::Bid;
use piecework_domain::money::Amount;
use piecework_domain::terms::Terms;
use piecework_domain::{B256, Bytes, U256};
use serde_json::{Value, json};

use crate::cast::{BOND, Cast, RATE, eventually};
use crate::dev::Dev;
use set::{EPOCHS, NODE, Set, WORKED, Word, window};

/// What the third of three verifiers does while the other two are honest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Third {
    LiesHigh,
    LiesLow,
    IsSilent,
    Equivocates,
    IsLate,
}

const THIRDS: [Third; 5] = [Third::LiesHigh, Third::LiesLow, Third::IsSilent, Third::Equivocates, Third::IsLate];

#[tokio::test(flavor = "multi_thread")]
async fn one_liar_of_three_changes_no_payout_and_is_seen_and_two_are_stopped_by_a_dispute() {
    let dev = Dev::start_without(&["verify"]);
    let cast = Cast::of(&dev);
    let set = Set::new(&cast);
    let seats = u32::try_from(THIRDS.len()).unwrap() + 1;
    let now = cast.now().await;
    let base = Terms { open_claim: true, units_max: 12, fault_penalty: 0, ..cast.terms(now, 1) };
    let terms = Terms { seats, ..base.clone() };
    let arbitrated = Terms {
        arbiter: cast.address("payee1"),
        challenge_seconds: 30,
        silence_seconds: 30,
        salt: Amount::from(2),
        ..base
    };
    post(&cast, &terms, seats).await;
    post(&cast, &arbitrated, 1).await;
    let colluded = claim(&cast, &arbitrated, 0).await;
    let mut engaged = Vec::new();
    for nonce in 0..seats {
        engaged.push(claim(&cast, &terms, nonce).await);
    }
    let equivocal = engaged.pop().unwrap();
    let opening = Opening { epoch: WORKED, units_max: 0, salt: B256::repeat_byte(42) };
    plant(&set, &engaged[0], &opening).await;

    let over = window(&equivocal, EPOCHS - 1).1.plus(3);
    eventually("all epochs are over", 30, || async { (cast.now().await >= over).then_some(()) }).await;
    for e in engaged.iter().chain([&colluded]) {
        set.work(e).await;
    }
    set.equivocate(&equivocal).await;
    let due = honest_units(&set, &engaged[0]).await;
    assert!((1..12).contains(&due), "{due} of 12 units: the clock allows more than was worked");

    two_of_three_collude(&set, &colluded).await;
    for (third, e) in THIRDS.into_iter().zip(&engaged) {
        one_of_three(&set, third, e).await;
    }
    canaries_tell(&set, &engaged[0], &opening).await;
    refusals_are_explained(&set, &engaged[0]).await;
    a_node_that_signed_two_blocks_loses_its_bond(&set, &equivocal).await;
}

async fn post(cast: &Cast<'_>, terms: &Terms, seats: u32) {
    let refused = cast.api.post::<Value>("/v1/bounties", &cast.offer(terms)).await.expect_err("is unpaid");
    assert_eq!(refused.code(), Some("payment_required"));
    let deposit = piecework_contracts::deposit_address(cast.dev.ready.escrow, cast.bounty_id(terms));
    let one = piecework_domain::rules::reserve(terms, 3, terms.rate_max).unwrap().0;
    cast.send("poster", deposit, one * U256::from(seats), Bytes::new()).await;
    eventually("the bounty is posted", 30, || async { cast.bounty(cast.bounty_id(terms)).await.ok() }).await;
}

async fn claim(cast: &Cast<'_>, terms: &Terms, nonce: u32) -> Engagement {
    let bounty = cast.bounty_id(terms);
    let bid = Bid { node: cast.address(NODE), nonce: Amount::from(u128::from(nonce)), ..cast.bid(bounty, terms) };
    let call = claim_call(terms, &cast.verifiers(), &bid);
    cast.send("runner1", cast.dev.ready.escrow, U256::from(BOND), call).await;
    cast.engaged(bid.engagement_id()).await
}

async fn honest_units(set: &Set<'_>, e: &Engagement) -> u64 {
    set.findings(e, "verifier1", Word::Honest).await.last().unwrap().verdict.units
}

async fn one_of_three(set: &Set<'_>, third: Third, e: &Engagement) {
    let due = honest_units(set, e).await;
    let said = |word| set.findings(e, "verifier3", word);
    // The liar first: it is there before anybody contradicts it.
    match third {
        Third::LiesHigh => {
            let lie = said(Word::High).await;
            assert!(lie.last().unwrap().verdict.units > due, "it lies");
            set.say("verifier3", lie).await.expect("a report that adds up is taken");
        }
        Third::LiesLow => {
            let lie = said(Word::Low).await;
            assert_eq!(lie.last().unwrap().verdict.units, 0);
            set.say("verifier3", lie).await.expect("a report that adds up is taken");
        }
        Third::Equivocates => {
            set.say("verifier3", said(Word::Honest).await).await.expect("its first word is taken");
            let second = set.say("verifier3", said(Word::High).await).await.expect_err("it has judged these epochs");
            assert_eq!(second.code(), Some("epoch_already_judged"));
        }
        Third::IsSilent | Third::IsLate => {}
    }
    for role in ["verifier1", "verifier2"] {
        set.say(role, set.findings(e, role, Word::Honest).await).await.expect("is taken");
    }
    eventually(&format!("the runner is paid, one verifier {third:?}"), 40, || async {
        set.cast.api.engagement(e.id).await.ok().filter(|e| e.units_paid == due)
    })
    .await;
    if third == Third::IsLate {
        set.say("verifier3", said(Word::Honest).await).await.expect("is taken, however late");
    }
    let view = set.view(e.id).await;
    let money = &view["money"];
    let amount = |units: u64| Value::String((U256::from(units) * U256::from(RATE)).to_string());
    assert_eq!(
        (&money["unitsProven"], &money["earned"], &money["paid"]),
        (&due.into(), &amount(due), &amount(due)),
        "{third:?}"
    );
    assert_eq!((&money["redeemable"], &money["inWindow"]), (&amount(0), &amount(0)), "{third:?}");
    let paid: U256 = set.cast.redemptions(e.id).await.iter().map(|(_, amount)| *amount).sum();
    assert_eq!(paid, U256::from(due) * U256::from(RATE), "{third:?}: to the base unit");
}

async fn two_of_three_collude(set: &Set<'_>, e: &Engagement) {
    let cast = set.cast;
    let (terms, bid, escrow) = (&e.terms, &e.bid, cast.dev.ready.escrow);
    let due = honest_units(set, e).await;
    let mut signed: Vec<(&str, Vec<Finding>, _)> = Vec::new();
    for role in ["verifier1", "verifier2"] {
        let lie = set.findings(e, role, Word::High).await;
        let at = set.say(role, lie.clone()).await.expect("a report that adds up is taken");
        signed.push((role, lie, at));
    }
    set.say("verifier3", set.findings(e, "verifier3", Word::Honest).await).await.expect("is taken");
    let voucher = set.voucher(e, &signed);
    let lied = voucher.units;
    assert!(lied > due, "{lied} instead of {due}");
    let money = set.view(e.id).await["money"].clone();
    let amount = |units: u64| Value::String((U256::from(units) * U256::from(RATE)).to_string());
    assert_eq!(
        (&money["unitsProven"], &money["inWindow"], &money["redeemable"]),
        (&lied.into(), &amount(lied), &amount(0))
    );
    let what = |money: &Value| {
        money["upcoming"].as_array().unwrap().iter().map(|next| next["what"].clone()).collect::<Vec<_>>()
    };
    assert!(what(&money).contains(&json!("voucher_matures")), "{money}");

    // The poster knows better, and has time to say so.
    let dispute = dispute_call(terms, &cast.verifiers(), bid, Contested::Units, due, Some(&voucher));
    cast.send("poster", escrow, U256::from(RATE), dispute).await;
    let ruling = rule_call(terms, &cast.verifiers(), bid, Contested::Units, due);
    cast.send("payee1", escrow, U256::ZERO, ruling).await;
    let view = eventually("what was ruled is paid", 30, || async {
        let view = set.view(e.id).await;
        (view["unitsPaid"] == due).then_some(view)
    })
    .await;
    let liars: Vec<Value> = [0, 1].map(|at: usize| json!(voucher.verdicts[at].verifier)).to_vec();
    assert_eq!(view["ejected"], json!(liars), "none of their verdicts count any more");
    assert_eq!(view["money"]["unitsProven"], due, "what they said proves nothing");
}

/// The poster says beforehand that one epoch will be bad, not which.
async fn plant(set: &Set<'_>, e: &Engagement, opening: &Opening) {
    let path = format!("/v1/engagements/{}/canaries", e.id);
    let signed = |role: &str, commitment| {
        let mut canary = SignedCanary { commitment, signature: Bytes::new() };
        canary.signature = set.cast.sign(role, canary.digest(e.id, &set.cast.domain));
        canary
    };
    let commitment = opening.commitment(e.id);
    let strangers =
        set.cast.api.post::<Value>(&path, &signed("runner1", commitment)).await.expect_err("is not the poster");
    assert_eq!(strangers.code(), Some("bad_signature"));
    set.cast.api.post::<Value>(&path, &signed("poster", commitment)).await.expect("is taken");
    let early = set.cast.api.post::<Value>(&format!("{path}/{commitment}/opening"), opening).await;
    assert_eq!(early.expect_err("nobody has judged it").code(), Some("canary_still_secret"));
}

async fn canaries_tell(set: &Set<'_>, e: &Engagement, opening: &Opening) {
    let path = format!("/v1/engagements/{}/canaries", e.id);
    let commitment = opening.commitment(e.id);
    let open = format!("{path}/{commitment}/opening");
    let other = Opening { epoch: 0, ..*opening };
    let refused = set.cast.api.post::<Value>(&open, &other).await.expect_err("was committed to another epoch");
    assert_eq!(refused.code(), Some("opening_mismatch"));
    // Made up afterwards: its epoch was over when it was committed to.
    let late = Opening { salt: B256::ZERO, ..*opening };
    let mut canary = SignedCanary { commitment: late.commitment(e.id), signature: Bytes::new() };
    canary.signature = set.cast.sign("poster", canary.digest(e.id, &set.cast.domain));
    set.cast.api.post::<Value>(&path, &canary).await.expect("could be about another epoch");
    let refused = set.cast.api.post::<Value>(&format!("{path}/{}/opening", canary.commitment), &late).await;
    assert_eq!(refused.expect_err("is about what was over").code(), Some("canary_too_late"));

    for _ in 0..2 {
        set.cast.api.post::<Value>(&open, opening).await.expect("opens, and opens again");
    }
    let poster = set.cast.address("poster");
    for (role, caught, missed) in [("verifier1", 1, 0), ("verifier2", 1, 0), ("verifier3", 0, 1)] {
        let record = set.record(role).await;
        assert_eq!(
            record["canaries"],
            json!([{ "poster": poster, "caught": caught, "missed": missed }]),
            "{role}: {record}"
        );
    }
    let (honest, liar) = (set.record("verifier1").await, set.record("verifier3").await);
    assert!(liar["apart"].as_u64() > honest["apart"].as_u64(), "{liar} {honest}");
}

/// Each refused unit has who refused it, why, and a report that anybody can judge again.
async fn refusals_are_explained(set: &Set<'_>, e: &Engagement) {
    let epochs: Value =
        set.cast.api.get(&format!("/v1/engagements/{}/epochs?from={WORKED}", e.id)).await.expect("is served");
    let epoch = &epochs["items"][0];
    let refused = epoch["refused"].as_array().unwrap();
    assert_eq!(refused.len(), set.blocks(e, WORKED).await.len(), "{epoch}");
    for unit in refused {
        let by = unit["by"].as_array().unwrap();
        assert_eq!((by.len(), &unit["unpaid"]), (2, &true.into()), "{unit}");
        assert!(by.iter().all(|by| by["reasons"] == json!(["unclaimed"])), "{unit}");
    }
    let evidence = |role: &str| {
        let finding =
            epoch["findings"].as_array().unwrap().iter().find(|f| f["verifier"] == json!(set.cast.address(role)));
        finding.unwrap()["evidence"].as_str().unwrap().to_owned()
    };
    let (ok, text) = replay(set, &evidence("verifier1"), &[]);
    assert!(ok && text.contains(": unclaimed") && text.contains("the same"), "{text}");
    // The liar's report adds up; from one's own endpoint its blocks are others.
    let (ok, json) = replay(set, &evidence("verifier3"), &["--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert!(ok, "{json}");
    assert_eq!(json["blocks"]["same"], 0, "{json}");
    assert_eq!(json["blocks"]["other"].as_array().map(Vec::len), Some(refused.len()), "{json}");
    let (ok, _) = replay(set, &B256::repeat_byte(1).to_string(), &[]);
    assert!(!ok, "there is no such evidence");
}

fn replay(set: &Set<'_>, evidence: &str, more: &[&str]) -> (bool, String) {
    let ready = &set.cast.dev.ready;
    let out = Command::new(env!("CARGO_BIN_EXE_piecework"))
        .args(["verify", "--replay", evidence, "--api-url", &ready.api_url])
        .args(["--endpoint", &format!("{}={}", ready.l2.chain_id, ready.l2.rpc_url)])
        .args(more)
        .output()
        .expect("the binary runs");
    (out.status.success(), String::from_utf8_lossy(&out.stdout).into_owned())
}

async fn a_node_that_signed_two_blocks_loses_its_bond(set: &Set<'_>, e: &Engagement) {
    let id: EngagementId = e.id;
    eventually("the worker reports it", 60, || async { (set.view(id).await["nodeSlashed"] == true).then_some(()) })
        .await;
    let proof: Value = set.cast.api.get(&format!("/v1/engagements/{id}/equivocation")).await.expect("is served");
    assert_eq!((&proof["slashed"], &proof["bondLeft"]), (&true.into(), &"0".into()), "{proof}");
    let none = set.cast.api.get::<Value>(&format!("/v1/engagements/{}/equivocation", EngagementId(B256::ZERO))).await;
    assert_eq!(none.expect_err("is unknown").code(), Some("engagement_not_found"));
}
