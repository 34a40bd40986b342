//! Paths, queries and methods.

use piecework_domain::B256;
use reqwest::Method;
use serde_json::json;

use super::world::World;

pub async fn malformed_ids_are_named(world: &World<'_>) {
    let good = format!("{}", world.open_id);
    let address = world.cast.address("runner1");
    let bad = [
        "0x".to_owned(),
        "0x12".to_owned(),
        "nonsense".to_owned(),
        good[2..].to_owned(),
        format!("0X{}", &good[2..]),
        format!("{good}00"),
        format!("{}zz", &good[..good.len() - 2]),
        address.to_string()[2..].to_owned(),
        "%00".to_owned(),
        "%ff".to_owned(),
        "0x%27%20or%201=1".to_owned(),
        "..%2f..%2fetc".to_owned(),
        "1".repeat(3_000),
    ];
    let routes = [
        "/v1/bounties/{}".to_owned(),
        "/v1/bounties/{}/bids".to_owned(),
        format!("/v1/bounties/{{}}/claim?runner={address}&node={address}"),
        "/v1/engagements/{}".to_owned(),
        "/v1/engagements/{}/epochs".to_owned(),
        "/v1/engagements/{}/payouts".to_owned(),
        "/v1/engagements/{}/voucher".to_owned(),
        "/v1/engagements/{}/claims?from=0&to=1".to_owned(),
        "/v1/evidence/{}".to_owned(),
        "/v1/runners/{}".to_owned(),
        "/v1/verifiers/{}/assignments".to_owned(),
        format!("/v1/verifiers/{address}/assignments?token={{}}"),
        format!("/v1/verifiers/{address}/assignments?poster={{}}"),
        "/v1/bounties?poster={}".to_owned(),
        "/v1/bounties?token={}".to_owned(),
        "/v1/engagements?bounty={}".to_owned(),
        "/v1/engagements?runner={}".to_owned(),
        "/v1/events?bounty={}".to_owned(),
        "/v1/events?engagement={}".to_owned(),
    ];
    for route in &routes {
        for id in &bad {
            let path = route.replace("{}", id);
            world.refused(&format!("GET {path:.100}"), world.get(&path).await, 400, "malformed_id").await;
        }
    }
    for route in ["bounties/{}/bids", "bounties/{}/awards", "engagements/{}/evidence"] {
        for id in &bad {
            let path = format!("/v1/{}", route.replace("{}", id));
            let answer = world.post(&path, &json!({})).await;
            world.refused(&format!("POST {path:.100}"), answer, 400, "malformed_id").await;
        }
    }
}

pub async fn unknown_ids_are_not_found(world: &World<'_>) {
    let (address, unknown) = (world.cast.address("runner1"), B256::repeat_byte(9));
    for (path, code) in [
        (format!("/v1/bounties/{unknown}"), "bounty_not_found"),
        (format!("/v1/bounties/{unknown}/bids"), "bounty_not_found"),
        (format!("/v1/bounties/{unknown}/claim?runner={address}&node={address}"), "bounty_not_found"),
        // An engagement's id is not a bounty's, nor the other way round.
        (format!("/v1/bounties/{}", world.engagement.id), "bounty_not_found"),
        (format!("/v1/engagements/{}", world.open_id), "engagement_not_found"),
        (format!("/v1/engagements/{}", world.rival.engagement_id()), "engagement_not_found"),
        (format!("/v1/engagements/{unknown}"), "engagement_not_found"),
        (format!("/v1/engagements/{unknown}/epochs"), "engagement_not_found"),
        (format!("/v1/engagements/{unknown}/payouts"), "engagement_not_found"),
        (format!("/v1/engagements/{unknown}/voucher"), "engagement_not_found"),
        (format!("/v1/engagements/{unknown}/claims?from=0&to=1"), "engagement_not_found"),
        (format!("/v1/engagements/{}/voucher", world.engagement.id), "no_voucher"),
        (format!("/v1/evidence/{unknown}"), "evidence_not_found"),
    ] {
        world.refused(&path, world.get(&path).await, 404, code).await;
    }
}

pub async fn bad_cursors_limits_and_parameters_are_named(world: &World<'_>) {
    let (address, engagement) = (world.cast.address("runner1"), format!("/v1/engagements/{}", world.engagement.id));
    let paged = [
        "/v1/bounties".to_owned(),
        "/v1/engagements".to_owned(),
        format!("/v1/verifiers/{address}/assignments"),
        format!("{engagement}/payouts"),
    ];
    let zeros = B256::ZERO;
    for list in &paged {
        for cursor in
            ["", "x", "_", "1_", "_1", "1_zz", "a_b", "-1_-1", "1.5_2", "%00", "%ff", "99999999999999999999_1"]
        {
            let path = format!("{list}?cursor={cursor}");
            world.refused(&path, world.get(&path).await, 400, "malformed_cursor").await;
        }
    }
    let path = format!("/v1/bounties?cursor=-1_{zeros}");
    world.refused(&path, world.get(&path).await, 400, "malformed_cursor").await;

    for list in ["/v1/bounties".to_owned(), "/v1/engagements".to_owned(), format!("{engagement}/payouts")] {
        let path = format!("{list}?limit=101");
        world.refused(&path, world.get(&path).await, 400, "malformed_query").await;
    }
    for chains in ["", "x", "1,", "-1", "1.5", &"1,".repeat(101)] {
        let path = format!("/v1/verifiers/{address}/assignments?chains={chains}");
        world.refused(&path, world.get(&path).await, 400, "malformed_query").await;
    }
    let mut limited = paged.to_vec();
    limited.push(format!("{engagement}/epochs"));
    for list in &limited {
        for limit in ["0", "501", "-1", "ten", "1.5", "4294967296", "", "0x10"] {
            let path = format!("{list}?limit={limit}");
            world.refused(&path, world.get(&path).await, 400, "malformed_query").await;
        }
        for query in ["colour=red", "Limit=1", "limit=1&limit=2"] {
            let path = format!("{list}?{query}");
            world.refused(&path, world.get(&path).await, 400, "malformed_query").await;
        }
    }
    for path in [
        "/v1/bounties?status=closed".to_owned(),
        "/v1/bounties?status=%00".to_owned(),
        "/v1/bounties?kind=%00".to_owned(),
        "/v1/engagements?status=Active".to_owned(),
        "/v1/engagements?status=%00".to_owned(),
        format!("{engagement}/epochs?from=-1"),
        format!("{engagement}/epochs?from=18446744073709551616"),
        format!("{engagement}/claims"),
        format!("{engagement}/claims?from=0"),
        format!("{engagement}/claims?from=a&to=b"),
        format!("{engagement}/claims?from=0&to=1&limit=1"),
        "/v1/events?after=x".to_owned(),
        "/v1/events?after=-1".to_owned(),
        "/v1/events?colour=red".to_owned(),
    ] {
        world.refused(&path, world.get(&path).await, 400, "malformed_query").await;
    }
    let most = u64::MAX;
    for path in [
        format!("{engagement}/epochs?from={most}"),
        format!("{engagement}/claims?from=0&to={most}"),
        format!("{engagement}/claims?from={most}&to=0"),
        format!("{engagement}/payouts?cursor={most}_0"),
        format!("/v1/events?after={most}"),
    ] {
        world.refused(&path, world.get(&path).await, 422, "number_too_large").await;
    }
    for (value, status, code) in [("x", 400, "malformed_header"), ("18446744073709551615", 422, "number_too_large")] {
        let answer = world.send(Method::GET, "/v1/events", &[("last-event-id", value)], vec![]).await;
        world.refused(&format!("Last-Event-ID {value}"), answer, status, code).await;
    }
}

pub async fn unknown_routes_and_methods_are_problems(world: &World<'_>) {
    let bounty = world.open_id;
    for path in ["/", "/v1", "/v2/bounties", "/v1/bounties/", "/v1/Bounties", "/v1/specs", "/%ff", "/.env"] {
        for method in [Method::GET, Method::POST] {
            let answer = world.json(method.clone(), path, b"{}".to_vec()).await;
            world.refused(&format!("{method} {path}"), answer, 404, "no_such_route").await;
        }
    }
    for (method, path) in [
        (Method::DELETE, "/v1/bounties".to_owned()),
        (Method::PUT, format!("/v1/bounties/{bounty}")),
        (Method::POST, format!("/v1/bounties/{bounty}")),
        (Method::PATCH, format!("/v1/bounties/{bounty}/bids")),
        (Method::GET, format!("/v1/bounties/{bounty}/bids/{bounty}")),
        (Method::GET, format!("/v1/bounties/{bounty}/awards")),
        (Method::POST, format!("/v1/bounties/{bounty}/claim")),
        (Method::GET, format!("/v1/engagements/{}/evidence", world.engagement.id)),
        (Method::GET, "/v1/statements".to_owned()),
        (Method::GET, "/v1/specs/check".to_owned()),
        (Method::POST, "/v1/stats".to_owned()),
        (Method::POST, "/v1/events".to_owned()),
        (Method::POST, "/healthz".to_owned()),
        (Method::DELETE, "/metrics".to_owned()),
        (Method::OPTIONS, "/v1/statements".to_owned()),
        (Method::from_bytes(b"BREW").unwrap(), "/v1/stats".to_owned()),
    ] {
        let answer = world.json(method.clone(), &path, b"{}".to_vec()).await;
        world.refused(&format!("{method} {path}"), answer, 405, "method_not_allowed").await;
    }
}
