//! Whether two endpoints are one node, and which of them passes questions on to the other.
//!
//! A node keeps filters for whoever made them: one made at A and known at B means that both lead to one node. Which of them is in front
//! of the other's node shows in time: a filter made a moment ago at A is known to that node alone, so whoever passes questions on has
//! to ask it, and is slower than it by that way. Filters that nobody made, asked for beside it, keep it from guessing.
//! A proxy that keeps its own filters is not found by this; only `latencyMsMax` is left against it (SPEC.md, "Evidence: `rpc`").

use std::time::Duration;

use piecework_domain::ids::EngagementId;
use piecework_domain::rpc::{Outcome, Question};
use rand::{RngExt, rng};
use serde_json::{Value, json};

use super::ask::{Answer, Asker};

/// Bytes of an answer about filters.
const BYTES_MAX: usize = 64 * 1024;
/// Filters made on each side, and invented ids asked for beside each: who guesses which is real is wrong in four of five rounds.
const ROUNDS: usize = 7;
const INVENTED: usize = 4;
/// Digits of a filter's id that can't be met by chance. Nodes that count their filters can't be told apart by them.
const ID_DIGITS: std::ops::RangeInclusive<usize> = 16..=64;
/// How much slower the one is that passes questions on: less could be the network's doing.
const SLOWER_MIN: Duration = Duration::from_millis(2);
const SLOWER_PERCENT: u32 = 120;

/// One endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    pub engagement: EngagementId,
    pub url: &'a str,
    pub timeout: Duration,
}

/// What is known of an endpoint that passes questions on.
#[derive(Debug)]
pub struct Proxy {
    pub engagement: EngagementId,
    pub question: Question,
    pub detail: String,
}

/// A filter made at one endpoint that another knows, and how long that one took to say so.
struct Known {
    id: String,
    latency: Duration,
}

/// Which of two endpoints passes questions on to the other's node, if one does.
pub async fn proxy(asker: &Asker, a: Side<'_>, b: Side<'_>) -> Option<Proxy> {
    // Mostly that is all; and connections are there before anything is measured.
    known(asker, a, b).await?;
    known(asker, b, a).await?;
    let (mut at_a, mut at_b) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        at_b.push(known(asker, a, b).await?);
        at_a.push(known(asker, b, a).await?);
    }
    let (slower, other, mut known, others) = match median(&at_a) > median(&at_b) {
        true => (a, b, at_a, at_b),
        false => (b, a, at_b, at_a),
    };
    // Its quickest answer against the other's usual one: a way that has to be gone is gone every time, noise is not.
    known.sort_by_key(|known| known.latency);
    let (took, other_took) = (known.first()?.latency, median(&others));
    if took < other_took + SLOWER_MIN || took * 100 < other_took * SLOWER_PERCENT {
        tracing::debug!(one = %a.engagement, other = %b.engagement, "one node behind two endpoints, at the same distance");
        return None;
    }
    let detail = format!(
        "filters made at engagement {}'s endpoint are known here after {} ms, there after {} ms",
        other.engagement,
        took.as_millis(),
        other_took.as_millis()
    );
    let id = known.into_iter().next()?.id;
    Some(Proxy { engagement: slower.engagement, question: Question::Filter { made_at: other.engagement, id }, detail })
}

/// Makes a filter at `made_at` and asks `asked` for it, and for some that nobody made. `None` unless exactly the first is known there.
async fn known(asker: &Asker, made_at: Side<'_>, asked: Side<'_>) -> Option<Known> {
    let made = asker.call(made_at.url, "eth_newBlockFilter", &json!([]), made_at.timeout, BYTES_MAX).await.ok()?;
    let id = made.result.ok()?.as_str()?.to_owned();
    let digits = id.strip_prefix("0x").filter(|digits| digits.chars().all(|c| c.is_ascii_hexdigit()))?.len();
    if !ID_DIGITS.contains(&digits) {
        return None;
    }
    let ask = |id: String| async move {
        asker.call(asked.url, "eth_getFilterChanges", &json!([id]), asked.timeout, BYTES_MAX).await
    };
    // All at once, in any order: who passes the questions on can't tell by another's answer which of them is real.
    let mut ids: Vec<String> = (0..INVENTED).map(|_| invented(&id)).collect();
    let place = rng().random_range(0..=ids.len());
    ids.insert(place, id.clone());
    let mut answers = futures::future::try_join_all(ids.into_iter().map(ask)).await.ok()?;
    let real = answers.swap_remove(place);
    let all_refused = answers.iter().all(|answer| matches!(answer.result, Err((Outcome::Refused, _))));
    let Answer { latency: Some(latency), result: Ok(Value::Array(_)), .. } = real else { return None };
    all_refused.then_some(Known { id, latency })
}

/// An id of the same shape as `real`, that no node has made: some nodes write letters and digits as hex, others any bytes, and who stands in
/// front must not tell them apart.
fn invented(real: &str) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let digits = real.trim_start_matches("0x");
    let written = alloy::hex::decode(digits).ok().filter(|bytes| bytes.iter().all(u8::is_ascii_alphanumeric));
    if let Some(bytes) = written {
        let letter = |_: &u8| LETTERS.get(rng().random_range(0..LETTERS.len())).copied().unwrap_or(b'a');
        return alloy::hex::encode_prefixed(bytes.iter().map(letter).collect::<Vec<u8>>());
    }
    let digit = |n| char::from_digit(rng().random_range(u32::from(n == 0)..16), 16).unwrap_or('1');
    format!("0x{}", (0..digits.len()).map(digit).collect::<String>())
}

fn median(known: &[Known]) -> Duration {
    let mut latencies: Vec<_> = known.iter().map(|known| known.latency).collect();
    latencies.sort_unstable();
    latencies.get(latencies.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invented_ids_have_the_shape_of_real_ones() {
        let of_letters =
            |id: &str| alloy::hex::decode(id).is_ok_and(|bytes| bytes.iter().all(u8::is_ascii_alphanumeric));
        let written = alloy::hex::encode_prefixed(b"aZ09bcDEfghij123");
        for real in [written.as_str(), "0xf0e1d2c3b4a5968778695a4b3c2d1e0f", "0xabc0123456789abcdef"] {
            for _ in 0..50 {
                let id = invented(real);
                assert_eq!((id.len(), of_letters(&id)), (real.len(), of_letters(real)), "{id} beside {real}");
                assert_ne!(id, real);
            }
        }
    }
}
