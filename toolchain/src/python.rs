//! Programs from PyPI, in environments of their own. What needs them is left out on machines without Python.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::Tools;

/// Whether this machine has a Python that can make environments.
pub fn possible() -> bool {
    let venv = Command::new("python3").args(["-c", "import venv, ensurepip"]).stderr(Stdio::null()).status();
    venv.is_ok_and(|status| status.success())
}

impl Tools {
    /// Installs what `requirements` (a file below the repository's root) pins into `target/<name>/venv`, unless it is there. Returns the
    /// environment's folder of programs.
    pub fn python(&self, name: &str, requirements: &str) -> Result<PathBuf> {
        let requirements = self.root().join(requirements);
        let venv = self.root().join("target").join(name).join("venv");
        let stamp = venv.join("installed.txt");
        let wanted = std::fs::read(&requirements).with_context(|| format!("reading {}", requirements.display()))?;
        if !std::fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
            eprintln!("installing {} from PyPI …", requirements.display());
            run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
            run(Command::new(venv.join("bin/pip")).args(["install", "--quiet", "--requirement"]).arg(&requirements))?;
            std::fs::write(&stamp, wanted).context("noting what is installed")?;
        }
        Ok(venv.join("bin"))
    }
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("starting {}", command.get_program().display()))?;
    ensure!(status.success(), "{} failed", command.get_program().display());
    Ok(())
}
