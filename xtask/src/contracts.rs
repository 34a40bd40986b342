//! Checks of the contracts: format, artifacts, tests, and that forge compiles what ships.

use anyhow::{Context, Result, ensure};
use piecework_toolchain::{ArtifactState, Tools, build_contracts, ensure_installed};
use serde_json::Value;

use crate::run::program;

pub fn format(tools: &Tools) -> Result<()> {
    program(tools, tools.forge()?, &["fmt", "--check"], &[])
}

/// As `piecework contracts build`, which can't be compiled while the bindings wait for a new ABI.
pub fn build() -> Result<()> {
    for (name, state) in build_contracts(&ensure_installed()?, false)? {
        println!("{name}: {state:?}");
    }
    Ok(())
}

pub fn artifacts(tools: &Tools) -> Result<()> {
    for (name, state) in build_contracts(tools, true)? {
        ensure!(
            state != ArtifactState::Stale,
            "contracts/artifacts/{name}.json is stale: run `cargo xtask contracts` and commit the result"
        );
    }
    Ok(())
}

pub fn test(tools: &Tools, deep: bool) -> Result<()> {
    let solc = tools.solc().display().to_string();
    let profile = if deep { "deep" } else { "default" };
    let envs = [("FORGE_SNAPSHOT_CHECK", "true"), ("FOUNDRY_PROFILE", profile)];
    program(tools, tools.forge()?, &["test", "--use", &solc], &envs)
}

/// Runs the gas tests alone, which writes `contracts/snapshots/gas.json`.
pub fn measure_gas(tools: &Tools) -> Result<()> {
    let solc = tools.solc().display().to_string();
    // A directory of its own: forge compiles what lies below, and no other test.
    let only = [
        ("FOUNDRY_TEST", "contracts/test/gas"),
        ("FOUNDRY_OUT", "contracts/out/gas"),
        ("FOUNDRY_CACHE_PATH", "contracts/cache/gas"),
    ];
    program(tools, tools.forge()?, &["test", "--use", &solc], &only)
}

/// The bytecode that forge tested is the bytecode that ships.
pub fn same_bytecode(tools: &Tools) -> Result<()> {
    let read = |path: String| -> Result<Value> {
        let path = tools.root().join(path);
        let text = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(serde_json::from_slice(&text)?)
    };
    for name in ["Escrow", "Settlement", "Court", "VerifierBond", "DepositAddress", "TestUSD"] {
        let forge = read(format!("contracts/out/{name}.sol/{name}.json"))?;
        let ours = read(format!("contracts/artifacts/{name}.json"))?;
        ensure!(
            forge["bytecode"]["object"] == ours["bytecode"],
            "forge compiles {name} with other settings than `piecework contracts build`: compare foundry.toml and toolchain/src/artifacts.rs"
        );
    }
    Ok(())
}
