//! `cargo xtask test`: every check there is, cheap ones first.

use anyhow::Result;

use crate::run::{cargo, step};
use crate::{audit, contracts, openapi, sqlx_cache};

/// `deep` takes hours: more fuzzing of the contracts, more random histories and kills of the mirror.
pub fn run(deep: bool) -> Result<()> {
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
    step("contract tests", || contracts::test(&tools, deep))?;
    step("forge tested what ships", || contracts::same_bytecode(&tools))?;
    if piecework_toolchain::python::possible() {
        audit::run()?;
    } else {
        eprintln!("\nleft out: `cargo xtask audit` needs Python 3.9 or newer as `python3`, with its venv module");
    }
    // Threads share two cores with whole stacks of processes; the end-to-end tests take turns by themselves.
    let mut envs = offline.to_vec();
    envs.extend(deep.then_some(("PIECEWORK_DEEP", "1")));
    step("Rust tests, end to end included", || cargo(&tools, &["test", "--workspace"], &envs))?;
    eprintln!("\nall checks passed");
    Ok(())
}
