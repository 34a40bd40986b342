//! One verifier. It needs the API's URL, a key, and RPC endpoints of its own; it can be run by anyone.
//!
//! It watches each chain itself, remembers when it first saw every block, and judges epochs by `domain`'s rules. A verdict is
//! stored before it is signed, so a restart never signs a second, different one.

mod account;
mod acts;
mod clock;
mod duties;
mod error;
mod escrow;
mod judge;
mod memory;
mod policy;
mod probe;
mod recent;
mod replay;
mod round;
mod run;
mod sign;
mod watch;

pub use error::Error;
pub use policy::{Declined, Policy};
pub use replay::{OwnView, Replay, replay};
pub use run::{Config, run};
