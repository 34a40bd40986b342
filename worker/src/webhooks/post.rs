//! One message to one receiver, signed as Standard Webhooks (<https://www.standardwebhooks.com>) says.

use std::time::Duration;

use piecework_domain::B256;
use piecework_outbound::{Family, Names, Reach, is_own_failure};
use piecework_store::feed::Item;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::json;
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook};

use crate::{Error, clock};

/// From the look-up of the name to the answer's status. What an answer says beyond is not read.
const TIMEOUT: Duration = Duration::from_secs(10);
const IDLE_FOR: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub struct Poster {
    http: reqwest::Client,
    reach: Reach,
}

/// What came of a message.
#[derive(Debug)]
pub enum Told {
    Taken,
    /// 410: the receiver wants no more, ever.
    Gone,
    /// In words for the webhook's owner, and what pause the receiver asked for.
    Refused {
        why: String,
        pause: Option<Duration>,
    },
}

impl Poster {
    pub fn new(reach: Reach) -> Result<Self, Error> {
        let builder = reach.client(&Names::new(Family::Both)).pool_max_idle_per_host(1).pool_idle_timeout(IDLE_FOR);
        let http =
            builder.user_agent("piecework").timeout(TIMEOUT).build().map_err(|err| Error::Http(err.to_string()))?;
        Ok(Self { http, reach })
    }

    /// An error is this worker's own, and says nothing about the receiver.
    pub async fn tell(&self, url: &str, secrets: &[B256], item: &Item) -> Result<Told, Error> {
        let refused = |why: String| Ok(Told::Refused { why, pause: None });
        let Ok(parsed) = url.parse::<reqwest::Url>() else { return refused("its URL can't be read".to_owned()) };
        if let Err(why) = self.reach.check(&parsed, Family::Both) {
            return refused(why.to_owned());
        }
        let id = format!("evt_{}", item.seq);
        let now = i64::try_from(clock::now().0).unwrap_or(i64::MAX);
        let body = json!({ "type": item.name, "timestamp": item.time()?, "data": item.json()? }).to_string();
        let signature = signatures(secrets, &id, now, &body)?;
        let request = self.http.post(parsed).header(CONTENT_TYPE, "application/json");
        let request = request.header(HEADER_WEBHOOK_ID, id).header(HEADER_WEBHOOK_TIMESTAMP, now);
        match request.header(HEADER_WEBHOOK_SIGNATURE, signature).body(body).send().await {
            Ok(answer) if answer.status().is_success() => Ok(Told::Taken),
            Ok(answer) if answer.status() == StatusCode::GONE => Ok(Told::Gone),
            Ok(answer) => {
                let asked = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                Ok(Told::Refused { why: format!("HTTP {}", answer.status()), pause: asked.map(Duration::from_secs) })
            }
            Err(err) if is_own_failure(&err) => Err(Error::Http(err.without_url().to_string())),
            Err(err) if err.is_timeout() => refused(format!("no answer within {} s", TIMEOUT.as_secs())),
            Err(err) => refused(words(&err.without_url())),
        }
    }
}

/// By every secret that is good, so that a receiver may change over when it likes.
fn signatures(secrets: &[B256], id: &str, at: i64, body: &str) -> Result<String, Error> {
    let by = |secret: &B256| {
        let signer = Webhook::from_bytes(secret.to_vec()).map_err(|err| Error::Http(err.to_string()))?;
        signer.sign(id, at, body.as_bytes()).map_err(|err| Error::Http(err.to_string()))
    };
    Ok(secrets.iter().map(by).collect::<Result<Vec<_>, _>>()?.join(" "))
}

/// The innermost cause: what is around it only says that a request failed.
fn words(err: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = err;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let mut words = cause.to_string();
    words.truncate(words.floor_char_boundary(200));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_id_time_and_body_and_every_good_secret_signs() {
        let secret = B256::repeat_byte(7);
        let one = signatures(&[secret], "evt_1", 1_614_265_330, "{}").expect("signs");
        let both = signatures(&[secret, B256::ZERO], "evt_1", 1_614_265_330, "{}").expect("signs");
        assert!(one.starts_with("v1,") && both.starts_with(&format!("{one} v1,")), "{both}");
        assert_ne!(one, signatures(&[secret], "evt_1", 1_614_265_331, "{}").expect("signs"), "the time is signed");
        assert_ne!(one, signatures(&[secret], "evt_2", 1_614_265_330, "{}").expect("signs"), "the id is signed");
    }
}
