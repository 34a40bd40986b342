//! Undoing what a reorg took away.

use alloy::eips::BlockNumberOrTag;
use piecework_store::chains::{Cursor, Header};
use piecework_store::{PgConnection, assignments, balances, bounties, chains, engagements, events, payouts};

use crate::Error;
use crate::endpoints::Endpoints;
use crate::fold::Subjects;
use crate::source::Source;

/// The newest stored header that is still on the chain of `source`. Headers are kept down to finality: where none is left, what
/// was final is not, or the endpoint is on another chain.
pub async fn fork_point(
    db: &mut PgConnection,
    endpoints: &Endpoints,
    source: &Source,
    cursor: &Cursor,
) -> Result<Header, Error> {
    let stands = |header: Header| async move {
        let on_chain = source.head(BlockNumberOrTag::Number(header.number)).await?;
        Ok::<_, Error>(on_chain.is_some_and(|head| head.hash == header.hash))
    };
    // What stands stands on all that is below it: search by halves.
    let stored = chains::headers(db, cursor.chain_id).await?;
    let (mut standing, mut gone) = (0, stored.len());
    while standing < gone {
        let middle = standing + (gone - standing) / 2;
        match stands(stored[middle]).await? {
            true => standing = middle + 1,
            false => gone = middle,
        }
    }
    if let Some(at) = standing.checked_sub(1) {
        return Ok(stored[at]);
    }
    // Who still has our final block is right, or all are wrong together.
    for other in endpoints.others(source) {
        let at = BlockNumberOrTag::Number(cursor.finalized.number);
        if other.head(at).await.ok().flatten().is_some_and(|head| head.hash == cursor.finalized.hash) {
            let problem =
                format!("it has another final block {} than endpoint {}", cursor.finalized.number, other.index);
            return Err(source.contradicts(problem));
        }
    }
    Err(Error::TooDeep { chain_id: cursor.chain_id, finalized: cursor.finalized.number })
}

/// Takes back everything above `fork`, within the caller's db_tx: the older versions of what it changed are brought back, and the
/// stream gets one `reverted` per event, newest first. Returns how many.
pub async fn to(db_tx: &mut PgConnection, chain_id: u64, fork: &Header) -> Result<usize, Error> {
    let gone = events::revert_above(db_tx, chain_id, fork.number).await?;
    let subjects = Subjects::of(gone.iter());
    bounties::restore(db_tx, &subjects.bounties.into_iter().collect::<Vec<_>>(), fork.number).await?;
    let ids: Vec<_> = subjects.engagements.into_iter().collect();
    engagements::restore(db_tx, &ids, fork.number).await?;
    assignments::renew(db_tx, &ids).await?;
    balances::restore(db_tx, chain_id, &subjects.balances.into_iter().collect::<Vec<_>>(), fork.number).await?;
    payouts::remove_above(db_tx, chain_id, fork.number).await?;
    chains::drop_headers_above(db_tx, chain_id, fork.number).await?;
    chains::set_cursor(db_tx, chain_id, fork).await?;
    Ok(gone.len())
}
