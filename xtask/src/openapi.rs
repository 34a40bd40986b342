//! The committed OpenAPI document.

use std::process::Command;

use anyhow::{Context, Result, ensure};

pub fn run(check: bool) -> Result<()> {
    let tools = piecework_toolchain::Tools::locate()?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let out = Command::new(cargo)
        .args(["run", "--quiet", "--bin", "piecework", "--", "openapi"])
        .env("SQLX_OFFLINE", "true")
        .current_dir(tools.root())
        .output()
        .context("running `piecework openapi`")?;
    ensure!(out.status.success(), "`piecework openapi` failed:\n{}", String::from_utf8_lossy(&out.stderr));
    let path = tools.root().join("api/openapi.json");
    let committed = std::fs::read(&path).unwrap_or_default();
    if check {
        ensure!(committed == out.stdout, "api/openapi.json is stale: run `cargo xtask openapi` and commit the result");
    } else {
        std::fs::write(&path, &out.stdout).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}
