//! Webhooks: signed so that the stock library verifies them, in order, again until taken, and never where they must not lead.

use std::process::Stdio;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::cast::{Cast, eventually};
use crate::dev::Dev;
use crate::interop::command;
use crate::sessions::Door;

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_told_to_who_asked_signed_in_order_until_it_is_taken() {
    let dev = Dev::start_without(&["verify", "run"]);
    let cast = Cast::of(&dev);
    let door = Door::new(&cast).await;
    let receiver = Receiver::start().await;
    let owner = Owner::sign_in(&door, "poster", &["urn:piecework:scope:webhooks"]).await;
    who_may_have_webhooks(&door, &owner, &receiver).await;

    let ok = owner.hook(&receiver, "/ok").await;
    let flaky = owner.hook(&receiver, "/flaky").await;
    let gone = owner.hook(&receiver, "/gone").await;
    let redirect = owner.hook(&receiver, "/redirect").await;
    let terms = cast.terms(cast.now().await, 1);
    let bounty = cast.post_itself(&terms).await;

    let told = eventually("the events are told", 30, || receiver.told_of(&ok, "posted")).await;
    let (_, posted) = told.iter().find(|(_, message)| message["type"] == "posted").unwrap();
    assert_eq!(posted["data"]["bounty"], json!(bounty), "{posted}");
    assert!(posted["timestamp"].is_string() && posted["data"]["data"]["blockHash"].is_string(), "{posted}");
    assert!(told.is_sorted_by_key(|(seq, _)| *seq), "{told:?}");
    let told = eventually("a message that was refused comes again", 30, || receiver.told_of(&flaky, "posted")).await;
    assert_eq!(told[0].0, told[1].0, "the same one, before any other: {told:?}");

    let view = eventually("a receiver that is gone is asked no more", 30, || owner.view_if(&gone, "disabled")).await;
    assert_eq!((&view["disabled"], receiver.count(&gone).await), (&json!("gone"), 1), "{view}");
    let view = eventually("a redirect is a failure", 30, || owner.view_if(&redirect, "lastError")).await;
    assert_eq!((&view["lastError"], &view["disabled"]), (&json!("HTTP 302 Found"), &Value::Null), "{view}");
    assert!(view["failures"].as_u64() >= Some(1) && view["failingSince"].is_string(), "{view}");

    // Told once more, the same by the same ids, from where the owner says.
    let before = receiver.count(&ok).await;
    assert_eq!(owner.ask(Method::POST, &ok.path("/resume"), Some(json!({ "after": 0 }))).await.status, 204);
    eventually("all is told again", 30, || async { (receiver.count(&ok).await >= 2 * before).then_some(()) }).await;
    let all = receiver.told(&ok.path, &ok.secret).await;
    assert!(all.iter().all(|(seq, _)| *seq > 0), "{all:?}");
    assert_eq!(all.iter().filter(|(_, message)| message["type"] == "posted").count(), 2);

    // A receiver that knows the old secret and one that knows the new one both believe what comes now.
    let rotated = owner.ask(Method::POST, &ok.path("/rotate"), None).await;
    let new = rotated.text("secret");
    assert_ne!(new, ok.secret);
    cast.post_itself(&cast.terms(cast.now().await, 2)).await;
    for secret in [&new, &ok.secret] {
        eventually("the next bounty is told", 30, || async {
            let told = receiver.told(&ok.path, secret).await;
            told.iter()
                .rev()
                .find(|(_, message)| message["type"] == "posted" && message["data"]["bounty"] != json!(bounty))?;
            Some(())
        })
        .await;
    }

    assert_eq!(owner.ask(Method::DELETE, &ok.path(""), None).await.status, 204);
    assert!(owner.ask(Method::GET, &ok.path(""), None).await.is(404, "webhook_not_found"));
    let listed = owner.ask(Method::GET, "/v1/webhooks", None).await.body;
    assert_eq!(listed["items"].as_array().unwrap().len(), 3, "{listed}");
    assert!(!listed.to_string().contains("whsec_"), "secrets are told once");
}

async fn who_may_have_webhooks(door: &Door<'_>, owner: &Owner<'_>, receiver: &Receiver) {
    let body = json!({ "url": receiver.url("/once"), "account": door.cast.address("poster"), "names": ["posted"] });
    let answer = door.ask(Method::POST, "/v1/webhooks", None, Some(body.clone())).await;
    assert_eq!(answer.status, 401, "{}", answer.body);
    let narrow = Owner::sign_in(door, "runner1", &["urn:piecework:scope:sessions"]).await;
    assert!(narrow.ask(Method::POST, "/v1/webhooks", Some(body.clone())).await.is(403, "insufficient_scope"));

    let first = owner.ask(Method::POST, "/v1/webhooks", Some(body.clone())).await;
    assert_eq!(first.status, 201, "{}", first.body);
    assert!(owner.ask(Method::POST, "/v1/webhooks", Some(body.clone())).await.is(409, "webhook_exists"));
    let path = format!("/v1/webhooks/{}", first.text("id"));
    let stranger = Owner::sign_in(door, "runner2", &[]).await;
    for (method, rest, body) in [
        (Method::GET, "", None),
        (Method::DELETE, "", None),
        (Method::POST, "/rotate", None),
        (Method::POST, "/resume", Some(json!({}))),
    ] {
        let answer = stranger.ask(method.clone(), &format!("{path}{rest}"), body).await;
        assert!(answer.is(404, "webhook_not_found"), "{method} {rest}: {}", answer.body);
    }
    for (field, value, code) in [
        ("url", json!("ftp://agent.example/"), "invalid_webhook_url"),
        ("url", json!("https://me:secret@agent.example/"), "invalid_webhook_url"),
        ("names", json!(["postd"]), "unknown_event"),
        ("names", json!([]), "unknown_event"),
        ("bounty", json!(piecework_domain::B256::ZERO), "too_many_filters"),
        ("account", json!("0x12"), "malformed_id"),
    ] {
        let mut bad = body.clone();
        bad[field] = value;
        let answer = owner.ask(Method::POST, "/v1/webhooks", Some(bad)).await;
        assert_eq!(answer.body["code"], code, "{field}: {}", answer.body);
    }
    assert_eq!(owner.ask(Method::DELETE, &path, None).await.status, 204);
    for n in 0..20 {
        let mut body = body.clone();
        body["url"] = format!("https://agent{n}.example/").into();
        assert_eq!(stranger.ask(Method::POST, "/v1/webhooks", Some(body)).await.status, 201, "{n}");
    }
    assert!(stranger.ask(Method::POST, "/v1/webhooks", Some(body)).await.is(409, "too_many_webhooks"));
}

struct Owner<'a> {
    door: &'a Door<'a>,
    token: String,
    role: &'static str,
}

struct Hook {
    id: String,
    secret: String,
    path: String,
}

impl Hook {
    fn path(&self, rest: &str) -> String {
        format!("/v1/webhooks/{}{rest}", self.id)
    }
}

impl<'a> Owner<'a> {
    async fn sign_in(door: &'a Door<'a>, role: &'static str, scopes: &[&'static str]) -> Self {
        let mut message = door.message(door.cast.address(role)).await;
        message.resources = scopes.to_vec();
        let token = door.signs_in(role, &message).await.text("accessToken");
        Self { door, token, role }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> crate::sessions::Answer {
        self.door.ask(method, path, Some(&self.token), body).await
    }

    /// All of the owner's events, to one path of the receiver.
    async fn hook(&self, receiver: &Receiver, path: &str) -> Hook {
        let body = json!({ "url": receiver.url(path), "account": self.door.cast.address(self.role) });
        let answer = self.ask(Method::POST, "/v1/webhooks", Some(body)).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        Hook { id: answer.text("id"), secret: answer.text("secret"), path: path.to_owned() }
    }

    async fn view_if(&self, hook: &Hook, field: &str) -> Option<Value> {
        let answer = self.ask(Method::GET, &hook.path(""), None).await;
        answer.body[field].is_string().then_some(answer.body)
    }
}

/// The stock library of others, listening (`tests/interop/webhooks.mjs`).
struct Receiver {
    port: u16,
    _process: tokio::process::Child,
}

impl Receiver {
    async fn start() -> Self {
        let mut process = command("webhooks.mjs", &[]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines.next_line().await.unwrap().expect("it prints its port").parse().unwrap();
        Self { port, _process: process }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What came to a path, by the event's number; each verified by its secret.
    async fn told(&self, path: &str, secret: &str) -> Vec<(u64, Value)> {
        let query = [("path", path), ("secret", secret)];
        let answer = reqwest::Client::new().get(self.url("/messages")).query(&query).send().await.unwrap();
        let messages: Vec<Value> = answer.json().await.unwrap();
        let verified = messages.into_iter().filter(|message| !message["verified"].is_null());
        verified
            .map(|message| {
                let seq = message["id"].as_str().unwrap().strip_prefix("evt_").unwrap().parse().unwrap();
                assert_eq!(message["verified"]["data"]["seq"], json!(seq));
                (seq, message["verified"].clone())
            })
            .collect()
    }

    async fn told_of(&self, hook: &Hook, name: &str) -> Option<Vec<(u64, Value)>> {
        let told = self.told(&hook.path, &hook.secret).await;
        let wanted = told.iter().filter(|(_, message)| message["type"] == name).count();
        // The first of the flaky path is refused: it is there twice.
        (wanted > 0 && (hook.path != "/flaky" || told.len() > 2)).then_some(told)
    }

    async fn count(&self, hook: &Hook) -> usize {
        self.told(&hook.path, &hook.secret).await.len()
    }
}
