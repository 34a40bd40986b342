//! Sign-In with Ethereum: who signed is signed in, for what was signed, once, until it is over.

use alloy::hex;
use alloy::providers::Provider;
use alloy::signers::SignerSync;
use piecework_domain::{Address, Bytes};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::cast::Cast;
use crate::dev::Dev;
use crate::interop::script;

/// PUSH4 1626ba7e PUSH1 e0 SHL PUSH0 MSTORE PUSH1 20 PUSH0 RETURN: an account that approves of everything.
const YES: &str = "0x631626ba7e60e01b5f5260205ff3";

#[tokio::test(flavor = "multi_thread")]
async fn who_signed_is_signed_in_for_what_was_signed_once_until_it_is_over() {
    let dev = Dev::start_without(&["work", "verify", "run"]);
    let cast = Cast::of(&dev);
    let door = Door::new(&cast).await;
    stock_libraries_sign_in(&door).await;
    messages_that_mean_something_else_are_refused(&door).await;
    a_nonce_is_good_once(&door).await;
    a_refresh_token_used_twice_ends_the_session(&door).await;
    a_thief_that_refreshes_much_is_found_out_all_the_same(&door).await;
    a_session_does_what_it_is_for_and_ends(&door).await;
    contracts_sign_in_when_they_say_so(&door).await;
}

pub struct Door<'a> {
    pub cast: &'a Cast<'a>,
    http: reqwest::Client,
    domain: String,
}

pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
}

impl Answer {
    pub fn is(&self, status: u16, code: &str) -> bool {
        self.status == status && self.body["code"] == code
    }

    pub fn text(&self, field: &str) -> String {
        self.body[field].as_str().unwrap_or_else(|| panic!("no {field}: {}", self.body)).to_owned()
    }
}

/// A message to sign, by the letter.
#[derive(Clone)]
pub struct Message {
    domain: String,
    address: String,
    uri: String,
    chain_id: u64,
    nonce: String,
    issued_at: OffsetDateTime,
    until: Option<OffsetDateTime>,
    pub resources: Vec<&'static str>,
}

impl Message {
    fn text(&self) -> String {
        let time = |at: OffsetDateTime| at.format(&Rfc3339).unwrap();
        let Self { domain, address, uri, chain_id, nonce, issued_at, .. } = self;
        let mut text = format!(
            "{domain} wants you to sign in with your Ethereum account:\n{address}\n\nSign in.\n\nURI: {uri}\nVersion: 1\n\
             Chain ID: {chain_id}\nNonce: {nonce}\nIssued At: {}",
            time(*issued_at)
        );
        if let Some(until) = self.until {
            text += &format!("\nExpiration Time: {}", time(until));
        }
        if !self.resources.is_empty() {
            text += "\nResources:";
            text.extend(self.resources.iter().map(|resource| format!("\n- {resource}")));
        }
        text
    }
}

impl<'a> Door<'a> {
    pub async fn new(cast: &'a Cast<'a>) -> Self {
        let domain = cast.dev.ready.api_url.trim_start_matches("http://").to_owned();
        Self { cast, http: reqwest::Client::new(), domain }
    }

    pub async fn ask(&self, method: Method, path: &str, token: Option<&str>, body: Option<Value>) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.cast.dev.ready.api_url));
        request = token.into_iter().fold(request, |request, token| request.bearer_auth(token));
        request = body.into_iter().fold(request, |request, body| request.json(&body));
        let answer = request.send().await.unwrap();
        let status = answer.status();
        if status == 401 {
            assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        }
        Answer { status, body: answer.json().await.unwrap_or(Value::Null) }
    }

    async fn nonce(&self) -> String {
        self.ask(Method::POST, "/v1/auth/nonce", None, None).await.text("nonce")
    }

    pub async fn message(&self, account: Address) -> Message {
        Message {
            domain: self.domain.clone(),
            address: account.to_string(),
            uri: format!("http://{}", self.domain),
            chain_id: self.cast.dev.ready.chain_id,
            nonce: self.nonce().await,
            issued_at: OffsetDateTime::now_utc(),
            until: None,
            resources: vec![],
        }
    }

    fn signed(&self, role: &str, text: &str) -> Bytes {
        self.cast.signer(role).sign_message_sync(text.as_bytes()).unwrap().as_bytes().to_vec().into()
    }

    async fn login(&self, text: &str, signature: &Bytes) -> Answer {
        let body = json!({ "message": text, "signature": signature });
        self.ask(Method::POST, "/v1/auth/login", None, Some(body)).await
    }

    pub async fn signs_in(&self, role: &str, message: &Message) -> Answer {
        let text = message.text();
        self.login(&text, &self.signed(role, &text)).await
    }

    async fn refresh(&self, token: &str) -> Answer {
        self.ask(Method::POST, "/v1/auth/refresh", None, Some(json!({ "refreshToken": token }))).await
    }

    async fn sessions(&self, token: &str) -> Answer {
        self.ask(Method::GET, "/v1/auth/sessions", Some(token), None).await
    }
}

async fn stock_libraries_sign_in(door: &Door<'_>) {
    let key = door.cast.dev.ready.data_dir.join("poster.siwe");
    std::fs::write(&key, &door.cast.dev.key("poster").private_key).unwrap();
    let (api, key) = (door.cast.dev.ready.api_url.clone(), key.display().to_string());
    for library in ["viem", "siwe"] {
        let answer = script("sign-in.mjs", &[&api, &key, library, "sessions"]).await;
        assert_eq!((&answer["status"], &answer["believed"]), (&json!(201), &json!(true)), "{library}: {answer}");
        let session = &answer["body"]["session"];
        assert_eq!(session["account"], json!(door.cast.address("poster")), "{library}: {answer}");
        assert_eq!(session["scopes"], json!(["sessions"]), "{library}: {answer}");
    }
    // As some wallets write it.
    let mut message = door.message(door.cast.address("poster")).await;
    message.address = message.address.to_lowercase();
    let answer = door.signs_in("poster", &message).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let mut message = door.message(door.cast.address("poster")).await;
    message.domain = format!("http://{}", message.domain);
    let answer = door.signs_in("poster", &message).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
}

async fn messages_that_mean_something_else_are_refused(door: &Door<'_>) {
    let poster = door.cast.address("poster");
    let (now, minute) = (OffsetDateTime::now_utc(), Duration::minutes(1));
    let cases: [(&str, fn(&mut Message, OffsetDateTime), &str); 11] = [
        ("another site's", |m, _| m.domain = "evil.example".to_owned(), "wrong_domain"),
        ("another site's URI", |m, _| m.uri = "http://evil.example".to_owned(), "wrong_domain"),
        ("another scheme than its URI's", |m, _| m.domain = format!("https://{}", m.domain), "wrong_domain"),
        ("another chain's", |m, _| m.chain_id += 1, "wrong_chain"),
        ("signed long ago", |m, now| m.issued_at = now - Duration::minutes(11), "message_expired"),
        ("signed in the future", |m, now| m.issued_at = now + Duration::minutes(2), "message_expired"),
        ("run out", |m, now| m.until = Some(now - Duration::seconds(1)), "message_expired"),
        ("for a scope that is none", |m, _| m.resources = vec!["urn:piecework:scope:all"], "unknown_scope"),
        ("with a bad nonce", |m, _| m.nonce = "a b".to_owned(), "invalid_message"),
        ("with a made-up nonce", |m, _| m.nonce = "00000000000000000000000000000000".to_owned(), "bad_nonce"),
        ("with a broken checksum", |m, _| m.address = m.address.replacen('C', "c", 1), "invalid_message"),
    ];
    for (what, change, code) in cases {
        let mut message = door.message(poster).await;
        change(&mut message, now);
        let answer = door.signs_in("poster", &message).await;
        let status = if code == "bad_nonce" { 401 } else { 422 };
        assert!(answer.is(status, code), "a message {what}: {} {}", answer.status, answer.body);
    }
    let message = door.message(poster).await;
    let text = message.text();
    let answer = door.login(&text, &door.signed("runner1", &text)).await;
    assert!(answer.is(422, "bad_signature"), "{}", answer.body);
    let answer = door.signs_in("poster", &message).await;
    assert!(answer.is(401, "bad_nonce"), "its nonce was good for one try: {}", answer.body);
    let message = door.message(poster).await;
    let text = message.text();
    let other = Message { until: Some(now + minute), ..message.clone() }.text();
    let answer = door.login(&other, &door.signed("poster", &text)).await;
    assert!(answer.is(422, "bad_signature"), "{}", answer.body);
    let message = door.message(poster).await;
    let answer = door.login(&"x".repeat(5_000), &door.signed("poster", &message.text())).await;
    assert!(answer.is(422, "invalid_message"), "{}", answer.body);
    let answer = door.signs_in("poster", &Message { chain_id: 1, ..message.clone() }).await;
    assert!(answer.is(422, "wrong_chain"), "{}", answer.body);
    // What was not meant for here used no nonce up.
    let answer = door.signs_in("poster", &message).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
}

async fn a_nonce_is_good_once(door: &Door<'_>) {
    let message = door.message(door.cast.address("runner1")).await;
    let text = message.text();
    let body = json!({ "message": text, "signature": door.signed("runner1", &text) });
    let url = format!("{}/v1/auth/login", door.cast.dev.ready.api_url);
    // At once, and with one Idempotency-Key: tokens are never told twice.
    let send = || async {
        let sent = door.http.post(&url).header("Idempotency-Key", "sign-in-1").json(&body).send().await.unwrap();
        assert!(!sent.headers().contains_key("idempotency-replayed"));
        (sent.status().as_u16(), sent.json::<Value>().await.unwrap())
    };
    let answers = futures::future::join_all((0..10).map(|_| send())).await;
    assert_eq!(answers.iter().filter(|(status, _)| *status == 201).count(), 1, "{answers:?}");
    let refused = answers.iter().filter(|(status, body)| *status == 401 && body["code"] == "bad_nonce").count();
    assert_eq!(refused, 9, "{answers:?}");
}

async fn a_refresh_token_used_twice_ends_the_session(door: &Door<'_>) {
    let first = door.signs_in("runner1", &door.message(door.cast.address("runner1")).await).await;
    let second = door.refresh(&first.text("refreshToken")).await;
    assert_eq!(second.status, 200, "{}", second.body);
    assert_eq!(second.body["session"], first.body["session"]);
    let third = door.refresh(&second.text("refreshToken")).await;
    assert_eq!(door.sessions(&third.text("accessToken")).await.status, 200);
    assert_eq!(door.sessions(&first.text("accessToken")).await.status, 200, "an access token lives as long as it says");

    let stolen = door.refresh(&second.text("refreshToken")).await;
    assert!(stolen.is(401, "refresh_reused"), "{}", stolen.body);
    for answer in [&first, &second, &third] {
        let over = door.sessions(&answer.text("accessToken")).await;
        assert!(over.is(401, "session_over"), "{}", over.body);
    }
    let newest = door.refresh(&third.text("refreshToken")).await;
    assert!(newest.is(401, "bad_refresh_token"), "{}", newest.body);
    let made_up = door.refresh(&"0".repeat(64)).await;
    assert!(made_up.is(401, "bad_refresh_token"), "{}", made_up.body);
}

async fn a_thief_that_refreshes_much_is_found_out_all_the_same(door: &Door<'_>) {
    let stolen = door.signs_in("runner1", &door.message(door.cast.address("runner1")).await).await.text("refreshToken");
    let mut newest = stolen.clone();
    let mut answer = door.refresh(&newest).await;
    let mut refreshed = 0;
    while answer.status == 200 {
        (newest, refreshed) = (answer.text("refreshToken"), refreshed + 1);
        assert!(refreshed <= 110, "there is no end to it");
        answer = door.refresh(&newest).await;
    }
    assert!(answer.is(429, "refreshed_too_often") && refreshed >= 100, "{refreshed}: {}", answer.body);
    let owner = door.refresh(&stolen).await;
    assert!(owner.is(401, "refresh_reused"), "{}", owner.body);
    let thief = door.refresh(&newest).await;
    assert!(thief.is(401, "bad_refresh_token"), "{}", thief.body);
}

async fn a_session_does_what_it_is_for_and_ends(door: &Door<'_>) {
    let account = door.cast.address("runner2");
    let all = door.signs_in("runner2", &door.message(account).await).await;
    let hooks = Message { resources: vec!["urn:piecework:scope:webhooks"], ..door.message(account).await };
    let hooks = door.signs_in("runner2", &hooks).await;
    let refused = door.sessions(&hooks.text("accessToken")).await;
    assert!(refused.is(403, "insufficient_scope"), "{}", refused.body);
    let listed = door.sessions(&all.text("accessToken")).await;
    let items = listed.body["items"].as_array().unwrap();
    // Both may be of one second.
    assert!(items.len() == 2 && items.contains(&hooks.body["session"]), "{}", listed.body);
    assert!(items.contains(&all.body["session"]), "{}", listed.body);

    // Others' sessions are nobody's business.
    let stranger = door.signs_in("payee1", &door.message(door.cast.address("payee1")).await).await;
    let path = format!("/v1/auth/sessions/{}", hooks.body["session"]["id"].as_str().unwrap());
    let refused = door.ask(Method::DELETE, &path, Some(&stranger.text("accessToken")), None).await;
    assert!(refused.is(404, "session_not_found"), "{}", refused.body);
    let ended = door.ask(Method::DELETE, &path, Some(&all.text("accessToken")), None).await;
    assert_eq!(ended.status, 204);
    let over = door.sessions(&hooks.text("accessToken")).await;
    assert!(over.is(401, "session_over"), "{}", over.body);
    let out = door.ask(Method::POST, "/v1/auth/logout", Some(&all.text("accessToken")), None).await;
    assert_eq!(out.status, 204);
    let over = door.refresh(&all.text("refreshToken")).await;
    assert!(over.is(401, "bad_refresh_token"), "{}", over.body);

    let token = stranger.text("accessToken");
    for (what, token, code) in [
        ("nothing", None, "no_session"),
        ("nonsense", Some("nonsense".to_owned()), "bad_token"),
        ("a token cut short", Some(token[..token.len() - 8].to_owned()), "bad_token"),
        ("a refresh token", Some(stranger.text("refreshToken")), "bad_token"),
    ] {
        let answer = door.ask(Method::GET, "/v1/auth/sessions", token.as_deref(), None).await;
        assert!(answer.is(401, code), "{what}: {}", answer.body);
    }
    // Who wants a shorter session has one.
    let until = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap() + Duration::seconds(40);
    let short = Message { until: Some(until), ..door.message(account).await };
    let short = door.signs_in("runner2", &short).await;
    assert!(short.body["expiresIn"].as_u64().is_some_and(|seconds| seconds <= 40), "{}", short.body);
    assert_eq!(short.body["session"]["expiresAt"], json!(until.format(&Rfc3339).unwrap()));
}

async fn contracts_sign_in_when_they_say_so(door: &Door<'_>) {
    let account = Address::repeat_byte(0x51);
    let text = door.message(account).await.text();
    let refused = door.login(&text, &Bytes::from(vec![1, 2, 3])).await;
    assert!(refused.is(422, "bad_signature"), "nothing is there yet: {}", refused.body);
    let wrapped: Bytes =
        [vec![1; 96], hex!("6492649264926492649264926492649264926492649264926492649264926492").to_vec()]
            .concat()
            .into();
    let text = door.message(account).await.text();
    let refused = door.login(&text, &wrapped).await;
    assert!(refused.is(422, "account_not_deployed"), "{}", refused.body);
    door.cast.chain.raw_request::<_, Value>("anvil_setCode".into(), json!([account, YES])).await.unwrap();
    let text = door.message(account).await.text();
    let answer = door.login(&text, &Bytes::from(vec![1, 2, 3])).await;
    assert_eq!((answer.status.as_u16(), &answer.body["session"]["account"]), (201, &json!(account)), "{}", answer.body);
}
