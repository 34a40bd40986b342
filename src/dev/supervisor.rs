//! Keeps the parts of `dev` running: what ends is started again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use piecework_toolchain::guard::{Guarded, Program};

/// The processes of one `dev`, by name.
pub struct Supervisor {
    dir: PathBuf,
    parts: BTreeMap<String, (Program, Guarded)>,
}

impl Supervisor {
    /// Logs and process ids go to `dir`.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), parts: BTreeMap::new() }
    }

    /// Starts `piecework <args>` as part `name`. Settings and secrets travel in the environment.
    pub fn start(&mut self, name: &str, args: &[&str], envs: &[(&str, String)]) -> Result<()> {
        let binary = std::env::current_exe().context("finding this program")?;
        let mut program = Program::new(binary, self.dir.join(format!("{name}.log"))).args(args.iter().copied());
        for (key, value) in envs {
            program = program.env(key, value);
        }
        program.pid_file = Some(self.dir.join(format!("{name}.pid")));
        let process = program.spawn()?;
        self.parts.insert(name.to_owned(), (program, process));
        Ok(())
    }

    /// Starts parts that have ended again, and names them.
    pub fn revive(&mut self) -> Result<Vec<String>> {
        let mut revived = Vec::new();
        for (name, (program, process)) in &mut self.parts {
            if process.exited()?.is_some() {
                *process = program.spawn()?;
                revived.push(name.clone());
            }
        }
        Ok(revived)
    }

    /// The last lines of a part's log.
    pub fn log_tail(&self, name: &str) -> String {
        let log = std::fs::read_to_string(self.dir.join(format!("{name}.log"))).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}
