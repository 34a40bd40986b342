//! What the chain calls safe and final.

use std::time::{Duration, Instant};

use alloy::eips::BlockNumberOrTag;
use futures::future::join_all;
use piecework_store::chains::{Cursor, Mark};
use piecework_store::{PgConnection, chains};

use crate::Error;
use crate::endpoints::Endpoints;
use crate::source::{Head, Source};

/// How often the tags are asked for.
const EVERY: Duration = Duration::from_secs(1);
/// Where a chain has no tags, blocks this deep count as final.
const DEPTH: u64 = 2_048;

/// The tags as last heard.
#[derive(Debug, Default)]
pub struct Tags {
    asked: Option<Instant>,
    safe: Option<Mark>,
    finalized: Option<Mark>,
}

impl Tags {
    /// Asks again if the answers are old. A final block must be the same one at every endpoint that has it.
    pub async fn refresh(&mut self, endpoints: &Endpoints, source: &Source) -> Result<(), Error> {
        if self.asked.is_some_and(|at| at.elapsed() < EVERY) {
            return Ok(());
        }
        let tags = [BlockNumberOrTag::Safe, BlockNumberOrTag::Finalized].map(|tag| source.head(tag));
        // Not every chain knows them.
        let tags: Vec<_> =
            join_all(tags).await.into_iter().map(|head| head.ok().flatten().map(|head| head.mark())).collect();
        let finalized = tags[1];
        if let Some(finalized) = finalized.filter(|mark| Some(*mark) != self.finalized) {
            endpoints.agree(source, finalized).await?;
        }
        self.safe = tags[0].or(finalized);
        self.finalized = finalized;
        self.asked = Some(Instant::now());
        Ok(())
    }

    /// The newest block that can be taken for final, seen from `head`.
    pub fn final_number(&self, head: &Head) -> u64 {
        self.finalized.map_or(head.number().saturating_sub(DEPTH), |mark| mark.number.min(head.number()))
    }

    /// Whether more is certain than the mirror says.
    pub fn news(&self, cursor: &Cursor) -> bool {
        let newer =
            |tag: Option<Mark>, known: Mark| tag.is_some_and(|tag| tag.number.min(cursor.number) > known.number);
        newer(self.safe, cursor.safe) || newer(self.finalized, cursor.finalized)
    }

    /// Writes how far the mirror is certain whose newest block is `newest`, and lets go of what only older reorgs would need.
    pub async fn store(
        &self,
        db_tx: &mut PgConnection,
        chain_id: u64,
        source: &Source,
        newest: &Mark,
    ) -> Result<(), Error> {
        let Some(cursor) = chains::cursor(db_tx, chain_id).await? else { return Ok(()) };
        let known = cursor.finalized;
        let finalized = match self.finalized {
            Some(tag) => within(db_tx, chain_id, source, tag, newest).await?,
            None => {
                let deep = newest.number.saturating_sub(DEPTH);
                let header = chains::header_at_or_below(db_tx, chain_id, deep).await?;
                header.map_or(known, |header| Mark { number: header.number, hash: header.hash })
            }
        };
        let finalized = if finalized.number > known.number { finalized } else { known };
        let safe = match self.safe {
            Some(tag) => within(db_tx, chain_id, source, tag, newest).await?,
            None => finalized,
        };
        let safe = if safe.number > finalized.number { safe } else { finalized };
        chains::set_certain(db_tx, chain_id, safe, finalized).await?;
        if finalized.number > known.number {
            chains::compact(db_tx, chain_id, finalized.number).await?;
        }
        Ok(())
    }
}

/// A tag as far as the mirror is. What it names must be the block that was mirrored.
async fn within(
    db: &mut PgConnection,
    chain_id: u64,
    source: &Source,
    tag: Mark,
    newest: &Mark,
) -> Result<Mark, Error> {
    if tag.number >= newest.number {
        return Ok(*newest);
    }
    match chains::header_at_or_below(db, chain_id, tag.number).await? {
        Some(stored) if stored.number == tag.number && stored.hash != tag.hash => {
            Err(source.contradicts(format!("it tags another block {} than the one it gave before", tag.number)))
        }
        _ => Ok(tag),
    }
}
