//! One range of blocks: fetched, checked, decoded.

use std::collections::BTreeMap;

use alloy::rpc::types::Log;
use futures::stream::{StreamExt, TryStreamExt};
use piecework_domain::B256;
use piecework_domain::time::Timestamp;
use piecework_store::chains::Header;
use piecework_store::events::Placed;

use crate::source::{Head, Source};
use crate::{Error, check};

/// Blocks asked for their logs at the same time.
const CONCURRENT: usize = 8;

/// What is checked of a range that is final.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// Every block's header: parents must match and no log may be missing from its bloom.
    #[default]
    Headers,
    /// Only the headers of blocks with events. For the first sync of chains with many empty blocks.
    Events,
}

/// The events of some blocks in a row.
#[derive(Debug)]
pub struct Fetched {
    /// The hash of the block before the first.
    pub parent_hash: B256,
    pub last: Header,
    pub placed: Vec<Placed>,
}

/// Fetches `from..=to`, which must be final at `source`. A witness must have the same logs: a bloom does not show that one of two
/// logs with the same topics is missing.
pub async fn fetch(
    source: &Source,
    witness: Option<&Source>,
    chain_id: u64,
    (from, to): (u64, u64),
    verify: Verify,
) -> Result<Fetched, Error> {
    let logs = async {
        let Some(witness) = witness else { return source.logs(from, to).await };
        let (logs, again) = tokio::try_join!(source.logs(from, to), witness.logs(from, to))?;
        agree(source, witness, &logs, &again)?;
        Ok(logs)
    };
    let (heads, logs) = match verify {
        Verify::Headers => tokio::try_join!(source.heads(from, to), logs)?,
        Verify::Events => {
            let logs = logs.await?;
            let mut numbers: Vec<u64> = logs.iter().filter_map(|log| log.block_number).collect();
            numbers.extend([from, to]);
            numbers.sort_unstable();
            numbers.dedup();
            let heads = futures::stream::iter(numbers).map(|number| source.heads(number, number));
            let heads: Vec<Vec<Head>> = heads.buffered(CONCURRENT).try_collect().await?;
            return assemble(source, chain_id, &heads.concat(), logs, false).await;
        }
    };
    assemble(source, chain_id, &heads, logs, true).await
}

async fn assemble(
    source: &Source,
    chain_id: u64,
    heads: &[Head],
    logs: Vec<Log>,
    whole: bool,
) -> Result<Fetched, Error> {
    let (Some(first), Some(last)) = (heads.first(), heads.last()) else { return Err(Error::Moved) };
    if whole {
        check::linked(first.parent_hash, heads).map_err(|problem| source.contradicts(problem))?;
    }
    let blocks = check::by_block(heads, &logs).map_err(|problem| source.contradicts(problem))?;
    let (none, mut placed) = (Vec::new(), Vec::with_capacity(logs.len()));
    for head in heads {
        let logs = blocks.get(&head.number()).unwrap_or(&none);
        if check::may_lack(head, source.escrow, logs) {
            check_complete(source, head, logs).await?;
        }
        for log in logs {
            placed.extend(place(chain_id, head, log)?);
        }
    }
    Ok(Fetched { parent_hash: first.parent_hash, last: last.header(), placed })
}

/// The events of each of `heads`, which are one chain as `source` sees it now.
pub async fn each(
    source: &Source,
    witness: Option<&Source>,
    chain_id: u64,
    heads: &[Head],
) -> Result<BTreeMap<u64, Vec<Placed>>, Error> {
    let asked = heads.iter().filter(|head| check::may_lack(head, source.escrow, &[])).map(|head| async move {
        let logs = source.logs_of(head.hash).await?;
        if let Some(witness) = witness {
            agree(source, witness, &logs, &witness.logs_of(head.hash).await?)?;
        }
        let blocks = check::by_block(std::slice::from_ref(head), &logs);
        let blocks = blocks.map_err(|problem| source.contradicts(problem))?;
        let logs = blocks.into_values().next().unwrap_or_default();
        if check::may_lack(head, source.escrow, &logs) {
            check_complete(source, head, &logs).await?;
        }
        let placed = logs.into_iter().filter_map(|log| place(chain_id, head, log).transpose());
        Ok::<_, Error>((head.number(), placed.collect::<Result<Vec<_>, _>>()?))
    });
    let asked: Vec<_> = asked.collect();
    let blocks: Vec<_> = futures::stream::iter(asked).buffered(CONCURRENT).try_collect().await?;
    Ok(blocks.into_iter().filter(|(_, placed)| !placed.is_empty()).collect())
}

fn agree(source: &Source, witness: &Source, logs: &[Log], again: &[Log]) -> Result<(), Error> {
    let what = |log: &Log| (log.block_hash, log.log_index, log.inner.clone());
    match logs.iter().map(what).eq(again.iter().map(what)) {
        true => Ok(()),
        false => Err(source.contradicts(format!("endpoint {} has other logs of the same blocks", witness.index))),
    }
}

/// All logs of the block tell whether some of the escrow's are missing.
async fn check_complete(source: &Source, head: &Head, logs: &[&Log]) -> Result<(), Error> {
    let all = source.all_logs_of(head.hash).await?;
    let number = head.number();
    if !check::complete(head, &all) {
        return Err(source.contradicts(format!("its logs of block {number} don't add up to the block's bloom")));
    }
    let of_escrow = all.iter().filter(|log| log.address() == source.escrow).map(|log| log.log_index);
    if !of_escrow.eq(logs.iter().map(|log| log.log_index)) {
        return Err(source.contradicts(format!("it left out logs of block {number}")));
    }
    Ok(())
}

fn place(chain_id: u64, head: &Head, log: &Log) -> Result<Option<Placed>, Error> {
    let event = piecework_contracts::decode(log).map_err(|err| Error::Undecodable { chain_id, err })?;
    let (Some(log_index), Some(tx_hash)) = (log.log_index, log.transaction_hash) else { return Err(Error::Moved) };
    let block_time: Timestamp = head.time();
    Ok(event.map(|event| Placed {
        block_number: head.number(),
        block_hash: head.hash,
        block_time,
        log_index,
        tx_hash,
        event,
    }))
}
