//! All SQL of Piecework, one file per aggregate. Functions take a connection and never begin or commit: the caller owns the
//! `db_tx`. Queries are checked against the schema at build time (`.sqlx`, see `cargo xtask sqlx`).

pub mod assignments;
pub mod awards;
pub mod balances;
pub mod bids;
pub mod bounties;
pub mod canaries;
pub mod chains;
pub mod claims;
mod convert;
mod copy;
pub mod dues;
pub mod endpoints;
pub mod engagements;
pub mod equivocations;
mod error;
pub mod events;
pub mod evidence;
pub mod feed;
pub mod idempotency;
pub mod listen;
pub mod offers;
pub mod payments;
pub mod payout_wishes;
pub mod payouts;
pub mod records;
pub mod relayed_tokens;
mod schema;
pub mod sessions;
pub mod specs;
pub mod statements;
pub mod txs;
pub mod webhooks;

pub use error::{Error, Result};
pub use schema::{analyze, connect, fresh_database, migrate};
pub use sqlx::types::time::OffsetDateTime;
pub use sqlx::{Connection, PgConnection, PgPool};

/// A db_tx. Dropped without a commit it never happened.
pub type Transaction<'c> = sqlx::Transaction<'c, sqlx::Postgres>;

/// A connection borrowed from a pool.
pub type PoolConnection = sqlx::pool::PoolConnection<sqlx::Postgres>;
