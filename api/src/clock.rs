//! The one place of this crate that reads the clock.

use piecework_domain::time::Timestamp;

/// Now, in whole seconds.
#[allow(clippy::disallowed_methods)]
pub fn now() -> Timestamp {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(since_epoch.map_or(0, |elapsed| elapsed.as_secs()))
}

/// How far the clocks of those who sign may run ahead of ours.
pub const SKEW_SECONDS: u64 = 30;
