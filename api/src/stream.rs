//! Server-sent events over the feed.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::Event;
use futures::Stream;
use piecework_store::feed::{self, Filter, Item, Page};
use piecework_store::listen::Listener;
use piecework_store::{PgPool, Result};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

/// Items read at once.
const BATCH: i64 = 200;
/// Reads at once that no index helps: strangers' searches through history must leave the database to the others.
static SEARCHES: Semaphore = Semaphore::const_new(2);
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
        let event = Event::default().id(item.seq.to_string()).event(&item.name).data(item.json().ok()?.to_string());
        Some((Ok(event), reader))
    })
}

struct Reader {
    pool: PgPool,
    changed: watch::Receiver<()>,
    filter: Filter,
    /// Read up to here.
    seq: u64,
    stop: CancellationToken,
    ready: VecDeque<Item>,
}

impl Reader {
    async fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            self.changed.borrow_and_update();
            let page = self.read().await.ok()?;
            let moved = page.read_to > self.seq;
            self.seq = page.read_to;
            self.ready = page.items.into();
            if self.ready.is_empty() {
                tokio::select! {
                    () = self.stop.cancelled() => return None,
                    // A filter that found nothing in what it looked at goes on with the rest at once.
                    () = std::future::ready(()), if moved => {}
                    _ = self.changed.changed() => {}
                    () = tokio::time::sleep(POLL) => {}
                }
            }
        }
    }

    async fn read(&self) -> Result<Page> {
        let _turn = if self.filter.is_search() { SEARCHES.acquire().await.ok() } else { None };
        let mut db = self.pool.acquire().await?;
        feed::after(&mut db, self.seq, &self.filter, BATCH).await
    }
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
