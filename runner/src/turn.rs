//! Whose turn it is to claim a block, where two companions share a key.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use piecework_domain::B256;
use piecework_domain::ids::EngagementId;

use crate::node::Header;

/// A block not claimed by anybody is remembered this much longer than it is waited for.
const KEPT: Duration = Duration::from_secs(60);

/// A stand-in claims a block only once it has seen it unclaimed for some time: two companions that read their node at the same
/// moment could be told different blocks of one number, and neither would know of the other's claim yet.
#[derive(Debug)]
pub struct Turn {
    stand_in_after: Duration,
    seen: Mutex<HashMap<(EngagementId, B256), Instant>>,
}

impl Turn {
    /// With zero, every block is this companion's at once.
    pub fn new(stand_in_after: Duration) -> Self {
        Self { stand_in_after, seen: Mutex::default() }
    }

    pub fn is_mine(&self, id: EngagementId, header: &Header, now: Instant) -> bool {
        if self.stand_in_after.is_zero() {
            return true;
        }
        let key = (id, header.hash);
        let mut all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = all.get(&key) {
            return now.duration_since(*seen) >= self.stand_in_after;
        }
        let keep = self.stand_in_after + KEPT;
        all.retain(|_, seen| now.duration_since(*seen) < keep);
        all.insert(key, now);
        false
    }
}

#[cfg(test)]
mod tests {
    use piecework_domain::time::Timestamp;

    use super::*;

    const ID: EngagementId = EngagementId(B256::repeat_byte(1));

    fn header(hash: u8) -> Header {
        Header { number: 1, hash: B256::repeat_byte(hash), timestamp: Timestamp(1) }
    }

    fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn who_does_not_stand_in_waits_for_nobody() {
        assert!(Turn::new(Duration::ZERO).is_mine(ID, &header(1), Instant::now()));
    }

    #[test]
    fn a_stand_in_waits_for_each_hash_anew() {
        let (turn, start) = (Turn::new(millis(2_000)), Instant::now());
        assert!(!turn.is_mine(ID, &header(1), start));
        assert!(!turn.is_mine(ID, &header(1), start + millis(1_999)));
        assert!(turn.is_mine(ID, &header(1), start + millis(2_000)));
        assert!(!turn.is_mine(ID, &header(2), start + millis(2_000)), "built again: seen only now");
    }

    #[test]
    fn what_others_claimed_is_forgotten() {
        let (turn, start) = (Turn::new(millis(2_000)), Instant::now());
        assert!(!turn.is_mine(ID, &header(1), start));
        assert!(!turn.is_mine(ID, &header(2), start + millis(62_000)));
        assert_eq!(turn.seen.lock().unwrap().len(), 1);
    }
}
