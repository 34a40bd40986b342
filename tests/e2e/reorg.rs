//! The settlement chain changes its mind.

use alloy::providers::Provider;
use piecework_domain::{Address, B256, U256};
use serde_json::{Value, json};

use crate::cast::{BOND, Cast, RATE, eventually};
use crate::dev::Dev;

#[tokio::test(flavor = "multi_thread")]
async fn a_reorg_that_removes_an_award_and_a_redemption_is_undone_and_the_story_ends_right() {
    let dev = Dev::start();
    let cast = Cast::of(&dev);
    let payee = cast.address("payee1");
    let before = cast.balance(payee).await;
    let first = cast.terms(cast.now().await, 1);
    let second = cast.terms(cast.now().await, 2);
    let bounty1 = cast.post(&first).await;
    let bounty2 = cast.post(&second).await;
    let paid_first = cast.bid_and_award(bounty1, &first).await;
    eventually("the first redemption", 60, || async {
        cast.api.engagement(paid_first).await.ok().filter(|e| e.units_paid > 0)
    })
    .await;
    let awarded = cast.bid_and_award(bounty2, &second).await;
    cast.engaged(awarded).await;

    // What a reorg can still take away is there for who asks for the latest, and not for who wants to be sure.
    let path = format!("{}/v1/engagements/{awarded}", dev.ready.api_url);
    for (certainty, status) in [("latest", 200), ("safe", 404), ("finalized", 404), ("sure", 400)] {
        let answer = reqwest::get(format!("{path}?certainty={certainty}")).await.expect("answers");
        assert_eq!(answer.status(), status, "{certainty}: {}", answer.text().await.unwrap_or_default());
    }
    let stats: Value = cast.api.get("/v1/stats").await.expect("answers");
    let list = format!("/v1/engagements?bounty={bounty2}&certainty=finalized");
    assert_eq!(cast.api.get::<Value>(&list).await.expect("answers")["items"], json!([]));
    assert!(stats["chain"]["blockNumber"].as_u64() > Some(0), "{stats}");

    // Undo every block since just before the first redemption; the transactions in them are gone.
    let page: Value = cast.api.get(&format!("/v1/engagements/{paid_first}/payouts")).await.expect("answers");
    let last = page["items"].as_array().and_then(|items| items.last()).expect("a payout");
    let redeemed_at = last["blockNumber"].as_u64().expect("a block number");
    let head = cast.chain.get_block_number().await.expect("answers");
    let redeemed_before = cast.redemptions(paid_first).await.len();
    cast.chain
        .raw_request::<_, Value>("anvil_reorg".into(), json!([head - redeemed_at + 1, []]))
        .await
        .expect("anvil reorganises");
    assert!(cast.redemptions(paid_first).await.len() < redeemed_before, "the redemption is off the chain");

    // The feed says what was undone.
    let reverted = eventually("the feed tells of the reorg", 20, || async {
        let names = feed_names(&dev, "").await;
        (names.iter().any(|name| name == "reverted")).then_some(names)
    })
    .await;
    assert!(reverted.iter().filter(|name| *name == "reverted").count() >= 2, "{reverted:?}");

    // The runner's bond was deposited in a block that is gone: it deposits again, and the worker relays the award again.
    let data = piecework_contracts::deposit_call(piecework_domain::money::NATIVE, cast.address("runner1"), BOND.into());
    if cast.api.engagement(awarded).await.is_err() {
        cast.send("runner1", dev.ready.escrow, U256::from(BOND), data).await;
    }
    cast.engaged(awarded).await;

    let mut due = U256::ZERO;
    for id in [paid_first, awarded] {
        let closed = cast.wind_up(id).await;
        let on_chain = cast.redemptions(id).await;
        assert_eq!(on_chain.last().map(|(units, _)| *units), Some(closed.units_paid), "the mirror equals the chain");
        assert!(closed.units_paid > 0);
        due += U256::from(closed.units_paid) * U256::from(RATE);
    }
    assert_eq!(cast.balance(payee).await - before, due, "the payee has exactly what the final chain says");
    filters_of_the_feed(&dev, &cast).await;
}

/// Of an account comes all that concerns it, what was undone included, and nothing to a stranger.
async fn filters_of_the_feed(dev: &Dev, cast: &Cast<'_>) {
    let of = |role: &str, rest: &str| format!("&account={}{rest}", cast.address(role));
    for role in ["poster", "runner1", "payee1", "verifier1"] {
        let names = feed_names(dev, &of(role, "")).await;
        assert!(names.iter().any(|name| name == "engaged"), "{role}: {names:?}");
        assert!(names.iter().any(|name| name == "reverted"), "{role}: {names:?}");
    }
    let named = feed_names(dev, &of("runner1", "&names=redeemed,ended")).await;
    assert!(named.iter().any(|name| name == "redeemed") && named.iter().any(|name| name == "ended"), "{named:?}");
    assert!(named.iter().all(|name| ["redeemed", "ended", "reverted"].contains(&name.as_str())), "{named:?}");
    assert_eq!(feed_names(dev, &format!("&account={}", Address::repeat_byte(0x5a))).await, [""; 0]);

    for (query, code) in [
        ("names=redeem", "unknown_event"),
        ("names=", "unknown_event"),
        ("account=0x12", "malformed_id"),
        (&format!("account={0}&bounty={1}", Address::ZERO, B256::ZERO), "too_many_filters"),
    ] {
        let answer = reqwest::get(format!("{}/v1/events?{query}", dev.ready.api_url)).await.expect("answers");
        assert_eq!(answer.status(), 400, "{query}");
        let problem: Value = serde_json::from_str(&answer.text().await.expect("has a body")).expect("is JSON");
        assert_eq!(problem["code"], code, "{problem}");
    }
}

/// Names of all feed items so far, read from the start of the stream.
async fn feed_names(dev: &Dev, filter: &str) -> Vec<String> {
    use futures::StreamExt;
    let url = format!("{}/v1/events?after=0{filter}", dev.ready.api_url);
    let mut stream = reqwest::get(url).await.expect("answers").bytes_stream();
    let mut text = String::new();
    while let Ok(Some(Ok(chunk))) = tokio::time::timeout(std::time::Duration::from_millis(500), stream.next()).await {
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    text.lines().filter_map(|line| line.strip_prefix("event:")).map(|name| name.trim().to_owned()).collect()
}
