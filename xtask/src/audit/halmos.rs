//! Halmos: what `contracts/audit/symbolic` says about the rules, proven for all arguments at once.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use piecework_toolchain::Tools;

use super::forge_on_path;
use crate::run::program;

const CHECKS: &str = "contracts/audit/symbolic";
/// One question to the solver; an unanswered one fails.
const SOLVER_MS: &str = "120000";

pub fn run(tools: &Tools, dir: &Path) -> Result<()> {
    let python = dir.join("venv/bin/python").display().to_string();
    let solver = tools.root().join("contracts/audit/solver.py").display().to_string();
    program(tools, &python, &[&solver, "--test"], &[])?;

    let status = Command::new(dir.join("venv/bin/halmos"))
        // A failed assertion, an overflow or a division by zero: the panics that would be a bug of the rules.
        .args(["--panic-error-codes", "0x01,0x11,0x12", "--no-status", "--solver-timeout-assertion", SOLVER_MS])
        .arg("--solver-command")
        .arg(format!("{python} {solver}"))
        .arg("--forge-build-out")
        .arg(dir.join("halmos"))
        .env("PATH", forge_on_path(tools)?)
        .env("FOUNDRY_SRC", CHECKS)
        .env("FOUNDRY_TEST", CHECKS)
        .env("FOUNDRY_OUT", dir.join("halmos"))
        .env("FOUNDRY_CACHE_PATH", dir.join("halmos-cache"))
        .env("FOUNDRY_SOLC", tools.solc())
        .env("FOUNDRY_LINT_LINT_ON_BUILD", "false")
        .env("FOUNDRY_PROFILE", "audit")
        .current_dir(tools.root())
        .status()
        .context("starting halmos")?;
    ensure!(status.success(), "halmos: {status}");
    Ok(())
}
