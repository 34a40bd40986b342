//! `piecework contracts build`.

use anyhow::{Result, ensure};
use piecework_toolchain::{ArtifactState, build_contracts, ensure_installed};

use crate::cli::Contracts;

pub fn run(command: &Contracts) -> Result<()> {
    let Contracts::Build { check } = *command;
    let states = build_contracts(&ensure_installed()?, check)?;
    for (name, state) in &states {
        println!("{name}: {state:?}");
    }
    let stale = states.iter().any(|(_, state)| *state == ArtifactState::Stale);
    ensure!(!stale, "contracts/artifacts is stale: run `piecework contracts build` and commit the result");
    Ok(())
}
