//! `cargo xtask`: what developers and CI run.

mod contracts;
mod openapi;
mod run;
mod sqlx_cache;
mod test;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development tasks of Piecework")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Every check and every test: format, lints, contracts, freshness, Rust, end to end
    Test,
    /// Check the queries against a fresh database and write `store/.sqlx` (same as `cargo sqlx prepare`)
    Sqlx {
        /// Write nothing; fail if it is stale
        #[arg(long)]
        check: bool,
    },
    /// Write `api/openapi.json` from the code
    Openapi {
        /// Write nothing; fail if it is stale
        #[arg(long)]
        check: bool,
    },
}

fn main() -> Result<()> {
    match Cli::parse().task {
        Task::Test => test::run(),
        Task::Sqlx { check } => sqlx_cache::run(check),
        Task::Openapi { check } => openapi::run(check),
    }
}
