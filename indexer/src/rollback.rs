//! Undoing what a reorg took away.

use alloy::eips::BlockNumberOrTag;
use piecework_store::chains::{Cursor, Header};
use piecework_store::{PgConnection, chains, events, feed, payouts};

use crate::source::Source;
use crate::{Error, apply};

/// The newest stored header that is still on the chain. Where none is, the mirror can't know what to undo.
pub async fn fork_point(db: &mut PgConnection, source: &Source, cursor: &Cursor) -> Result<Header, Error> {
    let mut below = cursor.number;
    let mut oldest = cursor.number;
    while let Some(stored) = chains::header_at_or_below(db, cursor.chain_id, below).await? {
        oldest = stored.number;
        let on_chain = source.header(BlockNumberOrTag::Number(stored.number)).await?;
        if on_chain.is_some_and(|header| header.hash == stored.hash) {
            return Ok(stored);
        }
        match stored.number.checked_sub(1) {
            Some(next) => below = next,
            None => break,
        }
    }
    Err(Error::TooDeep { chain_id: cursor.chain_id, oldest })
}

/// Removes everything above `fork` and rebuilds what it touched, within the caller's db_tx. The feed gets one `reverted`
/// item per event, newest first.
pub async fn to(db_tx: &mut PgConnection, chain_id: u64, fork: &Header) -> Result<usize, Error> {
    let gone = events::remove_above(db_tx, chain_id, fork.number).await?;
    payouts::remove_above(db_tx, chain_id, fork.number).await?;
    apply::replay(db_tx, chain_id, &gone).await?;
    for event in &gone {
        let (bounty, engagement) = apply::ids(event);
        let payload = serde_json::json!({ "event": event, "forkBlockNumber": fork.number });
        feed::append(db_tx, chain_id, "reverted", bounty, engagement, &payload).await?;
    }
    chains::drop_headers_above(db_tx, chain_id, fork.number).await?;
    chains::reset(db_tx, chain_id, fork).await?;
    Ok(gone.len())
}
