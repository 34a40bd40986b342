//! Awards.

use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::messages::{Award, Bid};
use piecework_domain::money::Amount;
use piecework_domain::time::Timestamp;
use piecework_domain::{B256, Bytes};
use serde_json::{Value, json};

use super::signatures::{elsewhere, spoilt};
use super::world::{Answer, STRANGER, World};

async fn send(world: &World<'_>, bounty: BountyId, award: &Award, signature: &Bytes) -> Answer {
    world.post(&format!("/v1/bounties/{bounty}/awards"), &json!({ "award": award, "signature": signature })).await
}

/// An award of the bid on the open bounty that nobody withdrew: it would be relayed.
fn good(world: &World<'_>) -> Award {
    let bid = Bid { nonce: Amount::from(2), ..world.cast.bid(world.open_id, &world.open) };
    Award { bounty: world.open_id, bid: bid.engagement_id(), expires_at: world.open.open_until, spare: false }
}

pub async fn signatures_that_are_not_the_posters(world: &World<'_>) {
    let (cast, award) = (world.cast, good(world));
    let digest = award.digest(&cast.domain);
    let mut cases = spoilt(&cast.sign("poster", digest));
    cases.push(("a stranger's", cast.sign(STRANGER, digest)));
    cases.push(("the runner's", cast.sign("runner1", digest)));
    for (what, domain) in elsewhere(world) {
        cases.push((what, cast.sign("poster", award.digest(&domain))));
    }
    cases.push(("of another award", cast.sign("poster", Award { spare: true, ..award.clone() }.digest(&cast.domain))));
    for (what, signature) in cases {
        let answer = send(world, world.open_id, &award, &signature).await;
        world.refused(&format!("an award's signature: {what}"), answer, 422, "bad_signature").await;
    }
}

pub async fn awards_that_break_a_rule(world: &World<'_>) {
    let (cast, award) = (world.cast, good(world));
    let past = Timestamp(cast.now().await.0 - 1);
    let (open, full, nowhere) = (world.open_id, world.full_id, BountyId(B256::repeat_byte(9)));
    let withdrawn = cast.bid(open, &world.open).engagement_id();
    let unknown = EngagementId(B256::repeat_byte(9));
    let elsewhere = world.engagement.id;
    let rival = world.rival.engagement_id();
    let cases = [
        ("of no bid", open, Award { bid: unknown, ..award.clone() }, 404, "bid_not_found"),
        ("of a bid on another bounty", open, Award { bid: rival, ..award.clone() }, 404, "bid_not_found"),
        ("of an engagement elsewhere", open, Award { bid: elsewhere, ..award.clone() }, 404, "bid_not_found"),
        ("of a withdrawn bid", open, Award { bid: withdrawn, ..award.clone() }, 409, "bid_withdrawn"),
        ("that expired", open, Award { expires_at: past, ..award.clone() }, 422, "award_expired"),
        ("sent elsewhere", full, award.clone(), 422, "wrong_bounty"),
        ("on no bounty", nowhere, Award { bounty: nowhere, ..award.clone() }, 404, "bounty_not_found"),
        ("on a full bounty", full, Award { bounty: full, bid: rival, ..award.clone() }, 409, "seats_taken"),
        (
            "made otherwise before",
            full,
            Award { bounty: full, bid: elsewhere, spare: true, ..award.clone() },
            409,
            "already_awarded",
        ),
    ];
    for (what, bounty, award, status, code) in cases {
        let answer = send(world, bounty, &award, &cast.sign("poster", award.digest(&cast.domain))).await;
        world.refused(&format!("an award {what}"), answer, status, code).await;
    }

    let path = format!("/v1/bounties/{open}/awards");
    let body = json!({ "award": award, "signature": cast.sign("poster", award.digest(&cast.domain)) });
    for (pointer, value) in [
        ("/award/because", json!("cheapest")),
        ("/award/spare", json!("no")),
        ("/award/bid", json!("0x12")),
        ("/award/expiresAt", json!("1")),
        ("/note", json!("")),
    ] {
        let mut body: Value = body.clone();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[field] = value;
        world
            .refused(&format!("an award with another {pointer}"), world.post(&path, &body).await, 422, "invalid_body")
            .await;
    }
}
