//! Bids, their withdrawal, and claims.

use piecework_domain::ids::BountyId;
use piecework_domain::messages::Bid;
use piecework_domain::money::Amount;
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, B256, signature};
use reqwest::Method;
use serde_json::{Value, json};

use super::signatures::{elsewhere, spoilt};
use super::world::{Answer, STRANGER, World};

fn good(world: &World<'_>) -> Bid {
    world.cast.bid(world.open_id, &world.open)
}

async fn send(world: &World<'_>, bounty: BountyId, body: &Value) -> Answer {
    world
        .post(&format!("/v1/bounties/{bounty}/bids"), body)
        .await
}

pub async fn signatures_that_are_not_the_runners(world: &World<'_>) {
    let (cast, bid) = (world.cast, good(world));
    let digest = bid.digest(&cast.domain);
    let mut cases = spoilt(&cast.sign("runner1", digest));
    cases.push(("another's", cast.sign(STRANGER, digest)));
    for (what, domain) in elsewhere(world) {
        cases.push((what, cast.sign("runner1", bid.digest(&domain))));
    }
    cases.push((
        "of another bid",
        cast.sign(
            "runner1",
            Bid {
                rate: 1,
                ..bid.clone()
            }
            .digest(&cast.domain),
        ),
    ));
    cases.push((
        "of the hash itself",
        cast.sign("runner1", bid.engagement_id().0),
    ));
    for (what, signature) in cases {
        let answer = send(
            world,
            world.open_id,
            &json!({ "bid": bid, "signature": signature }),
        )
        .await;
        world
            .refused(
                &format!("a bid's signature: {what}"),
                answer,
                422,
                "bad_signature",
            )
            .await;
    }
}

pub async fn bids_that_break_a_rule(world: &World<'_>) {
    let (cast, bid, zero) = (world.cast, good(world), Address::ZERO);
    let past = Timestamp(cast.now().await.0 - 1);
    let nowhere = BountyId(B256::repeat_byte(9));
    let cases = [
        (
            "expired",
            world.open_id,
            Bid {
                expires_at: past,
                ..bid.clone()
            },
            422,
            "bid_expired",
        ),
        (
            "long expired",
            world.open_id,
            Bid {
                expires_at: Timestamp(0),
                ..bid.clone()
            },
            422,
            "bid_expired",
        ),
        (
            "of another bounty",
            world.full_id,
            bid.clone(),
            422,
            "wrong_bounty",
        ),
        (
            "above rateMax",
            world.open_id,
            Bid {
                rate: world.open.rate_max + 1,
                ..bid.clone()
            },
            422,
            "rate_too_high",
        ),
        (
            "of the highest rate",
            world.open_id,
            Bid {
                rate: u128::MAX,
                ..bid.clone()
            },
            422,
            "rate_too_high",
        ),
        (
            "by nobody",
            world.open_id,
            Bid {
                runner: zero,
                ..bid.clone()
            },
            422,
            "zero_address",
        ),
        (
            "paying nobody",
            world.open_id,
            Bid {
                payee: zero,
                ..bid.clone()
            },
            422,
            "zero_address",
        ),
        (
            "without a node",
            world.open_id,
            Bid {
                node: zero,
                ..bid.clone()
            },
            422,
            "zero_address",
        ),
        (
            "on no bounty",
            nowhere,
            Bid {
                bounty: nowhere,
                ..bid.clone()
            },
            404,
            "bounty_not_found",
        ),
        (
            "on a full bounty",
            world.full_id,
            Bid {
                bounty: world.full_id,
                nonce: Amount::from(9),
                ..bid
            },
            409,
            "seats_taken",
        ),
    ];
    for (what, bounty, bid, status, code) in cases {
        let answer = send(world, bounty, &cast.signed_bid(&bid)).await;
        world
            .refused(&format!("a bid {what}"), answer, status, code)
            .await;
    }
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
        (
            "an unknown field beside it",
            changed("/comment", json!("please")),
        ),
        ("a number as rate", changed("/bid/rate", json!(1_000))),
        ("a hex rate", changed("/bid/rate", json!("0x10"))),
        ("a negative rate", changed("/bid/rate", json!("-1"))),
        (
            "a rate of 2^128",
            changed(
                "/bid/rate",
                json!("340282366920938463463374607431768211456"),
            ),
        ),
        ("a number as nonce", changed("/bid/nonce", json!(1))),
        (
            "a string as time",
            changed("/bid/expiresAt", json!("2030-01-01T00:00:00Z")),
        ),
        ("a negative time", changed("/bid/expiresAt", json!(-1))),
        ("half an address", changed("/bid/node", json!("0x1234"))),
        ("no payee", changed("/bid/payee", Value::Null)),
        (
            "a signature that is no hex",
            changed("/signature", json!("0xzz")),
        ),
        ("no signature", changed("/signature", Value::Null)),
    ];
    for (what, body) in cases {
        let answer = send(world, world.open_id, &body).await;
        world
            .refused(&format!("a bid with {what}"), answer, 422, "invalid_body")
            .await;
    }
    let twice = body
        .to_string()
        .replacen('{', &format!("{{\"bid\":{},", body["bid"]), 1);
    let answer = world
        .json(
            Method::POST,
            &format!("/v1/bounties/{}/bids", world.open_id),
            twice.into(),
        )
        .await;
    world
        .refused("a body with two bids", answer, 422, "invalid_body")
        .await;
}

pub async fn withdrawals_that_are_not_the_runners(world: &World<'_>) {
    let (cast, bid) = (world.cast, good(world));
    let answer = send(world, world.open_id, &cast.signed_bid(&bid)).await;
    world.accepted("a good bid", answer, 201).await;
    let id = bid.engagement_id();
    let digest = signature::personal_digest(format!("Withdraw bid {id}").as_bytes());
    let of_another =
        signature::personal_digest(format!("Withdraw bid {}", world.engagement.id).as_bytes());
    let withdraw = async |path: String, body: Value| {
        world
            .json(Method::DELETE, &path, body.to_string().into())
            .await
    };
    let path = format!("/v1/bounties/{}/bids/{id}", world.open_id);

    let mut cases = spoilt(&cast.sign("runner1", digest));
    cases.push(("another's", cast.sign("poster", digest)));
    cases.push(("of another withdrawal", cast.sign("runner1", of_another)));
    cases.push((
        "the bid's own",
        cast.sign("runner1", bid.digest(&cast.domain)),
    ));
    for (what, signature) in cases {
        let answer = withdraw(path.clone(), json!({ "signature": signature })).await;
        world
            .refused(
                &format!("a withdrawal's signature: {what}"),
                answer,
                422,
                "bad_signature",
            )
            .await;
    }
    let body = json!({ "signature": cast.sign("runner1", digest) });
    let unknown = format!(
        "/v1/bounties/{}/bids/{}",
        world.open_id,
        B256::repeat_byte(9)
    );
    world
        .refused(
            "withdrawing no bid",
            withdraw(unknown, body.clone()).await,
            404,
            "bid_not_found",
        )
        .await;
    let elsewhere = format!("/v1/bounties/{}/bids/{id}", world.full_id);
    world
        .refused(
            "withdrawing elsewhere",
            withdraw(elsewhere, body.clone()).await,
            404,
            "bid_not_found",
        )
        .await;
    for bad in ["0x12", "%ff"] {
        for path in [
            format!("/v1/bounties/{bad}/bids/{id}"),
            format!("/v1/bounties/{}/bids/{bad}", world.open_id),
        ] {
            world
                .refused(
                    &path,
                    withdraw(path.clone(), body.clone()).await,
                    400,
                    "malformed_id",
                )
                .await;
        }
    }

    let answer = withdraw(path, body).await;
    world.accepted("a good withdrawal", answer, 204).await;
    let answer = send(world, world.open_id, &cast.signed_bid(&bid)).await;
    world
        .refused(
            "bidding again what was withdrawn",
            answer,
            409,
            "bid_withdrawn",
        )
        .await;
    let other = Bid {
        nonce: Amount::from(2),
        ..bid
    };
    let answer = send(world, world.open_id, &cast.signed_bid(&other)).await;
    world.accepted("another good bid", answer, 201).await;
}

pub async fn claims_that_cannot_be_made(world: &World<'_>) {
    let (runner, node) = (world.cast.address("runner2"), world.cast.address("node2"));
    let good = format!("runner={runner}&node={node}");
    let (open, full) = (world.open_id, world.full_id);
    let cases = [
        ("of a full bounty", full, good.clone(), 409, "seats_taken"),
        (
            "where its poster awards",
            open,
            good.clone(),
            409,
            "claim_not_open",
        ),
        (
            "of no bounty",
            BountyId(B256::repeat_byte(9)),
            good.clone(),
            404,
            "bounty_not_found",
        ),
        (
            "by a malformed runner",
            full,
            format!("runner=0x12&node={node}"),
            400,
            "malformed_id",
        ),
        (
            "by a name",
            full,
            format!("runner=alice&node={node}"),
            400,
            "malformed_id",
        ),
        (
            "by nobody at all",
            full,
            format!("node={node}"),
            400,
            "malformed_query",
        ),
        (
            "without a node",
            full,
            format!("runner={runner}"),
            400,
            "malformed_query",
        ),
        (
            "with a hex fee",
            full,
            format!("{good}&relayFee=0x1"),
            400,
            "malformed_query",
        ),
        (
            "with a negative fee",
            full,
            format!("{good}&relayFee=-1"),
            400,
            "malformed_query",
        ),
        (
            "with a fee of 2^128",
            full,
            format!("{good}&relayFee=340282366920938463463374607431768211456"),
            400,
            "malformed_query",
        ),
        (
            "with something else",
            full,
            format!("{good}&tip=1"),
            400,
            "malformed_query",
        ),
        (
            "by two runners",
            full,
            format!("{good}&runner={node}"),
            400,
            "malformed_query",
        ),
    ];
    for (what, bounty, query, status, code) in cases {
        let answer = world
            .get(&format!("/v1/bounties/{bounty}/claim?{query}"))
            .await;
        world
            .refused(&format!("a claim {what}"), answer, status, code)
            .await;
    }
}
