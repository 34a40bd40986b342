//! `cargo xtask`: what developers and CI run.

mod audit;
mod bench;
mod contracts;
mod openapi;
mod run;
mod sqlx_cache;
mod test;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development tasks of Piecework")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Every check and every test: format, lints, contracts, freshness, Rust, end to end
    Test {
        /// For hours: more fuzzing, more random histories, more kills
        #[arg(long)]
        deep: bool,
    },
    /// Static and symbolic checks of the contracts; needs Python 3 for tools from PyPI
    Audit,
    /// Measure
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    /// Write `contracts/artifacts` from the sources, without the binary, which needs them to compile
    Contracts,
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

#[derive(Subcommand)]
enum Bench {
    /// Gas of redemptions and the like, beside plain transfers
    Gas {
        /// Print one JSON object on the last line
        #[arg(long)]
        json: bool,
    },
    /// How fast the mirror is, beside Ponder: backfill, live delay, reorgs (see --help after --)
    Index(OfCrate),
    /// How fast the API's lists are, from ten thousand to a million rows (see --help after --)
    Lists(OfCrate),
    /// How fast claims are judged and paid, and what one verifier carries (see --help after --)
    Verify(OfCrate),
}

#[derive(Args)]
struct OfCrate {
    /// Print one JSON object on the last line
    #[arg(long)]
    json: bool,
    /// For the benchmark itself, such as `--events 20000`
    #[arg(last = true)]
    arguments: Vec<String>,
}

impl OfCrate {
    fn run(mut self, what: &str) -> Result<()> {
        self.arguments.extend(self.json.then(|| "--json".to_owned()));
        bench::of_crate(what, &self.arguments)
    }
}

fn main() -> Result<()> {
    match Cli::parse().task {
        Task::Test { deep } => test::run(deep),
        Task::Audit => audit::run(),
        Task::Bench { what: Bench::Gas { json } } => bench::gas(json),
        Task::Bench { what: Bench::Index(options) } => options.run("index"),
        Task::Bench { what: Bench::Lists(options) } => options.run("lists"),
        Task::Bench { what: Bench::Verify(options) } => {
            // Its parts run as processes of their own.
            let build = ["build", "--release", "--quiet", "--bin", "piecework"];
            run::cargo(&piecework_toolchain::ensure_installed()?, &build, &[("SQLX_OFFLINE", "true")])?;
            options.run("verify")
        }
        Task::Contracts => contracts::build(),
        Task::Sqlx { check } => sqlx_cache::run(check),
        Task::Openapi { check } => openapi::run(check),
    }
}
