//! Running programs and saying so.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use piecework_toolchain::Tools;

/// A step of a longer task, announced and timed.
pub fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    eprintln!("\n── {name}");
    let started = Instant::now();
    work().with_context(|| format!("failed: {name}"))?;
    eprintln!("── {name}: ok ({} s)", started.elapsed().as_secs());
    Ok(())
}

/// Runs a program in the repository; its output is the caller's.
pub fn program(
    tools: &Tools,
    program: impl AsRef<std::ffi::OsStr>,
    args: &[&str],
    envs: &[(&str, &str)],
) -> Result<()> {
    let name = program.as_ref().to_string_lossy().into_owned();
    let status = Command::new(program)
        .args(args)
        .envs(envs.iter().copied())
        .current_dir(tools.root())
        .status()
        .with_context(|| format!("starting {name}"))?;
    ensure!(status.success(), "`{name} {}` failed", args.join(" "));
    Ok(())
}

pub fn cargo(tools: &Tools, args: &[&str], envs: &[(&str, &str)]) -> Result<()> {
    program(tools, std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), args, envs)
}
