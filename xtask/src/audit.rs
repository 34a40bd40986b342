//! `cargo xtask audit`: static and symbolic checks of the contracts, with tools from PyPI in a private environment.

mod halmos;
mod slither;

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Result, ensure};
use piecework_toolchain::{Tools, ensure_installed, python};

use crate::run::step;

pub fn run() -> Result<()> {
    let tools = ensure_installed()?;
    let dir = tools.root().join("target/audit");
    ensure!(python::possible(), "the audit needs Python 3.9 or newer as `python3`, with its venv module");
    step("audit tools from PyPI", || tools.python("audit", "contracts/audit/requirements.txt").map(drop))?;
    step("Slither", || slither::run(&tools, &dir))?;
    step("Halmos", || halmos::run(&tools, &dir))
}

/// Both tools call `forge` by its name.
fn forge_on_path(tools: &Tools) -> Result<OsString> {
    let forge = tools.forge()?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = forge.parent().map(Path::to_owned).into_iter().chain(std::env::split_paths(&path));
    Ok(std::env::join_paths(dirs)?)
}
