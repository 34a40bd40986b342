//! Endpoints that are not what they should be.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use piecework_toolchain::anvil::{Anvil, AnvilOptions};
use serde_json::{Value, json};

/// What is wrong with an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Says that the chain is so many blocks shorter.
    Stale(u64),
    /// Leaves out the last log.
    Truncates,
    /// Makes its answers up, at once.
    FastAndWrong,
    /// Right, but late.
    Slow(Duration),
    /// Never answers.
    Silent,
    /// Passes everything on to a node that another runner is paid for, some way off.
    Proxies(Duration),
    /// Answers whoever doesn't look like an application.
    ProbesOnly,
}

/// An endpoint in front of a real node.
pub struct Server {
    pub url: String,
    task: tokio::task::JoinHandle<()>,
}

/// A chain of the same id and length with other blocks.
pub struct Fork {
    pub url: String,
    task: tokio::task::JoinHandle<()>,
    _anvil: Anvil,
    _dir: tempfile::TempDir,
}

impl Fork {
    pub async fn of(node_url: &str) -> Self {
        let node = ProviderBuilder::new().connect_http(node_url.parse().unwrap());
        let chain_id = node.get_chain_id().await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let tools = piecework_toolchain::ensure_installed().unwrap();
        let options = AnvilOptions { chain_id, port: 0, block_seconds: 0, safe_depth: 1 };
        let anvil = Anvil::start(&tools, dir.path(), "fork", options).unwrap();
        let url = anvil.rpc_url.clone();
        let fork = ProviderBuilder::new().connect_http(url.parse().unwrap());
        let task = tokio::spawn(async move {
            loop {
                let (behind, ahead) = (fork.get_block_number().await.unwrap(), node.get_block_number().await.unwrap());
                if let Some(missing) = ahead.checked_sub(behind).filter(|missing| *missing > 0) {
                    let count = json!([format!("{missing:#x}")]);
                    fork.raw_request::<_, Value>("anvil_mine".into(), count).await.unwrap();
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        Self { url, task, _anvil: anvil, _dir: dir }
    }
}

struct Behind {
    manner: Manner,
    node: DynProvider,
    /// The newest block when it was last asked for.
    known: Mutex<Value>,
}

impl Server {
    pub async fn start(manner: Manner, node_url: &str) -> Self {
        let node = ProviderBuilder::new().connect_http(node_url.parse().unwrap()).erased();
        let behind = Arc::new(Behind { manner, node, known: Mutex::default() });
        let app = Router::new().route("/", post(answer)).with_state(behind);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, task }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Drop for Fork {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(behind): State<Arc<Behind>>, headers: HeaderMap, Json(asked): Json<Value>) -> Response {
    let (method, params) = (asked["method"].as_str().unwrap().to_owned(), asked["params"].clone());
    let result = match behind.manner {
        Manner::Stale(blocks) => behind.stale(blocks, &method, params).await,
        Manner::Truncates => {
            let mut result = behind.ask(&method, params).await;
            if method == "eth_getLogs" {
                result.as_array_mut().map(Vec::pop);
            }
            result
        }
        Manner::FastAndWrong => behind.invented(&method, &params).await,
        Manner::Slow(late) => {
            tokio::time::sleep(late).await;
            behind.ask(&method, params).await
        }
        Manner::Proxies(late) => {
            tokio::time::sleep(late).await;
            match behind.node.raw_request::<_, Value>(method.into(), params).await {
                Ok(result) => result,
                Err(err) => {
                    let error = json!(err.as_error_resp());
                    return Json(json!({ "jsonrpc": "2.0", "id": asked["id"], "error": error })).into_response();
                }
            }
        }
        Manner::Silent => std::future::pending().await,
        Manner::ProbesOnly if is_application(&headers) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Manner::ProbesOnly => behind.ask(&method, params).await,
    };
    Json(json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result })).into_response()
}

/// Whether these are headers that common libraries send.
fn is_application(headers: &HeaderMap) -> bool {
    let agent = headers.get(header::USER_AGENT).map(|agent| agent.to_str().unwrap_or_default());
    agent.is_none_or(|agent| ["node", "ethers/", "Go-http-client/"].iter().any(|known| agent.starts_with(known)))
}

impl Behind {
    async fn ask(&self, method: &str, params: Value) -> Value {
        self.node.raw_request(method.to_owned().into(), params).await.unwrap_or(Value::Null)
    }

    async fn stale(&self, blocks: u64, method: &str, params: Value) -> Value {
        let head: String = serde_json::from_value(self.ask("eth_blockNumber", json!([])).await).unwrap();
        let head = u64::from_str_radix(head.trim_start_matches("0x"), 16).unwrap();
        let old = json!(format!("{:#x}", head.saturating_sub(blocks)));
        match method {
            "eth_blockNumber" => old,
            "eth_getBlockByNumber" if params[0] == "latest" => self.ask(method, json!([old, params[1]])).await,
            _ => self.ask(method, params).await,
        }
    }

    /// Plausible shapes, without a look at the chain.
    async fn invented(&self, method: &str, params: &Value) -> Value {
        let known = self.known.lock().unwrap().clone();
        let mut block = match known {
            Value::Null => {
                let block = self.ask("eth_getBlockByNumber", json!(["latest", false])).await;
                *self.known.lock().unwrap() = block.clone();
                block
            }
            known => known,
        };
        match method {
            "eth_blockNumber" => block["number"].clone(),
            "eth_getBlockByNumber" | "eth_getBlockByHash" => {
                if params[0] != "latest" {
                    block["number"] = params[0].clone();
                }
                block
            }
            "eth_getProof" => json!({
                "address": params[0], "accountProof": [], "balance": "0x1", "nonce": "0x0",
                "codeHash": "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
                "storageHash": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421", "storageProof": []
            }),
            _ => json!([]),
        }
    }
}
