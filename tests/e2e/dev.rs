//! A `piecework dev --ephemeral` of one test.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use piecework_domain::Address;
use serde::Deserialize;

use crate::turn::Turn;

/// What `dev` has to end in once it is asked to.
const LEAVE: Duration = Duration::from_secs(40);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Chain {
    pub chain_id: u64,
    pub rpc_url: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    pub role: String,
    pub address: Address,
    pub private_key: String,
}

/// What `dev --json` prints.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    pub rpc_url: String,
    pub chain_id: u64,
    pub escrow: Address,
    pub test_usd: Option<Address>,
    pub api_url: String,
    pub l2: Chain,
    pub accounts: Vec<Account>,
    pub data_dir: PathBuf,
    pub database_url: String,
}

pub struct Dev {
    pub ready: Ready,
    child: Child,
    _turn: Turn,
}

impl Dev {
    pub fn start() -> Self {
        Self::start_without(&[])
    }

    /// Without some parts, which the test brings itself.
    pub fn start_without(parts: &[&str]) -> Self {
        // A TLS provider for this process's own HTTP clients.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let turn = Turn::take();
        let mut child = Command::new(env!("CARGO_BIN_EXE_piecework"))
            .args(["dev", "--ephemeral", "--json"])
            .args(parts.iter().flat_map(|part| ["--without", part]))
            .env_remove("DATABASE_URL")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("stdout is readable");
        let ready: Ready =
            serde_json::from_str(&line).unwrap_or_else(|err| panic!("dev --json printed {line:?}: {err}"));
        turn.logs_are_in(&ready.data_dir);
        Self { ready, child, _turn: turn }
    }

    pub fn key(&self, role: &str) -> &Account {
        self.ready.accounts.iter().find(|a| a.role == role).unwrap_or_else(|| panic!("no role {role}"))
    }

    /// `kill -9` of one part.
    pub fn kill(&self, part: &str) {
        let pid = std::fs::read_to_string(self.ready.data_dir.join(format!("{part}.pid"))).expect("a pid file");
        let killed = Command::new("kill").args(["-9", pid.trim()]).status().expect("kill runs");
        assert!(killed.success(), "killing {part} ({})", pid.trim());
    }

    /// Ctrl-C; returns once everything has ended.
    pub fn interrupt(&mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill runs").success());
        assert!(self.has_left(), "dev did not stop when interrupted");
    }

    fn has_left(&mut self) -> bool {
        let deadline = Instant::now() + LEAVE;
        while Instant::now() < deadline {
            if self.child.try_wait().expect("dev can be waited for").is_some() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        if !self.has_left() {
            let _ = self.child.kill();
            assert!(std::thread::panicking(), "dev did not stop when interrupted");
        }
    }
}
