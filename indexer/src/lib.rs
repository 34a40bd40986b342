//! Mirrors the escrow's events into Postgres (DESIGN §6). One process leads a chain: it fetches final history in ranges, follows the
//! head block by block, commits events, projections and cursor together, and on a reorg brings back the versions that held at
//! the fork point.

mod audit;
mod backfill;
mod check;
mod endpoints;
mod error;
mod fold;
mod follow;
mod heads;
mod lead;
mod range;
mod rollback;
mod source;
mod tags;

pub use audit::{Report, audit};
pub use backfill::{Backfill, Plan};
pub use endpoints::Endpoints;
pub use error::Error;
pub use follow::{Config, Headers};
pub use heads::listen;
pub use lead::{rebuild, run};
pub use range::{Fetched, Verify};
