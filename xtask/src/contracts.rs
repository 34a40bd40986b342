//! Checks of the contracts: format, artifacts, tests, and that forge compiles what ships.

use anyhow::{Context, Result, ensure};
use piecework_toolchain::{ArtifactState, Tools, build_contracts};
use serde_json::Value;

use crate::run::program;

pub fn format(tools: &Tools) -> Result<()> {
    program(tools, tools.forge()?, &["fmt", "--check"], &[])
}

pub fn artifacts(tools: &Tools) -> Result<()> {
    for (name, state) in build_contracts(tools, true)? {
        ensure!(
            state != ArtifactState::Stale,
            "contracts/artifacts/{name}.json is stale: run `cargo run -- contracts build` and commit the result"
        );
    }
    Ok(())
}

pub fn test(tools: &Tools) -> Result<()> {
    let solc = tools.solc().display().to_string();
    program(tools, tools.forge()?, &["test", "--use", &solc], &[])
}

/// The bytecode that forge tested is the bytecode that ships.
pub fn same_bytecode(tools: &Tools) -> Result<()> {
    let read = |path: String| -> Result<Value> {
        let path = tools.root().join(path);
        let text = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(serde_json::from_slice(&text)?)
    };
    for name in ["Escrow", "DepositAddress", "TestUSD"] {
        let forge = read(format!("contracts/out/{name}.sol/{name}.json"))?;
        let ours = read(format!("contracts/artifacts/{name}.json"))?;
        ensure!(
            forge["bytecode"]["object"] == ours["bytecode"],
            "forge compiles {name} with other settings than `piecework contracts build`: compare foundry.toml and toolchain/src/artifacts.rs"
        );
    }
    Ok(())
}
