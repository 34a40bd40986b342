//! Ponder, indexing the same events into the same columns (`bench/ponder`).

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use alloy::providers::Provider;
use anyhow::{Context, Result, bail, ensure};
use piecework_bench::chain::{CHAIN_ID, Chain};
use piecework_toolchain::Tools;
use serde_json::Value;

/// A cold start to the head. Ponder's own clock counts, from the start of the backfill until it answers queries.
pub async fn backfill(tools: &Tools, chain: &Chain, admin: &str, logs: &Path) -> Result<u64> {
    let app = install(tools)?;
    let head = chain.rpc.get_block_number().await?;
    let end = head.saturating_sub(crate::EMPTY_BLOCKS);
    let mut process = Running(
        Command::new("node")
            .args(["node_modules/ponder/dist/esm/bin/ponder.js", "start", "--schema", "bench", "--port", "0"])
            .args(["--hostname", "127.0.0.1", "--log-format", "json"])
            .current_dir(&app)
            .env_remove("PORT")
            .env("PONDER_TELEMETRY_DISABLED", "true")
            .env("RPC_URL", &chain.rpc_url)
            .env("CHAIN_ID", CHAIN_ID.to_string())
            .env("ESCROW", chain.escrow.to_string())
            .env("START_BLOCK", chain.start_block.to_string())
            .env("END_BLOCK", end.to_string())
            .env("DATABASE_URL", piecework_store::fresh_database(admin, "ponder").await?)
            .stdout(Stdio::piped())
            .stderr(fs::File::create(logs.join("ponder.log"))?)
            .spawn()
            .context("starting Ponder")?,
    );
    let stdout = process.0.stdout.take().context("Ponder's output")?;
    let (mut began, mut said) = (None, String::new());
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        let entry: Value = serde_json::from_str(&line).unwrap_or_default();
        let time = entry["time"].as_u64();
        match entry["msg"].as_str().unwrap_or_default() {
            "Started backfill indexing" => began = time,
            "Started returning 200 responses" if entry["endpoint"] == "/ready" => {
                let millis = time.zip(began).map(|(end, began)| end.saturating_sub(began)).context("no start")?;
                return Ok(chain.events * 1_000 / millis.max(1));
            }
            _ => {}
        }
        said.push_str(&line);
        said.push('\n');
    }
    bail!("Ponder ended:\n{said}\n{}", fs::read_to_string(logs.join("ponder.log")).unwrap_or_default())
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Copies the app to `target/bench/ponder`, with the escrow's ABI, and installs what it needs. Once.
fn install(tools: &Tools) -> Result<PathBuf> {
    let (from, to) = (tools.root().join("bench/ponder"), tools.root().join("target/bench/ponder"));
    copy(&from, &to)?;
    let artifact: Value = serde_json::from_slice(&fs::read(tools.root().join("contracts/artifacts/Escrow.json"))?)?;
    fs::write(to.join("abi.json"), artifact["abi"].to_string())?;
    if to.join("node_modules/ponder").exists() {
        return Ok(to);
    }
    crate::say("installing Ponder from npm");
    let done = Command::new("npm")
        .args(["install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(&to)
        .stdin(Stdio::null())
        .status()
        .context("starting npm")?;
    ensure!(done.success(), "`npm install` failed in {}", to.display());
    Ok(to)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("creating {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &target)?,
            false => drop(fs::copy(entry.path(), target)?),
        }
    }
    Ok(())
}
