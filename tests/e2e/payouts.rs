//! The worker dies before and after each step of a payout, and the chain moves on without it: what is due is paid, to the base unit.

use std::sync::Arc;
use std::time::Duration;

use alloy::providers::{Provider, ProviderBuilder};
use axum::Router;
use axum::body::Bytes as Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use piecework_domain::ids::EngagementId;
use piecework_domain::terms::Terms;
use piecework_domain::{Bytes, U256};
use serde_json::Value;
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cast::{Cast, RATE, eventually};
use crate::dev::Dev;

/// Where the worker dies: at a request to its endpoint, before it is heard or before its answer is.
#[derive(Clone, Copy, Debug)]
struct Step {
    name: &'static str,
    method: &'static str,
    answered: bool,
}

const fn step(name: &'static str, method: &'static str, answered: bool) -> Step {
    Step { name, method, answered }
}

const STEPS: [Step; 10] = [
    step("before it is chosen", "eth_estimateGas", false),
    step("after it is chosen", "eth_estimateGas", true),
    step("before it is signed", "eth_feeHistory", false),
    step("after fees are known", "eth_feeHistory", true),
    // The last question before the signed bytes are stored; others ask for other balances.
    step("before it is stored", "eth_getBalance", false),
    step("while it is stored", "eth_getBalance", true),
    step("before it is sent", "eth_sendRawTransaction", false),
    step("after it is sent", "eth_sendRawTransaction", true),
    step("before it is known to be mined", "eth_getTransactionReceipt", false),
    step("before its receipt is recorded", "eth_getTransactionReceipt", true),
];

/// What happens while the worker is dead.
#[derive(Clone, Copy, Debug)]
enum Meanwhile {
    Nothing,
    /// Its endpoint fails at first when it is back.
    EndpointFails,
    Reorg,
    /// Somebody with the same key takes the nonce.
    Replaced,
}

const MEANWHILE: [Meanwhile; 4] = [Meanwhile::Nothing, Meanwhile::EndpointFails, Meanwhile::Reorg, Meanwhile::Replaced];

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_at_any_step_of_a_payout_pays_what_is_due_and_nothing_twice() {
    let dev = Dev::start_without(&["work"]);
    let cast = Cast::of(&dev);
    let proxy = Proxy::start(&cast).await;
    let payee = cast.address("payee1");
    let before = cast.balance(payee).await;
    let mut worker = Worker::start(&cast, &proxy);
    let terms = Terms { units_max: 2_000, epoch_seconds: 2, ..cast.terms(cast.now().await, 1) };
    let bounty = cast.post(&terms).await;
    let id = cast.bid_and_award(bounty, &terms).await;
    cast.engaged(id).await;

    for (n, step) in STEPS.into_iter().enumerate() {
        // Every pair in the deep profile, each step once otherwise.
        let deep = std::env::var_os("PIECEWORK_DEEP").is_some();
        for meanwhile in MEANWHILE.into_iter().enumerate().filter(|(m, _)| deep || n % 4 == *m).map(|(_, m)| m) {
            proxy.arm(step).await;
            eventually(&format!("the worker gets to {:?}", step.name), 30, || proxy.sprung()).await;
            worker.kill().await;
            match meanwhile {
                Meanwhile::Nothing => {}
                Meanwhile::EndpointFails => proxy.fail(5).await,
                Meanwhile::Reorg => cast.reorganise(2).await,
                Meanwhile::Replaced => {
                    let operator = cast.address("operator");
                    cast.send("operator", operator, U256::ZERO, Bytes::new()).await;
                }
            }
            let paid = units_on_chain(&cast, id).await;
            worker = Worker::start(&cast, &proxy);
            let what = format!("the next payout after {:?}, {meanwhile:?}", step.name);
            eventually(&what, 40, || async { (units_on_chain(&cast, id).await > paid).then_some(()) }).await;
        }
    }

    let notice = piecework_contracts::notice_call(&terms, &cast.engaged(id).await.bid);
    cast.send("poster", dev.ready.escrow, U256::ZERO, notice).await;
    let path = format!("/v1/engagements/{id}/voucher");
    let last = eventually("everything proven is paid", 60, || async {
        let ended = cast.api.engagement(id).await.ok()?.ends_at()?;
        let voucher: Value = cast.api.get(&path).await.ok()?;
        // The last epoch is judged two seconds after its end.
        let over = cast.now().await >= ended.plus(8);
        (over && voucher["unitsNew"] == 0).then(|| voucher["units"].as_u64())?
    })
    .await;
    worker.kill().await;

    let redemptions = cast.redemptions(id).await;
    let counts: Vec<_> = redemptions.iter().map(|(units, _)| *units).collect();
    assert!(counts.windows(2).all(|pair| pair[0] < pair[1]), "a unit was paid twice: {counts:?}");
    assert_eq!(counts.last(), Some(&last), "what is proven is paid");
    let due = U256::from(last) * U256::from(RATE);
    assert_eq!(redemptions.iter().map(|(_, amount)| *amount).sum::<U256>(), due);
    assert_eq!(cast.balance(payee).await - before, due, "to the base unit");
}

async fn units_on_chain(cast: &Cast<'_>, id: EngagementId) -> u64 {
    cast.redemptions(id).await.last().map_or(0, |(units, _)| *units)
}

/// `piecework work` inside this process, so that it can die between any two requests.
struct Worker(JoinHandle<()>);

impl Worker {
    fn start(cast: &Cast<'_>, proxy: &Proxy) -> Self {
        let ready = &cast.dev.ready;
        let config = piecework_worker::Config {
            webhooks: piecework_worker::Reach::Public,
            chain_id: ready.chain_id,
            escrow: ready.escrow,
            policy: piecework_worker::Policy { pause: Duration::ZERO, gas_price_max: None },
            relay: Default::default(),
            poll_interval: Duration::from_millis(100),
            // What a dead worker had taken is another's soon.
            lease: Duration::from_secs(1),
        };
        let (database, url, signer) = (ready.database_url.clone(), proxy.url.clone(), cast.signer("operator"));
        Self(tokio::spawn(async move {
            let pool = piecework_store::connect(&database, 8).await.expect("the database answers");
            let provider = ProviderBuilder::new().connect_http(url.parse().unwrap()).erased();
            piecework_worker::run(pool, provider, signer, config, CancellationToken::new()).await.expect("runs");
        }))
    }

    /// Like `kill -9`: whatever it is waiting for, nothing of it happens any more.
    async fn kill(self) {
        self.0.abort();
        let ended = self.0.await;
        assert!(ended.is_err_and(|err| err.is_cancelled()), "the worker had ended by itself");
    }
}

/// An endpoint that can stop answering at a chosen request.
struct Proxy {
    url: String,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: String,
    http: reqwest::Client,
    /// As JSON spells it.
    operator: String,
    trap: Mutex<Option<Step>>,
    sprung: Notify,
    /// So many requests fail.
    failing: Mutex<u32>,
}

impl Proxy {
    async fn start(cast: &Cast<'_>) -> Self {
        let shared = Arc::new(Shared {
            upstream: cast.dev.ready.rpc_url.clone(),
            http: reqwest::Client::new(),
            operator: cast.address("operator").to_string().to_lowercase(),
            trap: Mutex::default(),
            sprung: Notify::new(),
            failing: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().route("/", post(forward)).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, shared }
    }

    async fn arm(&self, step: Step) {
        *self.shared.trap.lock().await = Some(step);
    }

    /// Whether the trap has sprung, waiting a little.
    async fn sprung(&self) -> Option<()> {
        tokio::time::timeout(Duration::from_millis(100), self.shared.sprung.notified()).await.ok()
    }

    async fn fail(&self, times: u32) {
        *self.shared.failing.lock().await = times;
    }
}

impl Shared {
    /// Never returns where the trap waits for this.
    async fn pass(&self, method: &str, body: &str, answered: bool) {
        let mut trap = self.trap.lock().await;
        let is_ours = method != "eth_getBalance" || body.to_lowercase().contains(&self.operator);
        if trap.is_some_and(|step| step.method == method && step.answered == answered) && is_ours {
            *trap = None;
            drop(trap);
            self.sprung.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

async fn forward(State(shared): State<Arc<Shared>>, body: Body) -> Result<String, StatusCode> {
    {
        let mut failing = shared.failing.lock().await;
        if let Some(left) = failing.checked_sub(1) {
            *failing = left;
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
    }
    let text = String::from_utf8_lossy(&body).into_owned();
    let request: Value = serde_json::from_str(&text).map_err(|_| StatusCode::BAD_REQUEST)?;
    let method = request["method"].as_str().unwrap_or_default();
    shared.pass(method, &text, false).await;
    let sent = shared.http.post(&shared.upstream).header("content-type", "application/json").body(text.clone()).send();
    let answer = sent.await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let answer = answer.text().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    shared.pass(method, &text, true).await;
    Ok(answer)
}
