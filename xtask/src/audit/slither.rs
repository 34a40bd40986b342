//! Slither, with every finding explained.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use piecework_toolchain::Tools;
use serde::Deserialize;
use serde_json::Value;

use super::forge_on_path;
use crate::run::program;

/// A finding of Slither that was looked at: which detector, where, and why it is fine.
#[derive(Deserialize)]
struct Allowed {
    check: String,
    why: String,
    #[serde(rename = "where")]
    places: Vec<String>,
}

/// A detector and the function, variable or contract it speaks of.
type Finding = (String, String);

pub fn run(tools: &Tools, dir: &Path) -> Result<()> {
    let out = dir.join("out").display().to_string();
    let cache = dir.join("cache").display().to_string();
    let infos = dir.join("build-info");
    let report = dir.join("slither.json");
    // What an older run left would be read again.
    for old in [&infos, &report] {
        let _ = if old.is_dir() { std::fs::remove_dir_all(old) } else { std::fs::remove_file(old) };
    }
    let solc = tools.solc().display().to_string();
    let infos = infos.display().to_string();
    let build = ["build", "--force", "--use", &solc, "--build-info", "--build-info-path", &infos, "contracts/src"];
    let envs = [
        ("FOUNDRY_PROFILE", "audit"),
        ("FOUNDRY_OUT", out.as_str()),
        ("FOUNDRY_CACHE_PATH", &cache),
        ("FOUNDRY_TEST", "contracts/none"),
    ];
    program(tools, tools.forge()?, &build, &envs)?;

    // Slither asks `forge` for its configuration.
    let output = Command::new(dir.join("venv/bin/slither"))
        .args([".", "--ignore-compile", "--exclude-dependencies", "--foundry-out-directory"])
        .arg(dir)
        .arg("--json")
        .arg(&report)
        .env("PATH", forge_on_path(tools)?)
        .env("FOUNDRY_PROFILE", "audit")
        .env("FOUNDRY_OUT", &out)
        .current_dir(tools.root())
        .output()
        .context("starting slither")?;
    let text = std::fs::read(&report)
        .with_context(|| format!("slither gave no report:\n{}", String::from_utf8_lossy(&output.stderr)))?;
    compare(&findings(&serde_json::from_slice(&text)?), &allowed(tools)?)
}

fn findings(report: &Value) -> BTreeSet<Finding> {
    let detectors = report["results"]["detectors"].as_array().into_iter().flatten();
    detectors
        .map(|found| {
            let element = &found["elements"][0];
            let name = element["name"].as_str().unwrap_or_default();
            let place = match element["type_specific_fields"]["parent"]["name"].as_str() {
                Some(parent) => format!("{parent}.{name}"),
                None => name.to_owned(),
            };
            (found["check"].as_str().unwrap_or_default().to_owned(), place)
        })
        .collect()
}

fn allowed(tools: &Tools) -> Result<BTreeSet<Finding>> {
    let path = tools.root().join("contracts/audit/allowed.json");
    let text = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    let entries: Vec<Allowed> = serde_json::from_slice(&text)?;
    let mut all = BTreeSet::new();
    for entry in entries {
        ensure!(!entry.why.is_empty(), "contracts/audit/allowed.json: {} has no reason", entry.check);
        all.extend(entry.places.into_iter().map(|place| (entry.check.clone(), place)));
    }
    Ok(all)
}

/// Every finding is explained, and every explanation is still about a finding.
fn compare(found: &BTreeSet<Finding>, allowed: &BTreeSet<Finding>) -> Result<()> {
    let list = |left: &BTreeSet<Finding>, right: &BTreeSet<Finding>| -> String {
        left.difference(right).map(|(check, place)| format!("\n  {check}: {place}")).collect()
    };
    let (new, gone) = (list(found, allowed), list(allowed, found));
    ensure!(!found.is_empty(), "slither found nothing at all: it did not see the contracts");
    ensure!(new.is_empty(), "new findings (fix them, or explain them in contracts/audit/allowed.json):{new}");
    ensure!(gone.is_empty(), "explained in contracts/audit/allowed.json, and no longer found:{gone}");
    println!("{} findings, each explained in contracts/audit/allowed.json", found.len());
    Ok(())
}
