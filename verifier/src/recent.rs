//! The newest blocks of a chain, in memory: judging thousands of engagements asks the endpoint for each block once.

use std::collections::VecDeque;

use piecework_domain::time::Timestamp;

use crate::watch::Header;

/// Consecutive linked blocks up to the head as of `as_of`.
#[derive(Debug, Default)]
pub struct Recent {
    headers: VecDeque<Header>,
    as_of: Timestamp,
}

impl Recent {
    /// Takes `new` blocks, head first down to what is known, as the chain read at `as_of`; keeps the newest `keep`.
    pub fn extend(&mut self, new: &[Header], as_of: Timestamp, keep: usize) {
        if let Some(lowest) = new.last() {
            while self.headers.back().is_some_and(|header| header.number >= lowest.number) {
                self.headers.pop_back();
            }
            let linked = self
                .headers
                .back()
                .is_none_or(|header| header.number + 1 == lowest.number && header.hash == lowest.parent_hash);
            if !linked {
                self.headers.clear();
            }
            self.headers.extend(new.iter().rev());
        }
        while self.headers.len() > keep {
            self.headers.pop_front();
        }
        self.as_of = as_of;
    }

    /// Takes older blocks, newest first, if the first is the parent of the oldest one known.
    pub fn deepen(&mut self, older: &[Header]) {
        for header in older {
            if self.headers.front().is_none_or(|oldest| oldest.parent_hash != header.hash) {
                return;
            }
            self.headers.push_front(*header);
        }
    }

    /// Drops what lies above a head that went back.
    pub fn cut_above(&mut self, number: u64) {
        while self.headers.back().is_some_and(|header| header.number > number) {
            self.headers.pop_back();
        }
    }

    /// Whether `header` is the newest block.
    pub fn ends_with(&self, header: &Header) -> bool {
        self.headers.back().is_some_and(|newest| newest.hash == header.hash)
    }

    /// Whether the block `number` is known and has this hash.
    pub fn holds(&self, header: &Header) -> bool {
        self.at(header.number).is_some_and(|known| known.hash == header.hash)
    }

    /// The block `number`, if it is remembered.
    pub fn at(&self, number: u64) -> Option<&Header> {
        let place = number.checked_sub(self.lowest()?)?;
        self.headers.get(usize::try_from(place).ok()?)
    }

    /// Blocks with timestamps in `[from, to)`, ascending, as the chain stood at `until` or later. `None` where memory doesn't reach
    /// far enough back or is too old to tell.
    pub fn between(&self, from: Timestamp, to: Timestamp, until: Timestamp) -> Option<Vec<Header>> {
        let first = self.headers.front()?;
        let reaches_back = first.number == 0 || first.timestamp < from;
        if !reaches_back || self.as_of < until {
            return None;
        }
        let low = self.headers.partition_point(|header| header.timestamp < from);
        let high = self.headers.partition_point(|header| header.timestamp < to);
        Some(self.headers.range(low..high.max(low)).copied().collect())
    }

    /// The newest block known.
    pub fn highest(&self) -> Option<u64> {
        self.headers.back().map(|header| header.number)
    }

    /// The oldest block known.
    pub fn lowest(&self) -> Option<u64> {
        self.headers.front().map(|header| header.number)
    }
}

#[cfg(test)]
mod tests {
    use piecework_domain::B256;

    use super::*;

    fn header(number: u64, fork: u8) -> Header {
        let hash = |number: u64, fork| B256::left_padding_from(&[fork, u8::try_from(number).unwrap()]);
        Header {
            number,
            hash: hash(number, fork),
            parent_hash: hash(number - 1, fork),
            timestamp: Timestamp(100 + 2 * number),
        }
    }

    fn chain(numbers: std::ops::RangeInclusive<u64>) -> Vec<Header> {
        numbers.rev().map(|number| header(number, 0)).collect()
    }

    fn numbers(found: Option<Vec<Header>>) -> Option<Vec<u64>> {
        found.map(|headers| headers.iter().map(|header| header.number).collect())
    }

    #[test]
    fn older_blocks_are_taken_where_they_fit() {
        let mut recent = Recent::default();
        recent.deepen(&chain(4..=4));
        assert_eq!(recent.lowest(), None, "below nothing there is nothing");
        recent.extend(&chain(9..=9), Timestamp(200), 100);
        recent.deepen(&[header(8, 0), header(7, 0), header(6, 1)]);
        assert_eq!((recent.lowest(), recent.highest()), (Some(7), Some(9)), "the last one is another chain's");
        assert_eq!(numbers(recent.between(Timestamp(116), Timestamp(118), Timestamp(118))), Some(vec![8]));
    }

    #[test]
    fn a_period_is_half_open_and_known_only_from_behind_the_oldest_block() {
        let mut recent = Recent::default();
        recent.extend(&chain(5..=20), Timestamp(141), 100);
        let between = |from, to, until| numbers(recent.between(Timestamp(from), Timestamp(to), Timestamp(until)));
        assert_eq!(between(112, 116, 118), Some(vec![6, 7]));
        assert_eq!(between(111, 111, 118), Some(vec![]));
        assert_eq!(between(110, 116, 118), None, "block 4 could have the same time");
        assert_eq!(between(112, 116, 141), Some(vec![6, 7]));
        assert_eq!(between(112, 116, 142), None, "the chain was not read since");
    }

    #[test]
    fn a_fork_replaces_and_a_gap_forgets() {
        let mut recent = Recent::default();
        recent.extend(&chain(5..=9), Timestamp(200), 100);
        let fork = Header { parent_hash: header(7, 0).hash, ..header(8, 1) };
        recent.extend(&[fork], Timestamp(201), 100);
        assert!(recent.ends_with(&fork) && recent.holds(&header(7, 0)) && !recent.holds(&header(8, 0)));
        recent.extend(&chain(12..=13), Timestamp(202), 100);
        assert_eq!((recent.lowest(), recent.holds(&header(7, 0))), (Some(12), false));
        recent.cut_above(12);
        assert!(recent.ends_with(&header(12, 0)));
    }

    #[test]
    fn memory_is_bounded() {
        let mut recent = Recent::default();
        recent.extend(&chain(1..=50), Timestamp(0), 10);
        assert_eq!(recent.lowest(), Some(41));
    }
}
