//! One question over HTTP, as ordinary clients would put it.

use std::time::Duration;

use piecework_domain::rpc::{Outcome, Question};
use piecework_outbound::{Family, Names, Reach, is_own_failure};
use rand::seq::IndexedRandom;
use rand::{RngExt, rng};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::Error;
use crate::error::rpc;

/// What is kept of an answer's text.
const TEXT_BYTES_MAX: usize = 4_096;
/// Connections that wait for another question.
const IDLE_MAX: usize = 8;
const IDLE_FOR: Duration = Duration::from_secs(20);

pub struct Asker {
    /// Unpacks what is packed.
    unpacking: reqwest::Client,
    plain: reqwest::Client,
    reach: Reach,
}

/// What came of a question.
pub struct Answer {
    /// From the question to the whole answer, where there was one.
    pub latency: Option<Duration>,
    pub text: Option<String>,
    /// The result, or how it failed and in words.
    pub result: Result<Value, (Outcome, String)>,
}

#[derive(Deserialize)]
struct Response {
    id: Value,
    result: Option<Value>,
    error: Option<Value>,
}

impl Asker {
    pub fn new(private_allowed: bool) -> Result<Self, Error> {
        let (reach, names) = (Reach::allowing_private(private_allowed), Names::new(Family::V4));
        let client = |unpacks: bool| {
            let builder = reach.client(&names).gzip(unpacks).deflate(unpacks);
            let builder = builder.pool_max_idle_per_host(IDLE_MAX).pool_idle_timeout(IDLE_FOR);
            builder.build().map_err(rpc("making an HTTP client"))
        };
        Ok(Self { unpacking: client(true)?, plain: client(false)?, reach })
    }

    /// Reads at most `bytes_max` of an answer. An error is this verifier's own.
    pub async fn ask(
        &self,
        url: &str,
        question: &Question,
        timeout: Duration,
        bytes_max: usize,
    ) -> Result<Answer, Error> {
        self.call(url, question.method(), &question.params(), timeout, bytes_max).await
    }

    pub async fn call(
        &self,
        url: &str,
        method: &str,
        params: &Value,
        timeout: Duration,
        bytes_max: usize,
    ) -> Result<Answer, Error> {
        let fail = |outcome, detail: String| Ok(Answer { latency: None, text: None, result: Err((outcome, detail)) });
        let Ok(parsed) = url.parse::<reqwest::Url>() else {
            return fail(Outcome::Unreachable, "the endpoint is no URL".to_owned());
        };
        // Names are checked where they are resolved. Not every verifier has IPv6, and all must find the same.
        if let Err(refusal) = self.reach.check(&parsed, Family::V4) {
            return fail(Outcome::Unreachable, refusal.to_owned());
        }
        let dialect = Dialect::any();
        let (headers, body, id) = dialect.put(method, params);
        let http = if dialect.encoding.is_some() { &self.unpacking } else { &self.plain };
        let began = Instant::now();
        let request = http.post(parsed).headers(headers).body(body).timeout(timeout);
        let (status, bytes) = match read(request, bytes_max).await {
            Ok(read) => read,
            Err(Unread::TooLong) => return fail(Outcome::Unreadable, format!("more than {bytes_max} bytes")),
            Err(Unread::Failed(err)) if err.is_timeout() => {
                return fail(Outcome::TimedOut, format!("no answer within {} ms", timeout.as_millis()));
            }
            Err(Unread::Failed(err)) if is_own_failure(&err) => {
                return Err(rpc("connecting from here")(err.without_url()));
            }
            // Without the URL: what it holds is the runner's.
            Err(Unread::Failed(err)) => return fail(Outcome::Unreachable, err.without_url().to_string()),
        };
        let latency = Some(began.elapsed());
        let text = Some(String::from_utf8_lossy(&bytes[..bytes.len().min(TEXT_BYTES_MAX)]).into_owned());
        let result = match serde_json::from_slice::<Response>(&bytes) {
            _ if !status.is_success() => Err((Outcome::Refused, format!("HTTP {status}"))),
            Ok(response) if response.id != id => Err((Outcome::Unreadable, "another question's id".to_owned())),
            Ok(Response { error: Some(error), .. }) => Err((Outcome::Refused, error.to_string())),
            Ok(response) => Ok(response.result.unwrap_or(Value::Null)),
            Err(err) => Err((Outcome::Unreadable, err.to_string())),
        };
        Ok(Answer { latency, text, result })
    }
}

enum Unread {
    TooLong,
    Failed(reqwest::Error),
}

async fn read(request: reqwest::RequestBuilder, bytes_max: usize) -> Result<(reqwest::StatusCode, Vec<u8>), Unread> {
    let mut response = request.send().await.map_err(Unread::Failed)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Unread::Failed)? {
        if bytes.len() + chunk.len() > bytes_max {
            return Err(Unread::TooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((response.status(), bytes))
}

/// How a common client library writes its requests: an endpoint that would answer probes alone finds nothing to tell them by.
struct Dialect {
    user_agent: Option<&'static str>,
    accept: &'static str,
    /// Packings that it asks for.
    encoding: Option<&'static str>,
    body: fn(id: &Value, method: &str, params: &Value) -> String,
}

const DIALECTS: [Dialect; 4] = [
    // viem, on node's fetch
    Dialect {
        user_agent: Some("node"),
        accept: "*/*",
        encoding: Some("gzip, deflate"),
        body: |id, method, params| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#),
    },
    // ethers
    Dialect {
        user_agent: Some("ethers/6.16.0"),
        accept: "*/*",
        encoding: Some("gzip"),
        body: |id, method, params| format!(r#"{{"method":"{method}","params":{params},"id":{id},"jsonrpc":"2.0"}}"#),
    },
    // go-ethereum
    Dialect {
        user_agent: Some("Go-http-client/1.1"),
        accept: "application/json",
        encoding: Some("gzip"),
        body: |id, method, params| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#),
    },
    // alloy
    Dialect {
        user_agent: None,
        accept: "*/*",
        encoding: None,
        body: |id, method, params| format!(r#"{{"method":"{method}","params":{params},"id":{id},"jsonrpc":"2.0"}}"#),
    },
];

impl Dialect {
    fn any() -> &'static Self {
        DIALECTS.choose(&mut rng()).unwrap_or(&DIALECTS[0])
    }

    fn put(&self, method: &str, params: &Value) -> (HeaderMap, String, Value) {
        let id = Value::from(rng().random_range(1..10_000_u32));
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static(self.accept));
        if let Some(encoding) = self.encoding {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(encoding));
        }
        if let Some(agent) = self.user_agent {
            headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        }
        let body = (self.body)(&id, method, params);
        (headers, body, id)
    }
}
