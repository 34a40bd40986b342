//! What the cases act on: two bounties, one of them full, an engagement, and a reading of everything a request could change.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use futures::future::join_all;
use piecework_client::Engagement;
use piecework_domain::ids::BountyId;
use piecework_domain::messages::{Award, Bid};
use piecework_domain::money::{Amount, NATIVE};
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::{Bytes, U256};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::{Value, json};

use crate::cast::{Cast, eventually};

/// Who judges here: keys that no verifier of `dev` has, so nothing is judged unless a case does it.
pub const JUDGES: [&str; 2] = ["runner2", "node2"];
/// Signs evidence here: a key that no companion of `dev` has, so nothing is claimed unless a case does it.
pub const NODE: &str = "payee1";
pub const STRANGER: &str = "operator";

/// An answer as it came over the wire.
pub struct Answer {
    pub status: u16,
    content_type: String,
    pub body: Value,
}

pub struct World<'a> {
    pub cast: &'a Cast<'a>,
    http: reqwest::Client,
    /// Posted, awarded by its poster, nobody engaged.
    pub open: Terms,
    pub open_id: BountyId,
    /// Posted, open for claims, its only seat taken by `engagement`.
    pub full_id: BountyId,
    pub engagement: Engagement,
    /// The bid on `full` that was not chosen.
    pub rival: Bid,
    state: Mutex<Value>,
    complaints: Mutex<Vec<String>>,
    /// Failures of the API before the first case: until a block is indexed it rightly says 503.
    failures: BTreeSet<String>,
}

impl<'a> World<'a> {
    pub async fn set_up(cast: &'a Cast<'a>) -> Self {
        let now = cast.now().await;
        let mut open = cast.terms(now, 1);
        // Enough to be worth relaying.
        open.rate_max = 1_000_000_000_000;
        open.bond = 1_000;
        open.fault_penalty = 10;
        // Long enough to stay active to the last case.
        open.units_max = 100_000;
        open.verifier_set = judges(cast).hash();
        let full = Terms { open_claim: true, salt: Amount::from(2), ..open.clone() };
        let (open_id, full_id) = (cast.bounty_id(&open), cast.bounty_id(&full));
        for terms in [&open, &full] {
            let offer = json!({ "terms": terms, "verifiers": judges(cast), "spec": cast.spec() });
            let refused = cast.api.post::<Value>("/v1/bounties", &offer).await.expect_err("is unpaid");
            assert_eq!(refused.code(), Some("payment_required"));
            let deposit = piecework_contracts::deposit_address(cast.dev.ready.escrow, cast.bounty_id(terms));
            cast.send("poster", deposit, terms.cost(JUDGES.len()).unwrap().0, Bytes::new()).await;
        }
        for id in [open_id, full_id] {
            eventually("the bounty is posted", 30, || async { cast.bounty(id).await.ok() }).await;
        }

        let runner = cast.address("runner1");
        let bond = piecework_contracts::deposit_call(NATIVE, runner, full.bond.into());
        cast.send("runner1", cast.dev.ready.escrow, U256::from(full.bond), bond).await;
        let chosen = Bid { node: cast.address(NODE), ..cast.bid(full_id, &full) };
        let rival = Bid { runner: cast.address("runner2"), ..cast.bid(full_id, &full) };
        for (role, bid) in [("runner1", &chosen), ("runner2", &rival)] {
            let body = json!({ "bid": bid, "signature": cast.sign(role, bid.digest(&cast.domain)) });
            cast.api.post::<Value>(&format!("/v1/bounties/{full_id}/bids"), &body).await.expect("the bid is taken");
        }
        let award = Award { bounty: full_id, bid: chosen.engagement_id(), expires_at: full.open_until, spare: false };
        let body = json!({ "award": award, "signature": cast.sign("poster", award.digest(&cast.domain)) });
        cast.api.post::<Value>(&format!("/v1/bounties/{full_id}/awards"), &body).await.expect("the award is taken");
        let engagement = cast.engaged(award.bid).await;

        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        let (state, complaints) = (Mutex::default(), Mutex::default());
        let world = Self {
            cast,
            http,
            open,
            open_id,
            full_id,
            engagement,
            rival,
            state,
            complaints,
            failures: BTreeSet::new(),
        };
        let state = world.read().await;
        *world.state.lock().unwrap() = state;
        let failures = world.failures().await;
        Self { failures, ..world }
    }

    /// What the API counted of its own failures, in an order of its own: metrics come in any.
    async fn failures(&self) -> BTreeSet<String> {
        let metrics = self.get("/metrics").await.body;
        let lines = metrics.as_str().expect("metrics are text").lines();
        lines.filter(|line| line.contains("status=\"5")).map(str::to_owned).collect()
    }

    pub fn judges(&self) -> VerifierSet {
        judges(self.cast)
    }

    /// An offer that only lacks its payment: what a case spoils.
    pub fn terms(&self) -> Terms {
        Terms { salt: Amount::from(3), ..self.open.clone() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], vec![]).await
    }

    pub async fn post(&self, path: &str, body: &impl Serialize) -> Answer {
        self.json(Method::POST, path, serde_json::to_vec(body).unwrap()).await
    }

    pub async fn json(&self, method: Method, path: &str, body: Vec<u8>) -> Answer {
        self.send(method, path, &[("content-type", "application/json")], body).await
    }

    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let url = format!("{}{path}", self.cast.dev.ready.api_url);
        let request = headers.iter().fold(self.http.request(method, url), |r, (name, value)| r.header(*name, *value));
        let response =
            request.body(body).send().await.unwrap_or_else(|err| panic!("no answer to {path:.200}: {err:?}"));
        let status = response.status().as_u16();
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
        let text = response.text().await.unwrap_or_else(|err| panic!("no whole answer to {path:.200}: {err:?}"));
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status, content_type, body }
    }

    /// `answer` is the problem `code`, and everything is as it was. Returns the detail.
    pub async fn refused(&self, what: &str, answer: Answer, status: u16, code: &str) -> String {
        let Answer { status: got, content_type, body } = &answer;
        let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
        let clear = *got == status
            && content_type == "application/problem+json"
            && body["status"] == status
            && body["retryable"] == false
            && text("code") == code
            && text("type") == format!("/docs/errors#{code}")
            && !text("title").is_empty()
            && !text("detail").is_empty();
        if !clear {
            self.complain(format!("{what}: expected {status} {code}, got {got} {content_type:?} {body:.400}"));
        }
        let now = self.read().await;
        let before = std::mem::replace(&mut *self.state.lock().unwrap(), now.clone());
        if now != before {
            self.complain(format!("{what}: changed something\nbefore: {before}\nafter: {now}"));
        }
        text("detail")
    }

    /// A good request between the bad ones. What it changed is what must stay.
    pub async fn accepted(&self, what: &str, answer: Answer, status: u16) -> Value {
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
        let now = self.read().await;
        *self.state.lock().unwrap() = now;
        answer.body
    }

    pub fn complain(&self, complaint: String) {
        eprintln!("! {complaint}");
        self.complaints.lock().unwrap().push(complaint);
    }

    /// Nothing went wrong inside, nothing came of the bad requests later, and every case was as expected.
    pub async fn finish(&self) {
        let since = self.cast.now().await;
        eventually("the worker has had its turn", 30, || async {
            (self.cast.now().await >= since.plus(3)).then_some(())
        })
        .await;
        let (now, before) = (self.read().await, self.state.lock().unwrap().clone());
        assert_eq!(now, before, "something came of the bad requests later");

        assert_eq!(self.failures().await, self.failures, "the API failed inside");

        let complaints = self.complaints.lock().unwrap();
        assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
    }

    /// All that requests could change. What changes by itself, as blocks come, is left out.
    async fn read(&self) -> Value {
        let (open, full, engagement) = (self.open_id, self.full_id, self.engagement.id);
        let paths = [
            "/v1/bounties?limit=100".to_owned(),
            "/v1/engagements?limit=100".to_owned(),
            "/v1/stats".to_owned(),
            format!("/v1/bounties/{open}/bids"),
            format!("/v1/bounties/{full}/bids"),
            format!("/v1/engagements/{engagement}/epochs?limit=100"),
            format!("/v1/engagements/{engagement}/payouts"),
            format!("/v1/engagements/{engagement}/claims?from=0&to={}", 1_u64 << 53),
        ];
        let answers = join_all(paths.iter().map(|path| self.get(path))).await;
        let read = paths.iter().zip(answers).map(|(path, answer)| {
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
            let mut body = answer.body;
            settle(&mut body);
            (path.clone(), body)
        });
        Value::Object(read.collect())
    }
}

fn judges(cast: &Cast<'_>) -> VerifierSet {
    let mut members: Vec<_> = JUDGES.iter().map(|role| cast.address(role)).collect();
    members.sort();
    VerifierSet { threshold: 2, members }
}

/// Takes out how far the mirror is, and epochs that nobody judged.
fn settle(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("chain");
            fields.values_mut().for_each(settle);
        }
        Value::Array(items) => {
            items.retain(|item| item["findings"] != json!([]));
            items.iter_mut().for_each(settle);
        }
        _ => {}
    }
}
