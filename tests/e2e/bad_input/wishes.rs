//! How runners say they want to be paid.

use piecework_domain::B256;
use piecework_domain::ids::EngagementId;
use piecework_domain::payout_wish::SignedPayoutWish;
use piecework_domain::time::Timestamp;
use serde_json::json;

use super::signatures::spoilt;
use super::world::{STRANGER, World};

fn path(id: EngagementId) -> String {
    format!("/v1/engagements/{id}/payout-wish")
}

fn signed(world: &World<'_>, role: &str, every_seconds: u64, since: Timestamp) -> SignedPayoutWish {
    let mut wish = SignedPayoutWish {
        every_seconds,
        amount_min: 5,
        gas_price_max: 0,
        at_end: true,
        since,
        signature: Default::default(),
    };
    wish.signature = world.cast.sign(role, wish.digest(world.engagement.id, &world.cast.domain));
    wish
}

pub async fn wishes_that_are_not_the_runners(world: &World<'_>) {
    let (id, now) = (world.engagement.id, world.cast.now().await);
    let good = signed(world, "runner1", 60, now);
    let mut cases: Vec<_> = spoilt(&good.signature)
        .into_iter()
        .map(|(what, signature)| (what, SignedPayoutWish { signature, ..good.clone() }))
        .collect();
    cases.push(("a stranger's", signed(world, STRANGER, 60, now)));
    cases.push(("of another amount", SignedPayoutWish { amount_min: 6, ..good.clone() }));
    for (what, wish) in cases {
        let answer = world.post(&path(id), &wish).await;
        world.refused(&format!("a wish's signature: {what}"), answer, 422, "bad_signature").await;
    }
    let answer = world.post(&path(id), &signed(world, "runner1", 60, now.plus(3_600))).await;
    world.refused("a wish of tomorrow", answer, 422, "signed_in_future").await;
    let answer = world.post(&path(id), &signed(world, "runner1", u64::MAX, now)).await;
    world.refused("a wish for never", answer, 422, "number_too_large").await;
    let answer = world.post(&path(EngagementId(B256::repeat_byte(9))), &good).await;
    world.refused("a wish of no engagement", answer, 404, "engagement_not_found").await;
    let mut body = json!(good);
    body["amountMin"] = json!(5);
    let answer = world.post(&path(id), &body).await;
    world.refused("a wish with a number for an amount", answer, 422, "invalid_body").await;

    world.accepted("a wish", world.post(&path(id), &good).await, 201).await;
    world.accepted("the same wish", world.post(&path(id), &good).await, 201).await;
    let older = signed(world, "runner1", 61, Timestamp(now.0 - 1));
    world.refused("an older wish", world.post(&path(id), &older).await, 409, "payout_wish_superseded").await;
    let view = world.get(&format!("/v1/engagements/{id}")).await;
    assert_eq!(view.body["payoutWish"], json!(good));
}
