//! Bids.

use piecework_domain::ids::BountyId;
use piecework_domain::messages::Bid;
use piecework_domain::money::Amount;
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, B256};
use reqwest::Method;
use serde_json::{Value, json};

use super::signatures::{elsewhere, spoilt};
use super::world::{Answer, STRANGER, World};

pub fn good(world: &World<'_>) -> Bid {
    world.cast.bid(world.open_id, &world.open)
}

pub async fn send(world: &World<'_>, bounty: BountyId, body: &Value) -> Answer {
    world.post(&format!("/v1/bounties/{bounty}/bids"), body).await
}

pub async fn signatures_that_are_not_the_runners(world: &World<'_>) {
    let (cast, bid) = (world.cast, good(world));
    let digest = bid.digest(&cast.domain);
    let mut cases = spoilt(&cast.sign("runner1", digest));
    cases.push(("another's", cast.sign(STRANGER, digest)));
    for (what, domain) in elsewhere(world) {
        cases.push((what, cast.sign("runner1", bid.digest(&domain))));
    }
    cases.push(("of another bid", cast.sign("runner1", Bid { rate: 1, ..bid.clone() }.digest(&cast.domain))));
    cases.push(("of the hash itself", cast.sign("runner1", bid.engagement_id().0)));
    for (what, signature) in cases {
        let answer = send(world, world.open_id, &json!({ "bid": bid, "signature": signature })).await;
        world.refused(&format!("a bid's signature: {what}"), answer, 422, "bad_signature").await;
    }
}

pub async fn bids_that_break_a_rule(world: &World<'_>) {
    let (cast, bid, zero) = (world.cast, good(world), Address::ZERO);
    let past = Timestamp(cast.now().await.0 - 1);
    let nowhere = BountyId(B256::repeat_byte(9));
    let cases = [
        ("expired", world.open_id, Bid { expires_at: past, ..bid.clone() }, 422, "bid_expired"),
        ("long expired", world.open_id, Bid { expires_at: Timestamp(0), ..bid.clone() }, 422, "bid_expired"),
        ("of another bounty", world.full_id, bid.clone(), 422, "wrong_bounty"),
        ("above rateMax", world.open_id, Bid { rate: world.open.rate_max + 1, ..bid.clone() }, 422, "rate_too_high"),
        ("of the highest rate", world.open_id, Bid { rate: u128::MAX, ..bid.clone() }, 422, "rate_too_high"),
        ("by nobody", world.open_id, Bid { runner: zero, ..bid.clone() }, 422, "zero_address"),
        ("paying nobody", world.open_id, Bid { payee: zero, ..bid.clone() }, 422, "zero_address"),
        ("without a node", world.open_id, Bid { node: zero, ..bid.clone() }, 422, "zero_address"),
        ("on no bounty", nowhere, Bid { bounty: nowhere, ..bid.clone() }, 404, "bounty_not_found"),
        (
            "on a full bounty",
            world.full_id,
            Bid { bounty: world.full_id, nonce: Amount::from(9), ..bid },
            409,
            "seats_taken",
        ),
    ];
    for (what, bounty, bid, status, code) in cases {
        let answer = send(world, bounty, &cast.signed_bid(&bid)).await;
        world.refused(&format!("a bid {what}"), answer, status, code).await;
    }
}

pub async fn bids_that_nobody_could_bond_or_too_many(world: &World<'_>) {
    let cast = world.cast;
    let poor = alloy::signers::local::PrivateKeySigner::random();
    let bid = Bid { runner: poor.address(), ..good(world) };
    let signature = alloy::signers::SignerSync::sign_hash_sync(&poor, &bid.digest(&cast.domain)).unwrap();
    let body = json!({ "bid": bid, "signature": format!("0x{}", alloy::hex::encode(signature.as_bytes())) });
    let answer = send(world, world.open_id, &body).await;
    world.refused("a bid without bond", answer, 422, "bond_not_covered").await;
    for nonce in 100..105 {
        let bid = Bid { nonce: Amount::from(nonce), ..good(world) };
        let answer = send(world, world.open_id, &cast.signed_bid(&bid)).await;
        if answer.status != 201 {
            world.refused("a bid too many", answer, 409, "too_many_bids").await;
            return;
        }
        world.accepted("one more bid", answer, 201).await;
    }
    panic!("one runner's bids have no end");
}

pub async fn bids_of_the_wrong_shape(world: &World<'_>) {
    let body = world.cast.signed_bid(&good(world));
    let changed = |pointer: &str, value: Value| {
        let mut body = body.clone();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[field] = value;
        body
    };
    let cases = [
        ("an unknown field", changed("/bid/tip", json!("1"))),
        ("an unknown field beside it", changed("/comment", json!("please"))),
        ("a number as rate", changed("/bid/rate", json!(1_000))),
        ("a hex rate", changed("/bid/rate", json!("0x10"))),
        ("a negative rate", changed("/bid/rate", json!("-1"))),
        ("a rate of 2^128", changed("/bid/rate", json!("340282366920938463463374607431768211456"))),
        ("a number as nonce", changed("/bid/nonce", json!(1))),
        ("a string as time", changed("/bid/expiresAt", json!("2030-01-01T00:00:00Z"))),
        ("a negative time", changed("/bid/expiresAt", json!(-1))),
        ("half an address", changed("/bid/node", json!("0x1234"))),
        ("no payee", changed("/bid/payee", Value::Null)),
        ("a signature that is no hex", changed("/signature", json!("0xzz"))),
        ("no signature", changed("/signature", Value::Null)),
    ];
    for (what, body) in cases {
        let answer = send(world, world.open_id, &body).await;
        world.refused(&format!("a bid with {what}"), answer, 422, "invalid_body").await;
    }
    let twice = body.to_string().replacen('{', &format!("{{\"bid\":{},", body["bid"]), 1);
    let answer = world.json(Method::POST, &format!("/v1/bounties/{}/bids", world.open_id), twice.into()).await;
    world.refused("a body with two bids", answer, 422, "invalid_body").await;
}
