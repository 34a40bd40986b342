//! `rpc` bounties: who serves is paid by the epoch, and nobody else.

mod announce;
mod servers;

use std::collections::BTreeMap;
use std::time::Duration;

use alloy::network::{EthereumWallet, TransactionBuilder};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use piecework_domain::Bytes;
use piecework_domain::ids::EngagementId;
use piecework_domain::messages::Bid;
use piecework_domain::money::Amount;
use piecework_domain::spec::Spec;
use piecework_domain::terms::Terms;
use serde_json::{Value, json};

use crate::cast::{Cast, eventually};
use crate::dev::Dev;
use servers::{Fork, Manner, Server};

const EPOCH_SECONDS: u32 = 12;
const LATENCY_MS_MAX: u64 = 2_500;
/// The newest blocks that are asked about. All have logs by then: who leaves some out can be found only by a question about such a block.
const LOGGED_BLOCKS: u64 = 16;
/// A whole epoch that everybody was known and asked in.
const EPOCH: u64 = 1;

fn spec(chain_id: u64) -> Spec {
    let spec = json!({
        "kind": "rpc", "version": 1, "title": "Serve our RPC", "chainId": chain_id, "latencyMsMax": LATENCY_MS_MAX,
        "timeoutMs": 4_000, "successBpsMin": 9_500, "lagBlocksMax": 3, "probesMin": 24, "faultBelowBps": 4_000,
        "graceSeconds": 3, "historyBlocks": LOGGED_BLOCKS, "stateBlocks": LOGGED_BLOCKS
    });
    Spec::parse(spec.to_string().as_bytes()).unwrap()
}

/// One endpoint under test.
struct Seat {
    name: &'static str,
    node: PrivateKeySigner,
    url: String,
    /// What verifiers must find in it; nothing where it serves as it should.
    reason: Option<&'static str>,
    id: EngagementId,
}

#[tokio::test(flavor = "multi_thread")]
async fn who_serves_is_paid_and_every_way_not_to_serve_has_its_reason() {
    let dev = Dev::start();
    let cast = Cast::of(&dev);
    let l2 = &dev.ready.l2.rpc_url;
    let misbehaving = [
        ("stale", Manner::Stale(10), "stale"),
        ("truncating logs", Manner::Truncates, "wrong"),
        ("fast and wrong", Manner::FastAndWrong, "wrong"),
        ("slow", Manner::Slow(Duration::from_millis(LATENCY_MS_MAX + 500)), "slow"),
        ("proxying another's node", Manner::Proxies(Duration::from_millis(20)), "shared"),
        ("silent", Manner::Silent, "timed_out"),
        ("answering probes only", Manner::ProbesOnly, "refused"),
    ];
    let fork = Fork::of(l2).await;
    let mut servers = Vec::new();
    let mut seats = vec![
        seat("honest", l2, None),
        seat("forked", &fork.url, Some("wrong")),
        // Nothing listens on a discard port.
        seat("gone", "http://127.0.0.1:9", Some("unreachable")),
    ];
    for (name, manner, reason) in misbehaving {
        let server = Server::start(manner, l2).await;
        seats.push(seat(name, &server.url, Some(reason)));
        servers.push(server);
    }
    let logging = tokio::spawn(log_something(wallet(&cast, "poster", l2)));

    let spec = spec(dev.ready.l2.chain_id);
    let terms = Terms {
        rate_max: 1_000_000_000_000_000_000,
        units_max: 5,
        unit_seconds: EPOCH_SECONDS,
        epoch_seconds: EPOCH_SECONDS,
        seats: u32::try_from(seats.len()).unwrap() + 1,
        bond: 0,
        fault_penalty: 0,
        silence_seconds: 30,
        open_claim: true,
        spec_hash: spec.hash().unwrap(),
        ..cast.terms(cast.now().await, 500)
    };
    let bounty = cast.post_offer(&terms, &cast.offer_of(&terms, &spec)).await;
    let claim = |bid: &Bid| piecework_contracts::claim_call(&terms, &cast.verifiers(), bid);
    let (mut by_runner1, mut by_runner2) = (Vec::new(), Vec::new());
    for (seat, n) in seats.iter_mut().zip(1_u128..) {
        // Whose node it is has nobody else's behind it.
        let (role, claims) = match seat.reason {
            None => ("runner1", &mut by_runner1),
            Some(_) => ("runner2", &mut by_runner2),
        };
        let (runner, node) = (cast.address(role), seat.node.address());
        let bid = Bid { runner, node, nonce: Amount::from(n), ..cast.bid(bounty, &terms) };
        seat.id = bid.engagement_id();
        claims.push(claim(&bid));
    }
    // The companion announces for one by itself.
    let bid = cast.bid(bounty, &terms);
    let by_companion = bid.engagement_id();
    by_runner1.push(claim(&bid));
    cast.send_all("runner1", dev.ready.escrow, by_runner1).await;
    cast.send_all("runner2", dev.ready.escrow, by_runner2).await;
    for seat in &seats {
        cast.engaged(seat.id).await;
        announce::announce(&cast, seat).await;
    }
    announce::others_words_are_refused(&cast, &seats[0], &seats[1]).await;

    let mut wrong = Vec::new();
    for seat in &seats {
        let found = findings(&cast, seat.id).await;
        for finding in &found {
            let expected = seat.reason.map(|reason| json!({ "number": EPOCH, "reason": reason }));
            let refused = finding["refused"].as_array().unwrap();
            let as_expected = match &expected {
                None => refused.is_empty() && finding["counted"] == 1,
                Some(reason) => refused.contains(reason) && finding["counted"] == 0,
            };
            // Of these nearly nothing is right.
            let must_fault = matches!(seat.name, "gone" | "silent" | "answering probes only");
            let may_fault = must_fault || matches!(seat.name, "forked" | "fast and wrong");
            let is_fault = finding["fault"] == true;
            if !as_expected || is_fault && !may_fault || !is_fault && must_fault {
                wrong.push(format!("{}: {finding}\n{}", seat.name, probes(&cast, finding).await));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    for id in [seats[0].id, by_companion] {
        let paid = eventually("an epoch is paid", 120, || async {
            cast.api.engagement(id).await.ok().filter(|e| e.units_paid > 0)
        });
        let e = paid.await;
        assert_eq!(e.paid.0, piecework_domain::U256::from(e.units_paid) * piecework_domain::U256::from(terms.rate_max));
    }
    for seat in &seats[1..] {
        let e = cast.engaged(seat.id).await;
        assert_eq!(e.units_paid, 0, "{} is paid", seat.name);
    }
    logging.abort();
}

fn seat(name: &'static str, url: &str, reason: Option<&'static str>) -> Seat {
    let id = EngagementId(piecework_domain::B256::ZERO);
    Seat { name, node: PrivateKeySigner::random(), url: url.to_owned(), reason, id }
}

/// What all three verifiers found of the epoch.
async fn findings(cast: &Cast<'_>, id: EngagementId) -> Vec<Value> {
    eventually("the epoch is judged by all", 90, || async {
        let path = format!("/v1/engagements/{id}/epochs?from={EPOCH}&limit=1");
        let page: Value = cast.api.get(&path).await.ok()?;
        let findings = page["items"][0]["findings"].as_array()?.clone();
        (findings.len() == 3).then_some(findings)
    })
    .await
}

/// What the probes of a finding came to, for a test that fails.
async fn probes(cast: &Cast<'_>, finding: &Value) -> String {
    let hash = finding["evidence"].as_str().unwrap();
    let report: Value = cast.api.get(&format!("/v1/evidence/{hash}")).await.unwrap();
    let mut outcomes: BTreeMap<String, u32> = BTreeMap::new();
    for probe in report["observed"]["probes"].as_array().unwrap() {
        let key = format!("{} {} {}", probe["question"]["ask"], probe["outcome"], probe["detail"]);
        *outcomes.entry(key).or_default() += 1;
    }
    format!("{outcomes:#?}")
}

fn wallet(cast: &Cast<'_>, role: &str, url: &str) -> DynProvider {
    let wallet = EthereumWallet::from(cast.signer(role));
    ProviderBuilder::new().wallet(wallet).connect_http(url.parse().unwrap()).erased()
}

/// Transactions whose constructors log twice and make nothing.
async fn log_something(node: DynProvider) {
    // LOG1 with topic 1, LOG1 with topic 2, STOP.
    let code = Bytes::from_static(&[0x60, 1, 0x60, 0, 0x60, 0, 0xa1, 0x60, 2, 0x60, 0, 0x60, 0, 0xa1, 0]);
    loop {
        let tx = TransactionRequest::default().with_deploy_code(code.clone());
        let _sent = node.send_transaction(tx).await.expect("is sent");
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
}
