//! The loop around the steps: lead the chain, wait out what passes, stop at what does not.

use std::sync::Arc;
use std::time::Duration;

use alloy::providers::DynProvider;
use piecework_store::{PgConnection, PgPool, chains};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::endpoints::Endpoints;
use crate::follow::{Config, Follower, Step, begin, commit};

/// How often a process that does not lead asks whether it can.
const STAND_BY: Duration = Duration::from_millis(500);
/// The longest pause after failures in a row.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Indexes one chain until `stop`, whenever no other process does. Endpoint and database failures are waited out; undecodable logs
/// and too deep reorgs end it. `woken` says that there may be a new block; without it they are polled for.
pub async fn run(
    pool: PgPool,
    providers: Vec<DynProvider>,
    config: Config,
    woken: Arc<Notify>,
    stop: CancellationToken,
) -> Result<(), Error> {
    let endpoints = Arc::new(Endpoints::new(config.chain_id, config.escrow, config.headers, providers));
    let mut failures: u32 = 0;
    while !stop.is_cancelled() {
        let mut follower = Follower::new(endpoints.clone(), &config);
        let ended = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            db = lead(&pool, config.chain_id) => match db {
                Ok(mut db) => follow(&mut follower, &mut db, &woken, &stop, &mut failures).await,
                Err(err) => Err(err),
            },
        };
        match ended {
            Ok(()) => return Ok(()),
            // The connection is gone, and with it the lead.
            Err(err) if err.retryable() => pause(&err, &mut failures, config.poll_interval, &stop).await,
            Err(err) => return Err(err),
        }
    }
    Ok(())
}

/// Forgets a chain once no other process leads it, so that `run` starts from its first block. Readers see an empty mirror meanwhile.
pub async fn rebuild(pool: &PgPool, chain_id: u64) -> Result<(), Error> {
    let mut db = lead(pool, chain_id).await?;
    let mut db_tx = begin(&mut db).await?;
    chains::forget(&mut db_tx, chain_id).await?;
    commit(db_tx).await
}

/// A connection that leads the chain: no other process writes while it lives. Everything is written through it, so whoever loses
/// it can't write either.
async fn lead(pool: &PgPool, chain_id: u64) -> Result<PgConnection, Error> {
    let mut db = pool.acquire().await.map_err(piecework_store::Error::from)?.detach();
    while !chains::try_lead(&mut db, chain_id).await? {
        tokio::time::sleep(STAND_BY).await;
    }
    tracing::info!(chain_id, "leading");
    Ok(db)
}

async fn pause(err: &Error, failures: &mut u32, poll_interval: Duration, stop: &CancellationToken) {
    *failures = failures.saturating_add(1);
    tracing::warn!(error = err as &dyn std::error::Error, failures, "indexing paused; trying again");
    let pause = poll_interval * 2_u32.saturating_pow((*failures).min(6));
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(pause.min(PAUSE_MAX)) => {}
    }
}

/// Steps until `stop` or until the database is gone.
async fn follow(
    follower: &mut Follower<'_>,
    db: &mut PgConnection,
    woken: &Notify,
    stop: &CancellationToken,
    failures: &mut u32,
) -> Result<(), Error> {
    loop {
        match follower.step(db, stop).await {
            Ok(step) => {
                *failures = 0;
                if stop.is_cancelled() {
                    return Ok(());
                }
                if let Step::AtHead = step {
                    tokio::select! {
                        () = stop.cancelled() => return Ok(()),
                        () = woken.notified() => {}
                        () = tokio::time::sleep(follower.config.poll_interval) => {}
                    }
                }
            }
            Err(err @ Error::Store(_)) => return Err(err),
            // Asked again at once it may well move again.
            Err(Error::Moved) => tokio::time::sleep(follower.config.poll_interval).await,
            Err(err) if err.retryable() => {
                follower.endpoints.blame(&err);
                // With another endpoint to ask there is nothing to wait for.
                if follower.endpoints.pick().is_err() {
                    pause(&err, failures, follower.config.poll_interval, stop).await;
                } else {
                    tracing::warn!(error = &err as &dyn std::error::Error, "asking another endpoint");
                }
                if stop.is_cancelled() {
                    return Ok(());
                }
            }
            Err(err) => return Err(err),
        }
    }
}
