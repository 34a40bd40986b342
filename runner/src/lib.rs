//! A runner's companion. For `sequencer` work it watches the runner's own node, signs a block claim for every block, stores it, and
//! sends what is stored in batches until the API has it: a disconnect or a restart loses nothing. For `rpc` work it tells where the
//! node answers.

mod clock;
mod engaged;
mod error;
mod journal;
mod node;
mod run;
mod turn;
mod work;

pub use error::Error;
pub use run::{Config, run};
