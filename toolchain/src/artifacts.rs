//! Compiling the contracts into the committed artifacts.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use foundry_compilers::artifacts::output_selection::OutputSelection;
use foundry_compilers::artifacts::remappings::Remapping;
use foundry_compilers::artifacts::{BytecodeHash, EvmVersion, Settings, SettingsMetadata};
use foundry_compilers::compilers::solc::{Solc, SolcCompiler, SolcSettings};
use foundry_compilers::{ProjectBuilder, ProjectPathsConfig};
use serde_json::{Value, json};

use crate::Tools;

pub(crate) const SOLC_VERSION: &str = "0.8.37";

/// Contracts that are deployed, or that Rust binds to. Everything else is part of one of these.
const CONTRACTS: [&str; 6] = ["Escrow", "Settlement", "Court", "VerifierBond", "DepositAddress", "TestUSD"];

/// The escrow answers for the code of all its parts (docs/adr/0005), so its ABI is theirs together.
const ESCROW_PARTS: [&str; 3] = ["Escrow", "Settlement", "Court"];

/// EIP-170: bytes of runtime code a contract may have.
const RUNTIME_BYTES_MAX: usize = 24_576;

/// What was found when the artifacts were compared with a fresh compilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArtifactState {
    Unchanged,
    Written,
    Stale,
}

/// Compiles `contracts/src` with the settings of `foundry.toml` and writes `contracts/artifacts/*.json`
/// (ABI, creation and runtime bytecode). With `check` nothing is written and differences are reported as `Stale`.
pub fn build_contracts(tools: &Tools, check: bool) -> Result<Vec<(&'static str, ArtifactState)>> {
    let root = tools.root();
    let paths = ProjectPathsConfig::builder()
        .root(root)
        .sources(root.join("contracts/src"))
        .artifacts(root.join("contracts/out"))
        .cache(root.join("contracts/cache/piecework.json"))
        .lib(tools.node_modules())
        .remapping(Remapping {
            context: None,
            name: "@openzeppelin/".to_owned(),
            path: tools.node_modules().join("@openzeppelin").display().to_string(),
        })
        .build()?;
    let solc = Solc::new(tools.solc()).context("asking the Solidity compiler for its version")?;
    let project = ProjectBuilder::<SolcCompiler>::default()
        .paths(paths)
        .settings(SolcSettings { settings: settings(), ..SolcSettings::default() })
        .ephemeral()
        .no_artifacts()
        .build(SolcCompiler::Specific(solc))?;
    let output = project.compile().context("compiling the contracts")?;
    ensure!(!output.has_compiler_errors(), "the contracts do not compile:\n{output}");

    let dir = root.join("contracts/artifacts");
    let find = |name: &str| -> Result<Value> {
        let contract = output.find_first(name).with_context(|| format!("no contract {name} in the output"))?;
        Ok(serde_json::to_value(contract)?)
    };
    let mut states = Vec::new();
    for name in CONTRACTS {
        let contract = find(name)?;
        let runtime = object(&contract, "deployedBytecode")?;
        let runtime_bytes = runtime.len() / 2 - 1;
        ensure!(
            runtime_bytes <= RUNTIME_BYTES_MAX,
            "{name} has {runtime_bytes} bytes of runtime code, more than the {RUNTIME_BYTES_MAX} a chain accepts"
        );
        let abi = match name {
            "Escrow" => json!(merged_abi(ESCROW_PARTS.map(&find).into_iter().collect::<Result<Vec<_>>>()?)),
            _ => contract["abi"].clone(),
        };
        let artifact = json!({
            "contractName": name,
            "compiler": SOLC_VERSION,
            "abi": abi,
            "bytecode": object(&contract, "bytecode")?,
            "deployedBytecode": runtime,
        });
        states.push((name, write(&dir.join(format!("{name}.json")), &artifact, check)?));
    }
    Ok(states)
}

/// The settings of `foundry.toml`; `cargo xtask test` compares forge's bytecode with the artifacts.
fn settings() -> Settings {
    let mut settings = Settings::new(OutputSelection::default_output_selection());
    settings.optimizer.enabled = Some(true);
    settings.optimizer.runs = Some(600);
    settings.via_ir = Some(true);
    settings.evm_version = Some(EvmVersion::Cancun);
    settings.metadata = Some(SettingsMetadata::new(BytecodeHash::None, false));
    settings
}

/// Functions, events and errors of several contracts, each once; the constructor and the fallback are the first contract's.
fn merged_abi(contracts: Vec<Value>) -> Vec<Value> {
    let mut merged: Vec<Value> = Vec::new();
    for (index, contract) in contracts.iter().enumerate() {
        for item in contract["abi"].as_array().into_iter().flatten() {
            let named = item.get("name").is_some();
            if (index == 0 || named) && !merged.contains(item) {
                merged.push(item.clone());
            }
        }
    }
    merged
}

fn object(contract: &Value, key: &str) -> Result<String> {
    let code = contract[key]["object"].as_str().or_else(|| contract[key].as_str());
    match code {
        Some(code) if code.starts_with("0x") => Ok(code.to_owned()),
        Some(code) => Ok(format!("0x{code}")),
        None => bail!("the compiler gave no {key}"),
    }
}

fn write(path: &Path, artifact: &Value, check: bool) -> Result<ArtifactState> {
    let text = serde_json::to_string_pretty(artifact)? + "\n";
    if std::fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(ArtifactState::Unchanged);
    }
    if check {
        return Ok(ArtifactState::Stale);
    }
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    Ok(ArtifactState::Written)
}
