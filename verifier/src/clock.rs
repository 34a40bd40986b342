//! The one place of this crate that reads the clock.

use piecework_domain::time::Timestamp;

/// Now, in milliseconds since the Unix epoch.
#[allow(clippy::disallowed_methods)]
pub fn now_ms() -> u64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since_epoch.map_or(0, |elapsed| u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}

/// Now, in whole seconds.
pub fn now() -> Timestamp {
    Timestamp(now_ms() / 1000)
}
