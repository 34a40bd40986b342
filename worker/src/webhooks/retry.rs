//! When a message that was not taken is sent again.

use std::time::Duration;

/// Pauses of failures in a row; the last one repeats.
const PAUSES_SECONDS: [u64; 7] = [5, 30, 120, 600, 1_800, 3_600, 10_800];
/// A receiver that fails for so long is not asked any more.
pub const GIVE_UP: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// The pause after one more failure than `failures`: between the pause listed and a fifth more, so that those who failed together don't
/// return together. `asked` is what the receiver asked for; between these bounds it has its way.
pub fn pause(failures: u32, asked: Option<Duration>, chance: u8) -> Duration {
    let at = usize::try_from(failures).unwrap_or(usize::MAX).min(PAUSES_SECONDS.len() - 1);
    let listed = Duration::from_secs(PAUSES_SECONDS[at]);
    let longest = Duration::from_secs(PAUSES_SECONDS[PAUSES_SECONDS.len() - 1]);
    (listed + listed * u32::from(chance) / (5 * u32::from(u8::MAX))).max(asked.unwrap_or_default().min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_three_hours_and_a_receiver_may_ask_for_more_than_the_next_one() {
        let listed: Vec<_> = (0..9).map(|failures| pause(failures, None, 0).as_secs()).collect();
        assert_eq!(listed, [5, 30, 120, 600, 1_800, 3_600, 10_800, 10_800, 10_800]);
        assert_eq!(pause(1, None, 255), Duration::from_secs(36));
        assert_eq!(pause(0, Some(Duration::from_secs(60)), 9), Duration::from_secs(60));
        assert_eq!(pause(3, Some(Duration::from_secs(60)), 0), Duration::from_secs(600));
        assert_eq!(pause(0, Some(Duration::MAX), 0), Duration::from_secs(10_800));
    }
}
