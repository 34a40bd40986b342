//! The payout worker: decides what to send (payments, deposits, awards, redemptions, reports of equivocation), signs it, stores the
//! signed bytes, sends them as often as needed, and records what became of them. Any number of workers may share one database and
//! one key.

mod awards;
mod chain;
mod clock;
mod decide;
mod deposits;
mod equivocations;
mod error;
mod forget;
mod outbox;
mod payouts;
mod relay;
mod run;
mod settle;
mod tokens;
mod webhooks;
mod x402;

pub use decide::Policy;
pub use error::Error;
pub use piecework_outbound::Reach;
pub use relay::Relay;
pub use run::{Config, run};

async fn acquire(pool: &piecework_store::PgPool) -> Result<piecework_store::PoolConnection, Error> {
    Ok(pool.acquire().await.map_err(piecework_store::Error::from)?)
}

async fn begin(pool: &piecework_store::PgPool) -> Result<piecework_store::Transaction<'static>, Error> {
    Ok(pool.begin().await.map_err(piecework_store::Error::from)?)
}

async fn commit(db_tx: piecework_store::Transaction<'_>) -> Result<(), Error> {
    Ok(db_tx.commit().await.map_err(piecework_store::Error::from)?)
}
