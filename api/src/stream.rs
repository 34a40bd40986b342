//! Server-sent events over the feed.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::Event;
use futures::Stream;
use piecework_store::feed::{self, Filter, Item};
use piecework_store::listen::Listener;
use piecework_store::{PgPool, Result};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::views::rfc3339;

/// Items read at once.
const BATCH: i64 = 200;
/// Announcements can be lost around reconnects; this bounds how long.
const POLL: Duration = Duration::from_secs(1);

/// Items after `seq` for ever, oldest first. Ends when the database fails: the reader resumes at its last id.
pub fn items(
    pool: PgPool,
    changed: watch::Receiver<()>,
    filter: Filter,
    seq: u64,
    stop: CancellationToken,
) -> impl Stream<Item = std::result::Result<Event, Infallible>> {
    let start = Reader { pool, changed, filter, seq, stop, ready: VecDeque::new() };
    futures::stream::unfold(start, |mut reader| async move {
        let item = reader.next().await?;
        Some((Ok(event(&item)), reader))
    })
}

struct Reader {
    pool: PgPool,
    changed: watch::Receiver<()>,
    filter: Filter,
    seq: u64,
    stop: CancellationToken,
    ready: VecDeque<Item>,
}

impl Reader {
    async fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                self.seq = item.seq;
                return Some(item);
            }
            self.changed.borrow_and_update();
            self.ready = self.read().await.ok()?.into();
            if self.ready.is_empty() {
                tokio::select! {
                    () = self.stop.cancelled() => return None,
                    _ = self.changed.changed() => {}
                    () = tokio::time::sleep(POLL) => {}
                }
            }
        }
    }

    async fn read(&self) -> Result<Vec<Item>> {
        let mut db = self.pool.acquire().await?;
        feed::after(&mut db, self.seq, self.filter, BATCH).await
    }
}

/// A `reverted` item says which one it takes back: `data.reverts` is that one's id.
fn event(item: &Item) -> Event {
    let mut inside = serde_json::json!({
        "event": item.event,
        "blockNumber": item.block_number,
        "blockHash": item.block_hash,
        "blockTime": rfc3339(item.block_time),
        "logIndex": item.log_index,
        "txHash": item.tx_hash,
    });
    if let Some((reverts, fork)) = item.reverts {
        inside["reverts"] = reverts.into();
        inside["forkBlockNumber"] = fork.into();
    }
    let data = serde_json::json!({
        "seq": item.seq,
        "chainId": item.chain_id,
        "bounty": item.bounty,
        "engagement": item.engagement,
        "name": item.name,
        "data": inside,
    });
    Event::default().id(item.seq.to_string()).event(&item.name).data(data.to_string())
}

/// Passes the database's announcements on to every stream, reconnecting as needed.
pub async fn announce(pool: PgPool, channel: &'static str, changed: watch::Sender<()>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Ok(mut listener) = Listener::on(&pool, channel).await {
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    heard = listener.changed() => if heard.is_err() { break },
                }
                changed.send_replace(());
            }
        }
        tokio::time::sleep(POLL).await;
    }
}
