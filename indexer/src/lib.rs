//! Mirrors the escrow's events into Postgres (DESIGN §6). One process leads a chain: it fetches final history in ranges, follows the
//! head block by block, commits events, projections and cursor together, and on a reorg brings back the versions that held at
//! the fork point.

mod backfill;
mod check;
mod endpoints;
mod error;
mod fold;
mod follow;
mod range;
mod rollback;
mod source;
mod tags;

pub use backfill::Backfill;
pub use endpoints::Endpoints;
pub use error::Error;
pub use follow::{Config, run};
pub use range::{Fetched, Verify};
