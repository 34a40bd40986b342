//! An RPC endpoint that fails and lies, in front of one that does not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};

/// Longer than clients of the tests wait.
const TOO_LONG: Duration = Duration::from_millis(900);
/// One request in so many goes wrong.
const RARITY: u64 = 20;

#[derive(Clone)]
pub struct Faulty {
    behind: Arc<str>,
    client: reqwest::Client,
    dice: Arc<AtomicU64>,
    pub honest: Arc<AtomicBool>,
    /// Every block's bloom is empty and no log is told of: nothing contradicts itself but the hash.
    pub hides: Arc<AtomicBool>,
    pub faults: Arc<AtomicU64>,
}

/// Listens on loopback. Returns where, and the way to make it honest.
pub async fn start(behind: &str, seed: u64) -> (String, Faulty) {
    let faulty = Faulty {
        behind: behind.into(),
        client: reqwest::Client::new(),
        dice: Arc::new(AtomicU64::new(seed)),
        honest: Arc::default(),
        hides: Arc::default(),
        faults: Arc::default(),
    };
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a free port");
    let address = listener.local_addr().expect("has one");
    let router = Router::new().route("/", post(answer)).with_state(faulty.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}"), faulty)
}

async fn answer(State(faulty): State<Faulty>, body: Bytes) -> Response {
    let fault = faulty.fault();
    match fault {
        1 => return StatusCode::TOO_MANY_REQUESTS.into_response(),
        2 => {
            tokio::time::sleep(TOO_LONG).await;
            return StatusCode::GATEWAY_TIMEOUT.into_response();
        }
        3 => return "<html>bad gateway</html>".into_response(),
        _ => {}
    }
    let mut asked: Value = serde_json::from_slice(&body).expect("clients send JSON");
    if fault == 4 {
        for one in each(&mut asked) {
            faulty.look_back(one).await;
        }
    }
    let mut answered = faulty.forward(&asked).await;
    for one in each(&mut answered) {
        if faulty.hides.load(Ordering::Relaxed) {
            hide(&mut one["result"]);
        }
        spoil(&mut one["result"], fault, faulty.roll());
    }
    axum::Json(answered).into_response()
}

/// A request or all of a batch.
fn each(value: &mut Value) -> Vec<&mut Value> {
    match value {
        Value::Array(all) => all.iter_mut().collect(),
        one => vec![one],
    }
}

/// Makes an answer wrong the way nodes and load balancers do.
fn spoil(result: &mut Value, fault: u64, roll: u64) {
    let is_logs = result.as_array().is_some_and(|logs| logs.first().is_some_and(|log| log["topics"].is_array()));
    match (fault, result) {
        (5, Value::Array(logs)) if is_logs => {
            let keep = usize::try_from(roll).unwrap_or_default() % logs.len();
            logs.truncate(keep);
        }
        (6, Value::Array(logs)) if is_logs => logs.reverse(),
        (7, Value::Array(logs)) if is_logs => {
            let at = usize::try_from(roll).unwrap_or_default() % logs.len();
            logs.remove(at);
        }
        (8, result @ Value::Object(_)) => *result = Value::Null,
        (9, Value::Array(logs)) if is_logs => logs.push(logs[0].clone()),
        (10, Value::Object(block)) if block.contains_key("parentHash") => {
            block.insert("hash".to_owned(), json!(format!("0x{roll:064x}")));
        }
        (11, Value::Array(logs)) if is_logs => logs.clear(),
        _ => {}
    }
}

fn hide(result: &mut Value) {
    match result {
        Value::Array(logs) if logs.first().is_some_and(|log| log["topics"].is_array()) => logs.clear(),
        Value::Object(block) if block.contains_key("logsBloom") => {
            block.insert("logsBloom".to_owned(), json!(format!("0x{}", "0".repeat(512))));
        }
        _ => {}
    }
}

impl Faulty {
    fn roll(&self) -> u64 {
        let next = |dice: u64| dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.dice.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |dice| Some(next(dice))).unwrap_or_default() >> 33
    }

    /// What goes wrong with this request; 0 for nothing.
    fn fault(&self) -> u64 {
        if self.honest.load(Ordering::Relaxed) || !self.roll().is_multiple_of(RARITY) {
            return 0;
        }
        self.faults.fetch_add(1, Ordering::Relaxed);
        1 + self.roll() % 11
    }

    async fn forward(&self, asked: &Value) -> Value {
        let answered = self.client.post(&*self.behind).json(asked).send().await.expect("anvil answers");
        answered.json().await.expect("anvil sends JSON")
    }

    /// A node that is late: its newest block is an older one.
    async fn look_back(&self, asked: &mut Value) {
        let latest = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": [] });
        let number = self.forward(&latest).await["result"].clone();
        let number = u64::from_str_radix(number.as_str().unwrap_or("0x0").trim_start_matches("0x"), 16).unwrap_or(0);
        if let Some(at) = asked["params"].get_mut(0).filter(|at| at.as_str() == Some("latest")) {
            *at = json!(format!("{:#x}", number.saturating_sub(1 + self.roll() % 4)));
        }
    }
}
