//! `cargo xtask test`: every check there is, cheap ones first.

use anyhow::Result;

use crate::run::{cargo, step};
use crate::{contracts, openapi, sqlx_cache};

pub fn run() -> Result<()> {
    let tools = piecework_toolchain::ensure_installed()?;
    let offline = [("SQLX_OFFLINE", "true")];
    step("cargo fmt --check", || cargo(&tools, &["fmt", "--all", "--check"], &[]))?;
    step("forge fmt --check", || contracts::format(&tools))?;
    step("contract artifacts are fresh", || contracts::artifacts(&tools))?;
    step("checked queries are fresh", || sqlx_cache::run(true))?;
    step("clippy", || {
        let args = ["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"];
        cargo(&tools, &args, &offline)
    })?;
    step("build", || cargo(&tools, &["build", "--workspace", "--all-targets"], &offline))?;
    step("OpenAPI document is fresh", || openapi::run(true))?;
    step("contract tests", || contracts::test(&tools))?;
    step("forge tested what ships", || contracts::same_bytecode(&tools))?;
    // Threads share two cores with whole stacks of processes; the end-to-end tests take turns by themselves.
    step("Rust tests, end to end included", || cargo(&tools, &["test", "--workspace"], &offline))?;
    eprintln!("\nall checks passed");
    Ok(())
}
