//! What holds for every route: keys that make answers the same, limits per address, pages that explain.

use std::net::{SocketAddr, TcpListener};

use futures::future::join_all;
use piecework_domain::B256;
use piecework_domain::ids::{EngagementId, EvidenceHash};
use piecework_domain::merkle::Tree;
use piecework_domain::messages::{Domain, Statement, Verdict};
use piecework_domain::money::Amount;
use piecework_domain::rules;
use piecework_domain::spec::{SequencerSpec, Spec};
use piecework_domain::terms::Terms;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::cast::{BOND, Cast, RATE, eventually};
use crate::dev::Dev;
use crate::part::Part;

#[tokio::test(flavor = "multi_thread")]
async fn keys_limits_and_pages_hold_for_every_route() {
    let dev = Dev::start_without(&["work", "verify", "run"]);
    let cast = Cast::of(&dev);
    twenty_requests_with_one_key_have_one_effect_and_one_answer(&cast).await;
    who_asks_too_much_is_told_when_to_come_back(&cast).await;
    every_problem_leads_to_its_explanation(&cast).await;
    words_of_the_spec_find_a_bounty(&cast).await;
    a_network_makes_so_many_offers_an_hour(&cast).await;
    strangers_statements_are_not_read(&cast).await;
    large_bodies_come_a_few_at_once(&cast).await;
    what_has_not_changed_is_not_sent_again(&cast).await;
    open_bounties_are_ranked_by_what_they_pay_and_when_they_close(&cast).await;
    terms_that_leave_no_time_to_pay_are_not_taken(&cast).await;
    scripts_of_allowed_pages_may_read_answers(&cast).await;
    an_address_holds_so_many_connections_and_none_that_says_nothing(&cast).await;
}

fn keyed(cast: &Cast<'_>, path: &str, key: &str, body: &Value) -> RequestBuilder {
    let url = format!("{}{path}", cast.dev.ready.api_url);
    reqwest::Client::new().post(url).header("Idempotency-Key", key).json(body)
}

async fn read(answer: Response) -> (u16, bool, Value) {
    let replayed = answer.headers().contains_key("idempotency-replayed");
    (answer.status().as_u16(), replayed, answer.json().await.expect("is JSON"))
}

async fn twenty_requests_with_one_key_have_one_effect_and_one_answer(cast: &Cast<'_>) {
    let terms = cast.terms(cast.now().await, 1);
    let bounty = cast.post_itself(&terms).await;
    let bid = cast.signed_bid(&cast.bid(bounty, &terms));
    let path = format!("/v1/bounties/{bounty}/bids");
    let sent = join_all((0..20).map(|_| async { read(keyed(cast, &path, "bid-1", &bid).send().await.unwrap()).await }));
    let answers = sent.await;
    assert!(answers.iter().all(|(status, _, body)| *status == 201 && *body == answers[0].2), "{answers:?}");
    assert_eq!(answers.iter().filter(|(_, replayed, _)| !replayed).count(), 1, "one was carried out");
    let book: Value = cast.api.get(&path).await.unwrap();
    assert_eq!(book["items"].as_array().map(Vec::len), Some(1));

    let mut other = cast.bid(bounty, &terms);
    other.nonce = Amount::from(2);
    let (status, _, body) = read(keyed(cast, &path, "bid-1", &cast.signed_bid(&other)).send().await.unwrap()).await;
    assert_eq!((status, &body["code"]), (422, &json!("idempotency_key_reused")));
    for bad in ["", " ", &"x".repeat(201)] {
        let (status, _, body) = read(keyed(cast, &path, bad, &bid).send().await.unwrap()).await;
        assert_eq!((status, &body["code"]), (400, &json!("malformed_header")), "{bad:?}");
    }
    // A refusal is an answer, too; what has to be paid first is not.
    let refused = json!({ "bid": 1 });
    let first = read(keyed(cast, &path, "bad-1", &refused).send().await.unwrap()).await;
    let second = read(keyed(cast, &path, "bad-1", &refused).send().await.unwrap()).await;
    assert_eq!((first.0, first.1, second.0, second.1), (422, false, 422, true));
    assert_eq!(first.2, second.2);
    let unpaid = cast.offer(&cast.terms(cast.now().await, 2));
    for _ in 0..2 {
        let (status, replayed, _) = read(keyed(cast, "/v1/bounties", "post-1", &unpaid).send().await.unwrap()).await;
        assert_eq!((status, replayed), (402, false));
    }
}

/// Another `serve` over the same database, and where it listens.
fn serve_with(cast: &Cast<'_>, setting: &'static str, value: &str) -> (Part, SocketAddr) {
    let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let envs = [("PIECEWORK_LISTEN", listen.to_string()), (setting, value.to_owned())];
    (Part::start(cast.dev, &format!("serve-{setting}"), "serve", &envs), listen)
}

async fn who_asks_too_much_is_told_when_to_come_back(cast: &Cast<'_>) {
    let (_serve, listen) = serve_with(cast, "PIECEWORK_REQUESTS_PER_SECOND", "2");
    let url = format!("http://{listen}/v1/stats");
    eventually("it serves", 20, || async { reqwest::get(&url).await.ok() }).await;
    let answers: Vec<Response> =
        join_all((0..20).map(|_| reqwest::get(&url))).await.into_iter().map(Result::unwrap).collect();
    let refused = answers.into_iter().find(|answer| answer.status() == 429).expect("20 at once are too many");
    assert!(refused.headers().contains_key("retry-after"), "{:?}", refused.headers());
    let problem: Value = refused.json().await.unwrap();
    assert_eq!((&problem["code"], &problem["retryable"]), (&json!("rate_limited"), &json!(true)));
    eventually("it may ask again", 10, || async {
        reqwest::get(&url).await.ok().filter(|answer| answer.status() == 200)
    })
    .await;
}

async fn open_bounties_are_ranked_by_what_they_pay_and_when_they_close(cast: &Cast<'_>) {
    let now = cast.now().await;
    let base = Terms { rate_max: RATE, ..cast.terms(now, 0) };
    let mut ids = Vec::new();
    // Per hour: 1800, 3600, 7200 and none; per bond the second leads; they close in the order 1, 3, 0, 2.
    for (n, rate, seconds, bond, closes) in [(0, 1, 2, 4, 300), (1, 1, 1, 1, 100), (2, 4, 2, 8, 400), (3, 9, 0, 1, 200)]
    {
        let terms = Terms {
            rate_max: rate * RATE,
            unit_seconds: seconds,
            bond: bond * BOND,
            open_until: now.plus(7_200 + closes),
            salt: Amount::from(40 + n),
            ..base.clone()
        };
        ids.push(json!(cast.post_itself(&terms).await));
    }
    let native = piecework_domain::money::NATIVE;
    for (sort, order) in [
        (format!("payPerHour&token={native}"), vec![2, 1, 0]),
        (format!("payPerBond&token={native}"), vec![1, 2, 0]),
        ("deadline".to_owned(), vec![1, 3, 0, 2]),
    ] {
        // One a page, so that each cursor counts.
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/v1/bounties?status=open&limit=1&sort={sort}{cursor}");
            let page: Value = cast.api.get(&path).await.expect("answers");
            found.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
            let Some(next) = page["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        found.retain(|id| ids.contains(id));
        let expected: Vec<_> = order.into_iter().map(|n: usize| ids[n].clone()).collect();
        assert_eq!(found, expected, "{sort}");
    }
    let view: Value = cast.api.get(&format!("/v1/bounties/{}", ids[0].as_str().unwrap())).await.expect("answers");
    assert_eq!(view["payPerHour"], json!((RATE * 1_800).to_string()));
    for (query, code) in [
        (format!("sort=payPerHour&token={native}"), "malformed_query"),
        ("sort=payPerHour&status=open".to_owned(), "malformed_query"),
        ("sort=deadline&status=open&certainty=safe".to_owned(), "malformed_query"),
        ("sort=cheapest".to_owned(), "malformed_query"),
        (
            format!("sort=payPerHour&status=open&token={native}&cursor=1e9_{}", ids[0].as_str().unwrap()),
            "malformed_cursor",
        ),
        (format!("sort=payPerHour&status=open&token={native}&cursor=1.5"), "malformed_cursor"),
    ] {
        let refused = cast.api.get::<Value>(&format!("/v1/bounties?{query}")).await.expect_err(&query);
        assert_eq!(refused.code(), Some(code), "{query}");
    }
}

async fn terms_that_leave_no_time_to_pay_are_not_taken(cast: &Cast<'_>) {
    let terms = cast.terms(cast.now().await, 4);
    let window = rules::payout_window(&terms, cast.spec().grace_seconds());
    let bounty = cast.post_itself(&terms).await;
    let bid = cast.signed_bid(&cast.bid(bounty, &terms));
    let offer = cast.offer(&terms);
    for (least, ok) in [(window, true), (window + 1, false)] {
        let (_serve, listen) = serve_with(cast, "PIECEWORK_PAYOUT_WINDOW_MIN", &least.to_string());
        let post = |path: &str, body: &Value| {
            let request = reqwest::Client::new().post(format!("http://{listen}{path}")).json(body);
            async { request.send().await.ok()?.json::<Value>().await.ok() }
        };
        let bids = format!("/v1/bounties/{bounty}/bids");
        for (path, body) in [("/v1/specs/check", &offer), (bids.as_str(), &bid)] {
            let answer = eventually("it serves", 20, || post(path, body)).await;
            let refused = answer["code"] == "payout_window_too_short";
            assert_eq!(refused, !ok, "{path}, at least {least} s: {answer}");
        }
    }
}

async fn scripts_of_allowed_pages_may_read_answers(cast: &Cast<'_>) {
    let (_serve, listen) = serve_with(cast, "PIECEWORK_ALLOW_ORIGINS", "https://app.example.com,http://localhost:3000");
    let by_default = cast.dev.ready.api_url.trim_start_matches("http://").to_owned();
    for (host, origin, allowed) in [
        (listen.to_string(), "https://app.example.com", true),
        (listen.to_string(), "http://localhost:3000", true),
        (listen.to_string(), "https://example.com", false),
        (by_default, "https://app.example.com", false),
    ] {
        let ask = |method, path: &str| {
            let request =
                reqwest::Client::new().request(method, format!("http://{host}{path}")).header("Origin", origin);
            // A browser asks before it sends a payment or a session's token.
            let request = request.header("Access-Control-Request-Method", "POST");
            let request =
                request.header("Access-Control-Request-Headers", "authorization,payment-signature,idempotency-key");
            async { request.send().await.ok() }
        };
        for (method, path) in
            [(Method::OPTIONS, "/v1/bounties"), (Method::GET, "/v1/stats"), (Method::GET, "/v1/bounties/0x12")]
        {
            let answer = eventually("it serves", 20, || ask(method.clone(), path)).await;
            let told = answer.headers().get("access-control-allow-origin").map(|value| value.to_str().unwrap());
            assert_eq!(told, allowed.then_some(origin), "{method} {path} of {host} from {origin}");
            assert!(!answer.headers().contains_key("access-control-allow-credentials"));
            if allowed && method == Method::OPTIONS {
                let headers = answer.headers()["access-control-allow-headers"].to_str().unwrap();
                assert!(headers.contains("payment-signature") && headers.contains("authorization"), "{headers}");
            }
        }
    }
}

async fn an_address_holds_so_many_connections_and_none_that_says_nothing(cast: &Cast<'_>) {
    let (_serve, listen) = serve_with(cast, "PIECEWORK_CONNECTIONS_PER_NETWORK", "3");
    let url = format!("http://{listen}/v1/stats");
    // Each with a connection of its own, and a time-out: hyper's client can wait for ever for an answer on a connection
    // that was closed the moment it was made.
    let within = std::time::Duration::from_secs(5);
    let ask = || async { reqwest::Client::new().get(&url).timeout(within).send().await.ok() };
    eventually("it serves", 20, ask).await;
    let mut silent = Vec::new();
    eventually("three connections that say nothing fill the room", 20, || {
        silent.extend(std::net::TcpStream::connect(listen));
        async { ask().await.is_none().then_some(()) }
    })
    .await;
    eventually("who says nothing is let go, and others come in", 20, ask).await;
    for mut stream in silent {
        stream.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
        let read = std::io::Read::read(&mut stream, &mut [0; 1]);
        assert!(matches!(read, Ok(0)) || read.is_err_and(|err| err.kind() == std::io::ErrorKind::ConnectionReset));
    }
}

async fn every_problem_leads_to_its_explanation(cast: &Cast<'_>) {
    let base = &cast.dev.ready.api_url;
    let problem: Value = reqwest::get(format!("{base}/v1/bounties/0x12")).await.unwrap().json().await.unwrap();
    let link = problem["type"].as_str().unwrap();
    let (page, anchor) = link.split_once('#').unwrap();
    let html = reqwest::get(format!("{base}{page}")).await.unwrap().text().await.unwrap();
    assert!(html.contains(&format!("id=\"{anchor}\"")), "{link}");
    for (path, kind, says) in [
        ("/docs", "text/html", "OpenAPI"),
        ("/llms.txt", "text/plain", "x402"),
        ("/skill.md", "text/markdown", "POST /v1/bounties"),
        ("/openapi.json", "application/json", "/x402/settle"),
    ] {
        let answer = reqwest::get(format!("{base}{path}")).await.unwrap();
        let actual = answer.headers()["content-type"].to_str().unwrap().to_owned();
        assert!(answer.status() == 200 && actual.starts_with(kind), "{path}: {actual}");
        assert!(answer.text().await.unwrap().contains(says), "{path}");
    }
}

async fn a_network_makes_so_many_offers_an_hour(cast: &Cast<'_>) {
    let (_serve, listen) = serve_with(cast, "PIECEWORK_OFFERS_PER_HOUR", "3");
    let http = reqwest::Client::new();
    eventually("it serves", 20, || async { reqwest::get(format!("http://{listen}/v1/stats")).await.ok() }).await;
    let now = cast.now().await;
    // The last is known by then.
    for (salt, status, code) in [
        (80, 402, "payment_required"),
        (81, 402, "payment_required"),
        (82, 402, "payment_required"),
        (83, 429, "too_many_offers"),
        (80, 402, "payment_required"),
    ] {
        let offer = cast.offer(&cast.terms(now, salt));
        let answer = http.post(format!("http://{listen}/v1/bounties")).json(&offer).send().await.unwrap();
        assert_eq!(answer.status(), status, "{salt}");
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], code, "{salt}");
    }
    let supported: Value =
        reqwest::get(format!("http://{}/x402/supported", listen)).await.unwrap().json().await.unwrap();
    assert_eq!(supported["kinds"], json!([]), "who was not told to settles for nobody else");
}

/// Reading a report can take a hundred times its size: that is for members of the engagement's set.
async fn strangers_statements_are_not_read(cast: &Cast<'_>) {
    let verdict = Verdict {
        engagement: EngagementId(B256::repeat_byte(7)),
        epoch: 0,
        units: 0,
        faults: 0,
        evidence: EvidenceHash(B256::ZERO),
    };
    let attested_at = cast.now().await;
    let root = Tree::new(vec![verdict.leaf()]).unwrap().root();
    let statement = Statement { root, attested_at };
    let digest = statement.digest(&Domain::new(cast.dev.ready.chain_id, cast.dev.ready.escrow));
    let report = format!(r#"{{"observed":{{"kind":"sequencer","seen":[{}0]}}}}"#, "0,".repeat(1_000_000));
    let body = |signer: &str| {
        format!(
            r#"{{"verifier":{},"statement":{},"signature":{},"findings":[{{"verdict":{},"report":{report}}}]}}"#,
            json!(cast.address("runner2")),
            json!(statement),
            json!(cast.sign(signer, digest)),
            json!(verdict),
        )
    };
    for (signer, status, code) in [("runner1", 422, "bad_signature"), ("runner2", 404, "engagement_not_found")] {
        let request = reqwest::Client::new().post(format!("{}/v1/statements", cast.dev.ready.api_url));
        let answer = request.header("content-type", "application/json").body(body(signer)).send().await.unwrap();
        let (found, problem) = (answer.status(), answer.json::<Value>().await.unwrap());
        assert_eq!((found.as_u16(), &problem["code"]), (status, &json!(code)), "{problem}");
    }
}

async fn what_has_not_changed_is_not_sent_again(cast: &Cast<'_>) {
    let url = format!("{}/.well-known/jwks.json", cast.dev.ready.api_url);
    let first = reqwest::get(&url).await.unwrap();
    let tag = first.headers()["etag"].clone();
    assert!(!first.text().await.unwrap().is_empty());
    let ask = |tag: reqwest::header::HeaderValue| reqwest::Client::new().get(&url).header("if-none-match", tag).send();
    let again = ask(tag.clone()).await.unwrap();
    assert_eq!((again.status().as_u16(), &again.headers()["etag"]), (304, &tag));
    assert!(again.bytes().await.unwrap().is_empty());
    assert_eq!(ask("\"another\"".parse().unwrap()).await.unwrap().status(), 200);
    let missing = reqwest::get(format!("{}/v1/bounties/0x12", cast.dev.ready.api_url)).await.unwrap();
    assert!(!missing.headers().contains_key("etag"), "problems have none");
}

async fn large_bodies_come_a_few_at_once(cast: &Cast<'_>) {
    let host = cast.dev.ready.api_url.trim_start_matches("http://");
    let mut held = Vec::new();
    for _ in 0..4 {
        let mut stream = std::net::TcpStream::connect(host).unwrap();
        let head = format!(
            "POST /v1/statements HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: 300000\r\n\r\n{{"
        );
        std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
        held.push(stream);
    }
    let ask = |bytes: usize| async move {
        let request = reqwest::Client::new().post(format!("http://{host}/v1/statements"));
        let request = request.header("content-type", "application/json").body(vec![b' '; bytes]);
        request.send().await.ok()?.json::<Value>().await.ok()
    };
    eventually("a fifth is refused", 10, || async {
        ask(300_000).await.filter(|problem| problem["code"] == "too_many_large_bodies")
    })
    .await;
    assert_eq!(ask(200_000).await.unwrap()["code"], "malformed_json", "a smaller one is read");
    drop(held);
    eventually("there is room again", 10, || async {
        ask(300_000).await.filter(|problem| problem["code"] == "malformed_json")
    })
    .await;
}

async fn words_of_the_spec_find_a_bounty(cast: &Cast<'_>) {
    let Spec::Sequencer(spec) = cast.spec() else { panic!("another kind") };
    let (title, description) = ("Orbit sequencer".to_owned(), "Low latency, archive not needed".to_owned());
    let spec = Spec::Sequencer(SequencerSpec { title, description, ..spec });
    let terms = Terms { spec_hash: spec.hash().unwrap(), ..cast.terms(cast.now().await, 3) };
    let bounty = cast.post_offer(&terms, &cast.offer_of(&terms, &spec)).await;
    for (q, found) in [
        ("orbit", 1),
        ("ORBIT archive", 1),
        ("%22low latency%22", 1),
        ("%22latency low%22", 0),
        ("orbit -archive", 0),
        ("sequencer", 2),
        ("%27; drop table specs", 0),
        ("%22", 0),
    ] {
        let page: Value = cast.api.get(&format!("/v1/bounties?q={}", q.replace(' ', "+"))).await.expect("answers");
        let items = page["items"].as_array().unwrap();
        assert_eq!(items.len(), found, "{q}: {page}");
        assert!(found != 1 || items[0]["id"] == json!(bounty), "{q}");
    }
    let long = cast.api.get::<Value>(&format!("/v1/bounties?q={}", "x".repeat(201))).await;
    assert_eq!(long.expect_err("is too long").code(), Some("malformed_query"));
}
