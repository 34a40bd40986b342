//! Bodies that are not read, or not as what a route takes.

use piecework_domain::messages::Bid;
use piecework_domain::money::Amount;
use reqwest::Method;

use super::world::World;

/// Everything that takes a body.
fn posts(world: &World<'_>) -> [(Method, String); 7] {
    let (bounty, engagement) = (world.open_id, world.engagement.id);
    [
        (Method::POST, "/v1/specs/check".to_owned()),
        (Method::POST, "/v1/bounties".to_owned()),
        (Method::POST, format!("/v1/bounties/{bounty}/bids")),
        (Method::POST, format!("/v1/bounties/{bounty}/awards")),
        (Method::DELETE, format!("/v1/bounties/{bounty}/bids/{}", world.rival.engagement_id())),
        (Method::POST, format!("/v1/engagements/{engagement}/evidence")),
        (Method::POST, "/v1/statements".to_owned()),
    ]
}

/// A bid that would be taken.
fn good_bid(world: &World<'_>) -> String {
    let bid = Bid { nonce: Amount::from(77), ..world.cast.bid(world.open_id, &world.open) };
    world.cast.signed_bid(&bid).to_string()
}

pub async fn malformed_json_is_told_from_the_wrong_shape(world: &World<'_>) {
    for (method, path) in posts(world) {
        for bad in [&b""[..], b"{", b"{'terms': 1}", b"<terms/>", b"\xff\xfe", b"\"\xff\"", b"nul"] {
            let what = format!("{method} {path} of {:?}", String::from_utf8_lossy(bad));
            let answer = world.json(method.clone(), &path, bad.to_vec()).await;
            world.refused(&what, answer, 400, "malformed_json").await;
        }
        for bad in ["{}", "[]", "null", "7", "\"0x\"", "{\"unknown\": 1}"] {
            let answer = world.json(method.clone(), &path, bad.into()).await;
            world.refused(&format!("{method} {path} of {bad}"), answer, 422, "invalid_body").await;
        }
    }
    let path = format!("/v1/bounties/{}/bids", world.open_id);
    for more in ["x", "{}", ","] {
        let answer = world.json(Method::POST, &path, format!("{}{more}", good_bid(world)).into()).await;
        world.refused(&format!("a good bid with {more} behind it"), answer, 400, "malformed_json").await;
    }
    let deep = format!("{{\"spec\":{{\"deep\":{}{}}}}}", "[".repeat(10_000), "]".repeat(10_000));
    let answer = world.json(Method::POST, "/v1/bounties", deep.into()).await;
    world.refused("ten thousand brackets", answer, 400, "malformed_json").await;
    let lone = world.cast.offer(&world.terms()).to_string().replacen("Run our", "\\ud800", 1);
    let answer = world.json(Method::POST, "/v1/bounties", lone.into()).await;
    world.refused("half a character", answer, 400, "malformed_json").await;
}

pub async fn only_json_is_read_and_not_too_much_of_it(world: &World<'_>) {
    for (method, path) in posts(world) {
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/xml", "application", ""] {
            let headers = [("content-type", kind)];
            let answer = world.send(method.clone(), &path, &headers, b"{}".to_vec()).await;
            world.refused(&format!("{method} {path} as {kind:?}"), answer, 415, "unsupported_media_type").await;
        }
        let answer = world.send(method.clone(), &path, &[], b"{}".to_vec()).await;
        world.refused(&format!("{method} {path} as nothing"), answer, 415, "unsupported_media_type").await;

        let most = if path == "/v1/statements" { 16 * 1024 * 1024 } else { 256 * 1024 };
        let answer = world.json(method.clone(), &path, vec![b' '; most + 1]).await;
        world.refused(&format!("{method} {path} of {most} bytes and one"), answer, 413, "body_too_large").await;
        let answer = world.json(method.clone(), &path, vec![b' '; most]).await;
        world.refused(&format!("{method} {path} of {most} bytes"), answer, 400, "malformed_json").await;
    }
    let padded = format!("{}{}", " ".repeat(256 * 1024), good_bid(world));
    let answer = world.json(Method::POST, &format!("/v1/bounties/{}/bids", world.open_id), padded.into()).await;
    world.refused("a good bid behind too many spaces", answer, 413, "body_too_large").await;
}
