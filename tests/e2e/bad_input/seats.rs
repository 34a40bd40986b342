//! Withdrawals of bids, and claims of seats.

use piecework_domain::ids::BountyId;
use piecework_domain::messages::Bid;
use piecework_domain::money::Amount;
use piecework_domain::{B256, signature};
use reqwest::Method;
use serde_json::{Value, json};

use super::bids::{good, send};
use super::signatures::spoilt;
use super::world::World;

pub async fn withdrawals_that_are_not_the_runners(world: &World<'_>) {
    let (cast, bid) = (world.cast, good(world));
    let answer = send(world, world.open_id, &cast.signed_bid(&bid)).await;
    world.accepted("a good bid", answer, 201).await;
    let id = bid.engagement_id();
    let digest = signature::personal_digest(format!("Withdraw bid {id}").as_bytes());
    let of_another = signature::personal_digest(format!("Withdraw bid {}", world.engagement.id).as_bytes());
    let withdraw = async |path: String, body: Value| world.json(Method::DELETE, &path, body.to_string().into()).await;
    let path = format!("/v1/bounties/{}/bids/{id}", world.open_id);

    let mut cases = spoilt(&cast.sign("runner1", digest));
    cases.push(("another's", cast.sign("poster", digest)));
    cases.push(("of another withdrawal", cast.sign("runner1", of_another)));
    cases.push(("the bid's own", cast.sign("runner1", bid.digest(&cast.domain))));
    for (what, signature) in cases {
        let answer = withdraw(path.clone(), json!({ "signature": signature })).await;
        world.refused(&format!("a withdrawal's signature: {what}"), answer, 422, "bad_signature").await;
    }
    let body = json!({ "signature": cast.sign("runner1", digest) });
    let unknown = format!("/v1/bounties/{}/bids/{}", world.open_id, B256::repeat_byte(9));
    world.refused("withdrawing no bid", withdraw(unknown, body.clone()).await, 404, "bid_not_found").await;
    let elsewhere = format!("/v1/bounties/{}/bids/{id}", world.full_id);
    world.refused("withdrawing elsewhere", withdraw(elsewhere, body.clone()).await, 404, "bid_not_found").await;
    for bad in ["0x12", "%ff"] {
        for path in [format!("/v1/bounties/{bad}/bids/{id}"), format!("/v1/bounties/{}/bids/{bad}", world.open_id)] {
            world.refused(&path, withdraw(path.clone(), body.clone()).await, 400, "malformed_id").await;
        }
    }

    let answer = withdraw(path, body).await;
    world.accepted("a good withdrawal", answer, 204).await;
    let answer = send(world, world.open_id, &cast.signed_bid(&bid)).await;
    world.refused("bidding again what was withdrawn", answer, 409, "bid_withdrawn").await;
    let other = Bid { nonce: Amount::from(2), ..bid };
    let answer = send(world, world.open_id, &cast.signed_bid(&other)).await;
    world.accepted("another good bid", answer, 201).await;
}

pub async fn claims_that_cannot_be_made(world: &World<'_>) {
    let (runner, node) = (world.cast.address("runner2"), world.cast.address("node2"));
    let good = format!("runner={runner}&node={node}");
    let (open, full) = (world.open_id, world.full_id);
    let cases = [
        ("of a full bounty", full, good.clone(), 409, "seats_taken"),
        ("where its poster awards", open, good.clone(), 409, "claim_not_open"),
        ("of no bounty", BountyId(B256::repeat_byte(9)), good.clone(), 404, "bounty_not_found"),
        ("by a malformed runner", full, format!("runner=0x12&node={node}"), 400, "malformed_id"),
        ("by a name", full, format!("runner=alice&node={node}"), 400, "malformed_id"),
        ("by nobody at all", full, format!("node={node}"), 400, "malformed_query"),
        ("without a node", full, format!("runner={runner}"), 400, "malformed_query"),
        ("with a hex fee", full, format!("{good}&relayFee=0x1"), 400, "malformed_query"),
        ("with a negative fee", full, format!("{good}&relayFee=-1"), 400, "malformed_query"),
        (
            "with a fee of 2^128",
            full,
            format!("{good}&relayFee=340282366920938463463374607431768211456"),
            400,
            "malformed_query",
        ),
        ("with something else", full, format!("{good}&tip=1"), 400, "malformed_query"),
        ("by two runners", full, format!("{good}&runner={node}"), 400, "malformed_query"),
    ];
    for (what, bounty, query, status, code) in cases {
        let answer = world.get(&format!("/v1/bounties/{bounty}/claim?{query}")).await;
        world.refused(&format!("a claim {what}"), answer, status, code).await;
    }
}
