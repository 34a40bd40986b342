//! Where nodes say that they serve.

use piecework_domain::B256;
use piecework_domain::ids::EngagementId;
use piecework_domain::messages::SignedEndpoint;
use piecework_domain::time::Timestamp;
use serde_json::json;

use super::world::{NODE, World};

fn path(id: EngagementId) -> String {
    format!("/v1/engagements/{id}/endpoint")
}

fn signed(world: &World<'_>, url: &str, since: Timestamp) -> SignedEndpoint {
    let mut endpoint = SignedEndpoint { url: url.to_owned(), since, signature: Default::default() };
    endpoint.signature = world.cast.sign(NODE, endpoint.digest(world.engagement.id, &world.cast.domain));
    endpoint
}

pub async fn endpoints_that_nobody_could_ask(world: &World<'_>) {
    let (id, now) = (world.engagement.id, world.cast.now().await);
    let long = format!("https://node.example/{}", "x".repeat(512));
    for url in [
        "",
        "node.example",
        "ftp://node.example/",
        "https://",
        "https:///path",
        "https://user:password@node.example/",
        "https://node.example/a b",
        "https://nöde.example/",
        "https://node.example/\0",
        &long,
    ] {
        let answer = world.post(&path(id), &signed(world, url, now)).await;
        world.refused(&format!("the endpoint {url:.40?}"), answer, 422, "invalid_endpoint").await;
    }
    let good = "https://node.example/";
    let answer = world.post(&path(id), &signed(world, good, now.plus(3_600))).await;
    world.refused("an endpoint of tomorrow", answer, 422, "signed_in_future").await;
    let answer = world.post(&path(EngagementId(B256::repeat_byte(9))), &signed(world, good, now)).await;
    world.refused("an endpoint of no engagement", answer, 404, "engagement_not_found").await;
    let answer = world.post(&path(id), &signed(world, good, now)).await;
    world.refused("an endpoint of a sequencer", answer, 422, "not_rpc").await;
    let mut more = json!(signed(world, good, now));
    more["apiKey"] = json!("secret");
    let answer = world.post(&path(id), &more).await;
    world.refused("an endpoint with an unknown field", answer, 422, "invalid_body").await;
}
