//! The one place of this crate that reads the clock: what is paid for has to have happened by it.

use piecework_domain::time::Timestamp;

/// Now, in milliseconds since the Unix epoch.
#[allow(clippy::disallowed_methods)]
pub fn now_ms() -> u64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since_epoch.map_or(0, |elapsed| u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}

/// Now, in whole seconds.
pub fn now() -> Timestamp {
    Timestamp(now_ms() / 1_000)
}

/// Sleeps until it is `time`.
pub async fn reach(time: Timestamp) {
    let left_ms = time.0.saturating_mul(1_000).saturating_sub(now_ms());
    tokio::time::sleep(std::time::Duration::from_millis(left_ms)).await;
}
