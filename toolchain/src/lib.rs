//! Tools that come from npm packages: anvil, forge, the Solidity compiler and PostgreSQL.
//!
//! Nothing here is needed by a process in production; `demo`, `dev`, `contracts build` and the tests use it.

pub mod anvil;
mod artifacts;
pub mod guard;
mod npm;
mod paths;
pub mod postgres;
pub mod python;

pub use artifacts::{ArtifactState, build_contracts};
pub use npm::ensure_installed;
pub use paths::Tools;
