//! Local chains.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::Tools;
use crate::guard::{Guarded, Program};

/// A running anvil.
#[derive(Debug)]
pub struct Anvil {
    pub rpc_url: String,
    pub chain_id: u64,
    _process: Guarded,
}

/// How an anvil makes blocks.
#[derive(Clone, Copy, Debug)]
pub struct AnvilOptions {
    pub chain_id: u64,
    /// 0 = a free one.
    pub port: u16,
    /// 0 = a block per transaction, and otherwise only when asked.
    pub block_seconds: u64,
    /// `safe` is so many blocks behind the head, `finalized` twice as many: reorgs go no deeper.
    pub safe_depth: u64,
}

impl Anvil {
    /// Starts anvil on loopback with its log in `dir` and waits until it listens.
    pub fn start(tools: &Tools, dir: &Path, name: &str, options: AnvilOptions) -> Result<Self> {
        let log = dir.join(format!("{name}.log"));
        // Else old states pile up in the home folder whenever an anvil is killed.
        let states = dir.join(format!("{name}.states"));
        if let Err(err) = std::fs::remove_dir_all(&states)
            && err.kind() != std::io::ErrorKind::NotFound
        {
            return Err(err).with_context(|| format!("removing {}", states.display()));
        }
        let mut program = Program::new(tools.anvil()?, &log).args([
            "--host",
            "127.0.0.1",
            "--port",
            &options.port.to_string(),
            "--chain-id",
            &options.chain_id.to_string(),
            "--slots-in-an-epoch",
            &options.safe_depth.to_string(),
            "--cache-path",
            &states.to_string_lossy(),
        ]);
        if options.block_seconds > 0 {
            program = program.args(["--mixed-mining", "--block-time", &options.block_seconds.to_string()]);
        }
        program.pid_file = Some(dir.join(format!("{name}.pid")));
        let started_at = std::fs::metadata(&log).map_or(0, |m| m.len());
        let mut process = program.spawn()?;
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let text = std::fs::read(&log).unwrap_or_default();
            let text = String::from_utf8_lossy(text.get(usize::try_from(started_at)?..).unwrap_or_default());
            if let Some(at) = text.lines().find_map(|line| line.strip_prefix("Listening on ")) {
                let rpc_url = format!("http://{}", at.trim());
                return Ok(Self { rpc_url, chain_id: options.chain_id, _process: process });
            }
            if process.exited()?.is_some() || Instant::now() > deadline {
                bail!("anvil did not start; its log says:\n{}", text.trim());
            }
            std::thread::sleep(Duration::from_millis(30));
        }
    }
}

/// The well-known development mnemonic that anvil funds. Worthless on any real chain.
pub const DEV_MNEMONIC: &str = "test test test test test test test test test test test junk";

/// Makes sure that a folder exists and is the caller's alone.
pub fn private_dir(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(path).with_context(|| format!("creating {}", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    Ok(())
}
