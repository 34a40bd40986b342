//! The payout worker: decides what to send (deposits, awards, redemptions), signs it, stores the signed bytes, sends them as
//! often as needed, and records what became of them. Any number of workers may share one database and one key.

mod awards;
mod chain;
mod clock;
mod deposits;
mod error;
mod outbox;
mod payouts;
mod run;

pub use error::Error;
pub use run::{Config, run};
