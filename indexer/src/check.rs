//! Answers that contradict each other are not believed: headers against headers, logs against headers.

use std::collections::BTreeMap;

use alloy::primitives::{Bloom, BloomInput};
use alloy::rpc::types::Log;
use piecework_domain::{Address, B256};

use crate::source::Head;

/// Each header's parent must be the one before it, the first one's `below`.
pub fn linked(below: B256, heads: &[Head]) -> Result<(), String> {
    let mut parent = below;
    for head in heads {
        if head.parent_hash != parent {
            return Err(format!("block {} has another parent than the block before it", head.number()));
        }
        parent = head.hash;
    }
    Ok(())
}

/// The logs of each block, which must name a block of `heads`, be in the header's bloom, and come once each.
pub fn by_block<'a>(heads: &[Head], logs: &'a [Log]) -> Result<BTreeMap<u64, Vec<&'a Log>>, String> {
    let mut blocks: BTreeMap<u64, Vec<&Log>> = BTreeMap::new();
    let mut last = None;
    for log in logs {
        let (Some(number), Some(hash), Some(index), Some(_)) =
            (log.block_number, log.block_hash, log.log_index, log.transaction_hash)
        else {
            return Err("a log without its place".to_owned());
        };
        if log.removed {
            return Err(format!("log {index} of block {number} was removed by a reorg"));
        }
        if last >= Some((number, index)) {
            return Err(format!("log {index} of block {number} came twice"));
        }
        last = Some((number, index));
        let head = heads.first().and_then(|first| number.checked_sub(first.number()));
        let head = head.and_then(|at| usize::try_from(at).ok()).and_then(|at| heads.get(at));
        let Some(head) = head else { return Err(format!("a log of block {number}, which was not asked for")) };
        if head.hash != hash {
            return Err(format!("log {index} of block {number} is of another block of that number"));
        }
        if !head.logs_bloom.contains(&bloom([log])) {
            return Err(format!("log {index} of block {number} is not in the block's bloom"));
        }
        blocks.entry(number).or_default().push(log);
    }
    Ok(blocks)
}

/// Whether the block may have logs of the escrow beyond those given: its bloom has more, or an index is left out. Only all logs of
/// the block can tell then. The last of them can be missing without a trace if its topics are another's, too.
pub fn may_lack(head: &Head, escrow: Address, logs: &[&Log]) -> bool {
    let of_escrow = head.logs_bloom.contains_input(BloomInput::Raw(escrow.as_slice()));
    of_escrow && !(head.logs_bloom == bloom(logs.iter().copied()) && in_a_row(logs.iter().copied()))
}

/// Whether these are all logs of the block, as far as its bloom and their indexes tell.
pub fn complete(head: &Head, logs: &[Log]) -> bool {
    head.logs_bloom == bloom(logs) && in_a_row(logs)
}

fn in_a_row<'a>(logs: impl IntoIterator<Item = &'a Log>) -> bool {
    (0..).zip(logs).all(|(index, log)| log.log_index == Some(index))
}

fn bloom<'a>(logs: impl IntoIterator<Item = &'a Log>) -> Bloom {
    let mut bloom = Bloom::ZERO;
    for log in logs {
        bloom.accrue_log(&log.inner);
    }
    bloom
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{LogData, address, b256};

    use super::*;

    const ESCROW: Address = address!("00000000000000000000000000000000000000e5");
    const OTHER: Address = address!("0000000000000000000000000000000000000007");
    const TOPIC: B256 = b256!("1111111111111111111111111111111111111111111111111111111111111111");
    const ANOTHER: B256 = b256!("2222222222222222222222222222222222222222222222222222222222222222");

    fn hash(number: u64) -> B256 {
        B256::left_padding_from(&number.to_be_bytes())
    }

    fn log(number: u64, index: u64, address: Address, topic: B256) -> Log {
        let data = LogData::new_unchecked(vec![topic], Default::default());
        Log {
            inner: alloy::primitives::Log { address, data },
            block_hash: Some(hash(number)),
            block_number: Some(number),
            log_index: Some(index),
            transaction_hash: Some(TOPIC),
            ..Log::default()
        }
    }

    fn head(number: u64, logs: &[Log]) -> Head {
        Head::new(number, hash(number), hash(number - 1), bloom(logs))
    }

    #[test]
    fn headers_form_one_chain() {
        let heads = [head(5, &[]), head(6, &[]), head(7, &[])];
        assert_eq!(linked(hash(4), &heads), Ok(()));
        assert!(linked(hash(3), &heads).is_err());
        assert!(linked(hash(4), &[heads[0].clone(), heads[2].clone()]).is_err());
    }

    #[test]
    fn logs_belong_to_the_blocks_and_to_their_blooms() {
        let logs = [log(5, 0, ESCROW, TOPIC), log(5, 3, ESCROW, ANOTHER), log(7, 0, ESCROW, TOPIC)];
        let heads = [head(5, &logs[..2]), head(6, &[]), head(7, &logs[2..])];
        let blocks = by_block(&heads, &logs).expect("they agree");
        assert_eq!(blocks.iter().map(|(n, l)| (*n, l.len())).collect::<Vec<_>>(), [(5, 2), (7, 1)]);

        let refused = |logs: &[Log]| by_block(&heads, logs).expect_err("they contradict each other");
        assert!(refused(&[logs[0].clone(), logs[0].clone()]).contains("twice"));
        assert!(refused(&[log(6, 0, ESCROW, TOPIC)]).contains("bloom"));
        assert!(refused(&[log(8, 0, ESCROW, TOPIC)]).contains("not asked for"));
        assert!(refused(&[log(4, 0, ESCROW, TOPIC)]).contains("not asked for"));
        let forked = Log { block_hash: Some(hash(99)), ..logs[0].clone() };
        assert!(refused(&[forked]).contains("another block"));
        assert!(refused(&[Log { removed: true, ..logs[0].clone() }]).contains("removed"));
        assert!(refused(&[Log { log_index: None, ..logs[0].clone() }]).contains("place"));
    }

    #[test]
    fn a_missing_log_shows_in_the_bloom() {
        let all = [log(5, 0, ESCROW, TOPIC), log(5, 1, OTHER, TOPIC), log(5, 2, ESCROW, ANOTHER)];
        let at = head(5, &all);
        assert!(may_lack(&at, ESCROW, &[]));
        assert!(may_lack(&at, ESCROW, &[&all[0]]));
        assert!(complete(&at, &all));
        assert!(!complete(&at, &all[..2]));
        // One of two alike leaves no trace in the bloom, but a gap.
        let alike = [log(5, 0, ESCROW, TOPIC), log(5, 1, ESCROW, TOPIC), log(5, 2, ESCROW, TOPIC)];
        assert!(may_lack(&head(5, &alike), ESCROW, &[&alike[0], &alike[2]]));
        assert!(!complete(&head(5, &alike), &alike[1..]));
        // Nothing of the escrow, or nothing but the escrow's: no doubt, no further question.
        assert!(!may_lack(&head(5, &all[1..2]), ESCROW, &[]));
        assert!(!may_lack(&head(5, &all[..1]), ESCROW, &[&all[0]]));
    }
}
