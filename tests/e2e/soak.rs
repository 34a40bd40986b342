//! Everything fails again and again, and at the end every base unit is where it belongs. Minutes and dozens of engagements with PIECEWORK_DEEP.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use alloy::providers::Provider;
use axum::Router;
use axum::body::Bytes as Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use piecework_client::Engagement;
use piecework_contracts::{claim_call, end_call, reclaim_call};
use piecework_domain::money::Amount;
use piecework_domain::terms::Terms;
use piecework_domain::{U256, rules};
use serde_json::{Value, json};

use crate::cast::{Cast, RATE, eventually};
use crate::dev::Dev;
use crate::dice::Dice;
use crate::part::Part;

/// Less than what is safe on the settlement chain.
const REORG_MAX: u64 = 8;
const BOND: u128 = 1_000_000_000_000_000;

struct Scale {
    engagements: u32,
    seconds: u32,
    /// Time to pay after the end, too.
    silence_seconds: u32,
}

fn scale() -> Scale {
    match std::env::var_os("PIECEWORK_DEEP") {
        Some(_) => Scale { engagements: 50, seconds: 600, silence_seconds: 120 },
        None => Scale { engagements: 6, seconds: 40, silence_seconds: 15 },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn through_kills_faults_and_reorgs_every_base_unit_ends_where_it_belongs() {
    let Scale { engagements, seconds, silence_seconds } = scale();
    let dev = Dev::start_without(&["work", "verify"]);
    let cast = Cast::of(&dev);
    let mut dice = Dice::new();
    let settlement = Faulty::start(&dev.ready.rpc_url).await;
    let sequenced = Faulty::start(&dev.ready.l2.rpc_url).await;
    let mut parts = start_parts(&dev, &settlement.url, &sequenced.url);

    let terms = Terms {
        units_max: u64::from(seconds),
        seats: engagements,
        bond: BOND,
        fault_penalty: 0,
        epoch_seconds: 10,
        silence_seconds,
        open_claim: true,
        ..cast.terms(cast.now().await, 1)
    };
    let bounty = cast.bounty_id(&terms);
    cast.api.post::<Value>("/v1/bounties", &cast.offer(&terms)).await.expect_err("is unpaid");
    let funded = rules::reserve(&terms, 3, RATE).unwrap().0 * U256::from(engagements);
    let escrow = dev.ready.escrow;
    // Dozens of engagements lock more than a development account has.
    let plenty = json!([cast.address("poster"), funded * U256::from(2)]);
    cast.chain.raw_request::<_, Value>("anvil_setBalance".into(), plenty).await.expect("anvil sets a balance");
    cast.send("poster", escrow, funded, piecework_contracts::post_call(&terms, Amount(funded))).await;
    eventually("the bounty is posted", 30, || async { cast.bounty(bounty).await.ok() }).await;
    let payee = cast.address("payee1");
    let before = cast.balance(payee).await;
    let poster_before = cast.balance(cast.address("poster")).await;
    let mut engaged = Vec::new();
    for nonce in 0..engagements {
        let mut bid = cast.bid(bounty, &terms);
        bid.nonce = Amount::from(u128::from(nonce));
        cast.send("runner1", escrow, U256::from(BOND), claim_call(&terms, &cast.verifiers(), &bid)).await;
        engaged.push(bid.engagement_id());
    }
    // Deeper than any reorg: a claim that is gone is its runner's to make again.
    let settled = cast.chain.get_block_number().await.unwrap() + REORG_MAX + 1;
    eventually("no reorg reaches the claims", 60, || async {
        (cast.chain.get_block_number().await.unwrap() > settled).then_some(())
    })
    .await;

    let until = Instant::now() + Duration::from_secs(u64::from(seconds));
    let (mut kills, mut reorgs) = (0, 0);
    settlement.failing.store(true, Ordering::Relaxed);
    sequenced.failing.store(true, Ordering::Relaxed);
    while Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(1_000 + dice.below(3_000))).await;
        match dice.below(10) {
            0 => dev.kill("index"),
            1 => dev.kill("serve"),
            2 => dev.kill("run1"),
            3 | 4 => {
                reorgs += 1;
                cast.reorganise(1 + dice.below(REORG_MAX)).await;
                continue;
            }
            // Four of them: the worker and three verifiers.
            n => parts[usize::try_from(n).unwrap() % 4].restart(),
        }
        kills += 1;
    }
    settlement.failing.store(false, Ordering::Relaxed);
    sequenced.failing.store(false, Ordering::Relaxed);

    let mut owed = U256::ZERO;
    let mut units = 0;
    for id in engaged {
        let e = paid_out(&cast, id).await;
        owed += U256::from(e.units_paid) * U256::from(RATE);
        units += e.units_paid;
    }
    drop(parts);
    let faults = settlement.faults.load(Ordering::Relaxed) + sequenced.faults.load(Ordering::Relaxed);
    println!(
        "{kills} kills, {reorgs} reorgs, {faults} requests that failed; {units} units paid of {}",
        engagements * seconds
    );
    assert!(kills > 3 && faults > 10, "{kills} kills, {faults} faults: nothing was tried");
    assert!(units > 0, "nothing was paid");
    assert_eq!(cast.balance(payee).await - before, owed, "the payee has what was proven, to the base unit");
    // What no clock could reach was escrow again at the end; what was reachable and not earned went back at once.
    let returned = cast.balance(cast.address("poster")).await - poster_before;
    assert_eq!(cast.balance(escrow).await + returned, funded - owed, "what nobody earned is the poster's");
    audit(&dev);
}

/// Waits until all that is proven is paid, ends and reclaims the engagement.
async fn paid_out(cast: &Cast<'_>, id: piecework_domain::ids::EngagementId) -> Engagement {
    let path = format!("/v1/engagements/{id}");
    let e = cast.engaged(id).await;
    let ends_at = e.ends_at().expect("has a clock");
    // The last epoch, its grace and window, and some time to pay.
    let judged = ends_at.plus(u64::from(e.terms.epoch_seconds) + 10);
    let what = format!("all that is proven of {id} is paid");
    eventually(&what, 120, || async {
        let view: Value = cast.api.get(&path).await.ok()?;
        let paid = view["money"]["unitsProven"] == view["unitsPaid"] && view["money"]["inWindow"] == "0";
        (cast.now().await >= judged && paid).then_some(())
    })
    .await;
    let escrow = cast.dev.ready.escrow;
    cast.send("runner2", escrow, U256::ZERO, end_call(&e.terms, &e.verifiers, &e.bid)).await;
    let at = rules::reclaimable_at(&e.terms, ends_at);
    eventually("the redemption period passes", 150, || async { (cast.now().await >= at).then_some(()) }).await;
    cast.send("runner2", escrow, U256::ZERO, reclaim_call(&e.terms, &e.verifiers, &e.bid)).await;
    eventually("the engagement closes", 30, || async {
        cast.api.engagement(id).await.ok().filter(|e| e.status == "closed")
    })
    .await
}

fn start_parts(dev: &Dev, settlement: &str, sequenced: &str) -> Vec<Part> {
    use std::os::unix::fs::PermissionsExt;
    let key = |role: &str| {
        let path = dev.ready.data_dir.join(format!("{role}.test-key"));
        std::fs::write(&path, &dev.key(role).private_key).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    };
    let work = [
        ("PIECEWORK_RPC_URL", settlement.to_owned()),
        ("PIECEWORK_WORKER_KEY_FILE", key("operator")),
        ("PIECEWORK_POLL_INTERVAL_MS", "200".to_owned()),
        ("PIECEWORK_PAYOUT_PAUSE_SECONDS", "5".to_owned()),
    ];
    let mut parts = vec![Part::start(dev, "work", "work", &work)];
    for n in 1..=3 {
        let memory = dev.ready.data_dir.join(format!("soak{n}.redb"));
        let verify = [
            ("PIECEWORK_VERIFIER_KEY_FILE", key(&format!("verifier{n}"))),
            ("PIECEWORK_ENDPOINTS", format!("{}={sequenced}", dev.ready.l2.chain_id)),
            ("PIECEWORK_VERIFIER_MEMORY", memory.display().to_string()),
            ("PIECEWORK_ROUND_INTERVAL_MS", "1000".to_owned()),
        ];
        parts.push(Part::start(dev, &format!("verify{n}"), "verify", &verify));
    }
    parts
}

fn audit(dev: &Dev) {
    let ready = &dev.ready;
    let out = Command::new(env!("CARGO_BIN_EXE_piecework"))
        .args(["index", "--audit", "--chain-id", &ready.chain_id.to_string(), "--escrow", &ready.escrow.to_string()])
        .args(["--rpc-url", &ready.rpc_url])
        .env("DATABASE_URL", &ready.database_url)
        .output()
        .expect("the binary runs");
    assert!(out.status.success(), "the mirror differs from the contract: {}", String::from_utf8_lossy(&out.stdout));
}

/// An endpoint that now and then doesn't answer, or answers late.
struct Faulty {
    url: String,
    failing: Arc<AtomicBool>,
    faults: Arc<AtomicU64>,
}

#[derive(Clone)]
struct Shared {
    upstream: String,
    http: reqwest::Client,
    failing: Arc<AtomicBool>,
    faults: Arc<AtomicU64>,
    asked: Arc<AtomicU64>,
}

impl Faulty {
    async fn start(upstream: &str) -> Self {
        let (failing, faults) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let shared = Shared {
            upstream: upstream.to_owned(),
            http: reqwest::Client::new(),
            failing: failing.clone(),
            faults: faults.clone(),
            asked: Arc::default(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().route("/", post(forward)).with_state(shared);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, failing, faults }
    }
}

async fn forward(State(shared): State<Shared>, body: Body) -> Result<String, StatusCode> {
    let asked = shared.asked.fetch_add(1, Ordering::Relaxed);
    let fault = if shared.failing.load(Ordering::Relaxed) { Dice::seeded(asked).below(40) } else { 40 };
    if fault < 4 {
        shared.faults.fetch_add(1, Ordering::Relaxed);
    }
    match fault {
        0 => return Err(StatusCode::SERVICE_UNAVAILABLE),
        1 => return Err(StatusCode::TOO_MANY_REQUESTS),
        2 => tokio::time::sleep(Duration::from_secs(2)).await,
        _ => {}
    }
    let sent = shared.http.post(&shared.upstream).header("content-type", "application/json").body(body).send();
    let answer = sent.await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let answer = answer.text().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    // It was heard, and its answer is lost.
    if fault == 3 { Err(StatusCode::GATEWAY_TIMEOUT) } else { Ok(answer) }
}
