//! The one place of this crate that reads the clock.

use piecework_domain::time::Timestamp;

/// Now, in whole seconds.
#[allow(clippy::disallowed_methods)]
pub fn now() -> Timestamp {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(since_epoch.map_or(0, |elapsed| elapsed.as_secs()))
}

/// Now, in whole seconds, as databases and people write it.
pub fn utc() -> time::OffsetDateTime {
    let seconds = i64::try_from(now().0).unwrap_or(i64::MAX);
    time::OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}

/// How far the clocks of those who sign may run ahead of ours.
pub const SKEW_SECONDS: u64 = 30;
