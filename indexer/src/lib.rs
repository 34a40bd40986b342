//! Mirrors the escrow's events into Postgres: fetch a range, decode it, apply it and move the cursor in one db_tx; on a
//! parent-hash mismatch find the fork point and roll back in one db_tx (DESIGN §6).

mod apply;
mod error;
mod follow;
mod rollback;
mod source;

pub use error::Error;
pub use follow::{Config, run};
