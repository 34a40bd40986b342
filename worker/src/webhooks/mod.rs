//! Telling webhooks what the event stream tells: every item in order, each until it is taken. Any number of workers share the webhooks.

mod post;
mod retry;

use std::time::Duration;

use piecework_outbound::Reach;
use piecework_store::feed::{self, Page};
use piecework_store::listen::{self, Listener};
use piecework_store::webhooks::due::{self, Due};
use piecework_store::{PgPool, PoolConnection};
use post::{Poster, Told};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{Error, acquire};

/// Receivers asked at once: those that answer quickly, and those that don't or fail. The latter never wait in the former's way.
const QUICK_AT_ONCE: usize = 32;
const SLOW_AT_ONCE: usize = 16;
/// An answer that takes longer is slow.
const QUICK: Duration = Duration::from_secs(2);
/// A receiver has its worker for so long, and is nobody else's for the lease: far more than a turn and one answer take.
const TURN: Duration = Duration::from_secs(10);
const LEASE: Duration = Duration::from_secs(60);
/// Items read at once.
const BATCH: i64 = 20;
/// Connections of the database used at once: pay never waits for one.
static CONNECTIONS: Semaphore = Semaphore::const_new(4);

/// Tells until `stop`.
pub async fn run(pool: &PgPool, reach: Reach, poll: Duration, stop: &CancellationToken) {
    let poster = match Poster::new(reach) {
        Ok(poster) => poster,
        Err(err) => {
            tracing::error!(error = &err as &dyn std::error::Error, "webhooks can't be told here");
            return;
        }
    };
    tokio::join!(
        lane(pool, &poster, false, QUICK_AT_ONCE, poll, stop),
        lane(pool, &poster, true, SLOW_AT_ONCE, poll, stop)
    );
}

async fn lane(pool: &PgPool, poster: &Poster, slow: bool, at_once: usize, poll: Duration, stop: &CancellationToken) {
    // Tasks: a turn goes on, and gives its connection back, while this one waits for the database.
    let mut turns = JoinSet::new();
    let mut news: Option<Listener> = None;
    while !stop.is_cancelled() {
        let free = at_once.saturating_sub(turns.len());
        match take(pool, slow, free).await {
            Ok(found) => found.into_iter().for_each(|due| {
                turns.spawn(turn(pool.clone(), poster.clone(), due, stop.clone()));
            }),
            Err(err) => {
                warn(&err);
                news = None;
            }
        }
        if news.is_none() {
            news = Listener::on(pool, listen::FEED).await.ok();
        }
        tokio::select! {
            () = stop.cancelled() => {}
            Some(_) = turns.join_next() => {}
            () = tokio::time::sleep(poll) => {}
            heard = heard(&mut news), if free > 0 => if heard.is_err() { news = None },
        }
    }
    // What is under way is finished: it was sent, and its receiver's answer counts.
    while turns.join_next().await.is_some() {}
}

async fn take(pool: &PgPool, slow: bool, free: usize) -> Result<Vec<Due>, Error> {
    let Some(limit) = i64::try_from(free).ok().filter(|limit| *limit > 0) else { return Ok(Vec::new()) };
    Ok(due::take(&mut connect(pool).await?.1, slow, limit, LEASE).await?)
}

async fn connect(pool: &PgPool) -> Result<(SemaphorePermit<'static>, PoolConnection), Error> {
    // It is never closed.
    let turn = CONNECTIONS.acquire().await.map_err(|err| Error::Http(err.to_string()))?;
    Ok((turn, acquire(pool).await?))
}

async fn heard(news: &mut Option<Listener>) -> Result<(), piecework_store::Error> {
    match news {
        Some(listener) => listener.changed().await,
        None => std::future::pending().await,
    }
}

fn warn(err: &Error) {
    tracing::warn!(error = err as &dyn std::error::Error, "webhooks; trying again");
}

/// A failure here leaves the webhook to the next who takes it when its lease is over.
async fn turn(pool: PgPool, poster: Poster, due: Due, stop: CancellationToken) {
    if let Err(err) = tell_all(&pool, &poster, due, &stop).await {
        warn(&err);
    }
}

/// Tells what there is, for a turn.
async fn tell_all(pool: &PgPool, poster: &Poster, due: Due, stop: &CancellationToken) -> Result<(), Error> {
    let began = Instant::now();
    let (mut seq, mut slow) = (due.seq, false);
    'turn: while began.elapsed() < TURN && !stop.is_cancelled() {
        let Page { items, read_to } = feed::after(&mut connect(pool).await?.1, seq, &due.filter, BATCH).await?;
        if read_to == seq {
            break;
        }
        for item in items {
            if began.elapsed() >= TURN || stop.is_cancelled() {
                break 'turn;
            }
            let asked = Instant::now();
            let told = poster.tell(&due.url, &due.secrets, &item).await?;
            slow |= asked.elapsed() > QUICK;
            metrics::counter!("piecework_webhook_messages_total", "told" => label(&told)).increment(1);
            let (_turn, mut db) = connect(pool).await?;
            let (why, pause, gone) = match told {
                Told::Taken => {
                    if !due::passed(&mut db, due.id, seq, item.seq, true).await? {
                        // Its owner moved or removed it.
                        break 'turn;
                    }
                    seq = item.seq;
                    continue;
                }
                Told::Gone => ("HTTP 410 Gone: it wants no more".to_owned(), None, true),
                Told::Refused { why, pause } => (why, pause, false),
            };
            // Failures in a row: one that took something in this turn begins anew.
            let failures = if seq == due.seq { due.failures } else { 0 };
            let pause = retry::pause(failures, pause, rand::random());
            return Ok(due::failed(&mut db, due.id, seq, &why, pause, retry::GIVE_UP, gone).await?);
        }
        if read_to > seq {
            if !due::passed(&mut connect(pool).await?.1, due.id, seq, read_to, false).await? {
                break;
            }
            seq = read_to;
        }
    }
    Ok(due::release(&mut connect(pool).await?.1, due.id, slow).await?)
}

fn label(told: &Told) -> &'static str {
    match told {
        Told::Taken => "taken",
        Told::Gone => "gone",
        Told::Refused { .. } => "refused",
    }
}
