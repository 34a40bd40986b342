//! `cargo xtask audit`: static and symbolic checks of the contracts, with tools from PyPI in a private environment.

mod halmos;
mod slither;

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use piecework_toolchain::{Tools, ensure_installed};

use crate::run::{program, step};

pub fn run() -> Result<()> {
    let tools = ensure_installed()?;
    let dir = tools.root().join("target/audit");
    ensure!(possible(), "the audit needs Python 3.9 or newer as `python3`, with its venv module");
    step("audit tools from PyPI", || install(&tools, &dir))?;
    step("Slither", || slither::run(&tools, &dir))?;
    step("Halmos", || halmos::run(&tools, &dir))
}

/// Whether this machine has the Python that the tools are written in.
pub fn possible() -> bool {
    let venv = Command::new("python3").args(["-c", "import venv, ensurepip"]).stderr(Stdio::null()).status();
    venv.is_ok_and(|status| status.success())
}

/// Both tools call `forge` by its name.
fn forge_on_path(tools: &Tools) -> Result<OsString> {
    let forge = tools.forge()?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = forge.parent().map(Path::to_owned).into_iter().chain(std::env::split_paths(&path));
    Ok(std::env::join_paths(dirs)?)
}

fn install(tools: &Tools, dir: &Path) -> Result<()> {
    let requirements = tools.root().join("contracts/audit/requirements.txt");
    let venv = dir.join("venv");
    let stamp = venv.join("installed.txt");
    let wanted = std::fs::read(&requirements).with_context(|| format!("reading {}", requirements.display()))?;
    if std::fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    program(tools, "python3", &["-m", "venv", &venv.display().to_string()], &[])?;
    let pip = venv.join("bin/pip");
    program(tools, pip, &["install", "--quiet", "--requirement", &requirements.display().to_string()], &[])?;
    std::fs::write(&stamp, wanted).context("noting what is installed")
}
