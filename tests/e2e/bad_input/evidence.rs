//! Block claims.

use piecework_domain::B256;
use piecework_domain::ids::EngagementId;
use piecework_domain::messages::{BlockClaim, Domain};
use piecework_domain::sequencer::{CLAIMS_PER_BATCH_MAX, SignedClaim};
use serde_json::{Value, json};

use super::signatures::{elsewhere, spoilt};
use super::world::{Answer, NODE, STRANGER, World};

/// Block numbers of good claims: out of reach of the sequenced chain's real ones.
pub const FIRST: u64 = 1_000_000;

/// `role`'s claim of a block whose hash repeats `byte`.
fn signed(world: &World<'_>, role: &str, domain: &Domain, (number, revision): (u64, u64), byte: u8) -> SignedClaim {
    let claim = BlockClaim { number, revision, block_hash: B256::repeat_byte(byte) };
    let signature = world.cast.sign(role, claim.digest(world.engagement.id, domain));
    SignedClaim { number, revision, block_hash: claim.block_hash, signature }
}

pub fn claim(world: &World<'_>, number: u64, byte: u8) -> SignedClaim {
    signed(world, NODE, &world.cast.domain, (number, 0), byte)
}

async fn send(world: &World<'_>, claims: &[SignedClaim]) -> Answer {
    world.post(&path(world.engagement.id), &json!({ "claims": claims })).await
}

fn path(id: EngagementId) -> String {
    format!("/v1/engagements/{id}/evidence")
}

pub async fn claims_that_are_not_the_nodes(world: &World<'_>) {
    let (domain, at) = (&world.cast.domain, (FIRST, 0));
    let good = claim(world, FIRST, 1);
    let with = |signature| SignedClaim { signature, ..good.clone() };
    let mut cases: Vec<_> = spoilt(&good.signature).into_iter().map(|(what, bytes)| (what, with(bytes))).collect();
    cases.push(("a stranger's", signed(world, STRANGER, domain, at, 1)));
    cases.push(("the runner's", signed(world, "runner1", domain, at, 1)));
    for (what, domain) in elsewhere(world) {
        cases.push((what, signed(world, NODE, &domain, at, 1)));
    }
    cases.push(("of another hash", with(claim(world, FIRST, 2).signature)));
    cases.push(("of another number", with(claim(world, FIRST + 1, 1).signature)));
    let elsewhere = BlockClaim { number: FIRST, revision: 0, block_hash: good.block_hash };
    let elsewhere = elsewhere.digest(world.rival.engagement_id(), domain);
    cases.push(("of another engagement", with(world.cast.sign(NODE, elsewhere))));
    for (what, bad) in cases {
        // A good one before it is not stored either.
        let answer = send(world, &[claim(world, FIRST - 1, 1), bad]).await;
        world.refused(&format!("a claim's signature: {what}"), answer, 422, "bad_signature").await;
    }
}

pub async fn batches_that_break_a_rule(world: &World<'_>) {
    let good = |number| claim(world, number, 1);
    let again = signed(world, NODE, &world.cast.domain, (FIRST, 1), 1);
    let late = SignedClaim { number: FIRST + CLAIMS_PER_BATCH_MAX as u64, ..good(FIRST) };
    let many: Vec<_> = (FIRST..=late.number).map(|number| SignedClaim { number, ..late.clone() }).collect();
    let high_revision = signed(world, NODE, &world.cast.domain, (FIRST, 128), 1);
    let cases = [
        ("without claims", vec![], "invalid_batch"),
        ("of 501 claims", many, "invalid_batch"),
        ("out of order", vec![good(FIRST + 1), good(FIRST)], "claims_out_of_order"),
        ("with revisions out of order", vec![again, good(FIRST)], "claims_out_of_order"),
        ("with one claim twice", vec![good(FIRST), good(FIRST)], "duplicate_claim"),
        ("with two hashes for one block", vec![good(FIRST), claim(world, FIRST, 2)], "duplicate_claim"),
        ("of a number of 2^53", vec![good(1 << 53)], "number_too_large"),
        ("of the highest number", vec![good(u64::MAX)], "number_too_large"),
        ("of a 129th revision", vec![high_revision], "revision_too_high"),
    ];
    for (what, claims, code) in cases {
        world.refused(&format!("a batch {what}"), send(world, &claims).await, 422, code).await;
    }

    let unknown = EngagementId(B256::repeat_byte(9));
    for id in [unknown, world.rival.engagement_id()] {
        let answer = world.post(&path(id), &json!({ "claims": [good(FIRST)] })).await;
        world.refused("evidence for no engagement", answer, 404, "engagement_not_found").await;
    }
    for (field, value) in [
        ("number", json!(-1)),
        ("number", json!("1")),
        ("number", json!(1.5)),
        ("revision", json!(null)),
        ("blockHash", json!("0x12")),
        ("signature", json!(7)),
        ("gasUsed", json!(21_000)),
    ] {
        let mut body: Value = json!({ "claims": [good(FIRST)] });
        body["claims"][0][field] = value;
        let answer = world.post(&path(world.engagement.id), &body).await;
        world.refused(&format!("a claim with another {field}"), answer, 422, "invalid_body").await;
    }
}

pub async fn claims_that_contradict_what_was_claimed(world: &World<'_>) {
    let both = [claim(world, FIRST, 1), claim(world, FIRST + 1, 1)];
    let receipt = world.accepted("good claims", send(world, &both).await, 201).await;
    assert_eq!((&receipt["accepted"], &receipt["known"]), (&json!(2), &json!(0)));
    let receipt = world.accepted("the same claims", send(world, &both).await, 201).await;
    assert_eq!((&receipt["accepted"], &receipt["known"]), (&json!(0), &json!(2)));

    let other = claim(world, FIRST + 1, 2);
    // What a companion sends too late is no proof against its node.
    let late = json!({ "claims": [&other], "ifUnclaimed": true });
    let answer = world.post(&path(world.engagement.id), &late).await;
    world.refused("another hash from a second companion", answer, 409, "conflicting_claim").await;
    let proof = world.get(&format!("/v1/engagements/{}/equivocation", world.engagement.id)).await;
    world.refused("a proof that nobody gave", proof, 404, "no_equivocation").await;

    let next = claim(world, FIRST + 2, 1);
    let cases = [
        ("another hash for a claimed block", vec![other.clone()], "conflicting_claim"),
        ("another hash between good claims", vec![both[0].clone(), other, next], "conflicting_claim"),
        ("a block below those claimed", vec![claim(world, FIRST - 1, 1)], "claims_out_of_order"),
    ];
    for (what, claims, code) in cases {
        world.refused(what, send(world, &claims).await, 409, code).await;
    }
    let revised = signed(world, NODE, &world.cast.domain, (FIRST + 1, 1), 3);
    world.accepted("a block built again", send(world, &[revised]).await, 201).await;
    let revised = signed(world, NODE, &world.cast.domain, (FIRST + 1, 1), 4);
    world.refused("another hash for a revision", send(world, &[revised]).await, 409, "conflicting_claim").await;
}
