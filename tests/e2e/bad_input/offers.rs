//! Terms, specs and verifier sets.

use piecework_domain::money::Amount;
use piecework_domain::spec::{SequencerSpec, Spec};
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, B256};
use serde_json::{Value, json};

use super::world::World;

/// Checking and announcing refuse alike, and nothing is announced.
async fn refused(world: &World<'_>, what: &str, offer: &Value, code: &str) -> String {
    let answer = world.post("/v1/specs/check", offer).await;
    world.refused(&format!("checking an offer {what}"), answer, 422, code).await;
    let answer = world.post("/v1/bounties", offer).await;
    let detail = world.refused(&format!("an offer {what}"), answer, 422, code).await;
    if let Ok(terms) = serde_json::from_value::<Terms>(offer["terms"].clone()) {
        // Bids can be sent as soon as a bounty is announced.
        let bids = world.get(&format!("/v1/bounties/{}/bids", world.cast.bounty_id(&terms))).await;
        world.refused(&format!("the book of an offer {what}"), bids, 404, "bounty_not_found").await;
    }
    detail
}

fn offer(world: &World<'_>, terms: &Terms) -> Value {
    json!({ "terms": terms, "verifiers": world.judges(), "spec": world.cast.spec() })
}

pub async fn terms_that_break_a_rule(world: &World<'_>) {
    let cases: [(&str, fn(&mut Terms)); 15] = [
        ("poster", |t| t.poster = Address::ZERO),
        ("rateMax", |t| t.rate_max = 0),
        ("unitsMax", |t| t.units_max = 0),
        ("unitSeconds", |t| t.units_max = u64::from(u32::MAX) + 1),
        ("unitSeconds", |t| t.units_max = u64::MAX),
        ("epochSeconds", |t| t.epoch_seconds = 0),
        ("seats", |t| t.seats = 0),
        ("faultPenalty", |t| t.fault_penalty = t.bond + 1),
        ("faultPenalty", |t| t.fault_penalty = u128::MAX),
        ("verifierSet", |t| t.verifier_set = B256::ZERO),
        ("verifierBondMin", |t| (t.verifier_bond_min, t.silence_seconds) = (1, 15 * 24 * 60 * 60)),
        ("challengeSeconds", |t| (t.arbiter, t.challenge_seconds) = (Address::repeat_byte(1), 0)),
        ("silenceSeconds", |t| (t.arbiter, t.silence_seconds) = (Address::repeat_byte(1), 0)),
        ("openUntil", |t| t.open_until = Timestamp(253_402_300_800)),
        ("openUntil", |t| t.open_until = Timestamp(u64::MAX)),
    ];
    for (field, spoil) in cases {
        let mut terms = world.terms();
        spoil(&mut terms);
        let detail = refused(world, &format!("with a bad {field}"), &offer(world, &terms), "invalid_terms").await;
        if !detail.contains(field) {
            world.complain(format!("terms with a bad {field}: the detail doesn't name it: {detail}"));
        }
    }
    let hasty = Terms { silence_seconds: 1, ..world.terms() };
    refused(world, "with no time left to judge the last epoch", &offer(world, &hasty), "grace_too_long").await;
    let late = Terms { open_until: Timestamp(world.cast.now().await.0 - 1), ..world.terms() };
    let answer = world.post("/v1/bounties", &offer(world, &late)).await;
    world.refused("an offer that closed", answer, 409, "closed").await;
}

pub async fn specs_that_break_a_rule(world: &World<'_>) {
    let cases: [(&str, fn(&mut SequencerSpec)); 11] = [
        ("title", |s| s.title = "x".repeat(121)),
        ("title", |s| s.title = "é".repeat(121)),
        ("title", |s| s.title = String::new()),
        ("title", |s| s.title = "a\0b".to_owned()),
        ("description", |s| s.description = "x".repeat(4_001)),
        // Few enough characters, too many bytes.
        ("16384 bytes", |s| (s.title, s.description) = ("🧱".repeat(120), "🧱".repeat(4_000))),
        ("version", |s| s.version = 2),
        ("chainId", |s| s.chain_id = 1 << 53),
        ("blocksMin", |s| s.blocks_min = u64::MAX),
        ("timelySeconds", |s| s.timely_seconds = 0),
        ("graceSeconds", |s| s.grace_seconds = u32::MAX),
    ];
    for (field, spoil) in cases {
        let Spec::Sequencer(mut spec) = world.cast.spec() else { panic!("another kind") };
        spoil(&mut spec);
        let spec = Spec::Sequencer(spec);
        let terms = Terms { spec_hash: spec.hash().unwrap(), ..world.terms() };
        let offer = json!({ "terms": terms, "verifiers": world.judges(), "spec": spec });
        let detail = refused(world, &format!("with a bad {field} in its spec"), &offer, "invalid_spec").await;
        if !detail.contains(field) {
            world.complain(format!("a spec with a bad {field}: the detail doesn't name it: {detail}"));
        }
    }
    let spec = json!({
        "kind": "rpc", "version": 1, "title": "Serve our RPC", "chainId": 31338, "latencyMsMax": 300, "timeoutMs": 2000,
        "successBpsMin": 9900, "lagBlocksMax": 2, "probesMin": 20, "graceSeconds": 2
    });
    let terms = Terms { spec_hash: Spec::parse(spec.to_string().as_bytes()).unwrap().hash().unwrap(), ..world.terms() };
    let offer_of_rpc = json!({ "terms": terms, "verifiers": world.judges(), "spec": spec });
    let detail = refused(world, "of rpc whose unit is not its epoch", &offer_of_rpc, "invalid_spec").await;
    if !detail.contains("unitSeconds") {
        world.complain(format!("an rpc offer with another unit than its epoch: the detail doesn't say so: {detail}"));
    }
    let shapes = [
        ("an unknown field", "finalty", json!("latest")),
        ("an unknown kind", "kind", json!("oracle")),
        ("an unknown finality", "finality", json!("soon")),
        ("a string as number", "chainId", json!("31338")),
        ("a negative number", "graceSeconds", json!(-1)),
        ("a number as title", "title", json!(7)),
        ("no title", "title", Value::Null),
    ];
    for (what, field, value) in shapes {
        let mut offer = offer(world, &world.terms());
        offer["spec"][field] = value;
        let detail = refused(world, &format!("with {what} in its spec"), &offer, "invalid_body").await;
        if what == "an unknown field" && !detail.contains(field) {
            world.complain(format!("{what} is not named: {detail}"));
        }
    }
}

pub async fn verifier_sets_that_break_a_rule(world: &World<'_>) {
    let good = world.judges();
    let numbered = |count: u8| (1..=count).map(Address::repeat_byte).collect::<Vec<_>>();
    let reversed: Vec<_> = good.members.iter().rev().copied().collect();
    let cases = [
        ("unsorted members", VerifierSet { threshold: 2, members: reversed }),
        ("one member twice", VerifierSet { threshold: 1, members: vec![good.members[0]; 2] }),
        ("nobody as a member", VerifierSet { threshold: 1, members: vec![Address::ZERO, good.members[0]] }),
        ("a threshold of 0", VerifierSet { threshold: 0, members: good.members.clone() }),
        ("a threshold nobody reaches", VerifierSet { threshold: 3, members: good.members.clone() }),
        ("no members", VerifierSet { threshold: 1, members: vec![] }),
        ("33 members", VerifierSet { threshold: 1, members: numbered(33) }),
    ];
    for (what, verifiers) in cases {
        let terms = Terms { verifier_set: verifiers.hash(), ..world.terms() };
        let offer = json!({ "terms": terms, "verifiers": verifiers, "spec": world.cast.spec() });
        refused(world, &format!("with {what}"), &offer, "invalid_terms").await;
    }
}

pub async fn hashes_that_do_not_fit(world: &World<'_>) {
    let good = offer(world, &world.terms());
    let mut other = good.clone();
    other["spec"]["title"] = json!("Run our other sequencer");
    refused(world, "of another spec", &other, "spec_mismatch").await;
    let mut other = good.clone();
    other["verifiers"]["threshold"] = json!(1);
    refused(world, "of another threshold", &other, "verifier_set_mismatch").await;
    let mut other = good.clone();
    other["verifiers"]["members"] = json!(world.cast.verifiers().members);
    refused(world, "of other verifiers", &other, "verifier_set_mismatch").await;
    for what in ["terms", "verifiers", "spec"] {
        let mut other = good.clone();
        other.as_object_mut().unwrap().remove(what);
        refused(world, &format!("without {what}"), &other, "invalid_body").await;
    }
}

pub async fn amounts_that_are_not_decimal_strings(world: &World<'_>) {
    let above_128 = Amount(piecework_domain::U256::from(1) << 128);
    let amounts = [
        json!(1_000),
        json!(-1),
        json!(1.5),
        json!("0x3e8"),
        json!("-1"),
        json!("+1"),
        json!("1.5"),
        json!("1e3"),
        json!(" 1"),
        json!(""),
        json!("1_000"),
        json!("١"),
        json!("9".repeat(79)),
        json!(above_128),
        json!(null),
        json!(true),
        json!(["1"]),
    ];
    for field in ["rateMax", "bond", "faultPenalty", "verifierFee", "salt"] {
        for amount in &amounts {
            if field == "salt" && *amount == json!(above_128) {
                continue; // A salt has 256 bits.
            }
            let mut offer = offer(world, &world.terms());
            offer["terms"][field] = amount.clone();
            let answer = world.post("/v1/bounties", &offer).await;
            world.refused(&format!("an offer with {field} {amount:.90}"), answer, 422, "invalid_body").await;
        }
    }
    let cases = [
        ("unitsMax", json!("20")),
        ("unitsMax", json!(-1)),
        ("unitsMax", json!(20.0)),
        ("unitsMax", json!(1e30)),
        ("seats", json!(1_u64 << 32)),
        ("openClaim", json!("yes")),
        ("token", json!("ETH")),
        ("verifierSet", json!("0x")),
        ("discount", json!("1")),
    ];
    for (field, value) in cases {
        let mut offer = offer(world, &world.terms());
        offer["terms"][field] = value.clone();
        refused(world, &format!("with {field} {value}"), &offer, "invalid_body").await;
    }
}
