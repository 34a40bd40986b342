//! Private keys from files. Never from arguments, never into logs.

use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, bail, ensure};

/// Reads a hex private key from a file that only its owner can read.
pub fn read(path: &Path) -> Result<PrivateKeySigner> {
    let (name, text) = (path.display(), private(path)?);
    // The parser's error could quote the key.
    match text.trim().parse() {
        Ok(signer) => Ok(signer),
        Err(_) => bail!("the key file {name} holds no private key (64 hex digits)"),
    }
}

/// The text of a file that only its owner can read. Where there is none it is made with `new`, once: of processes that start together
/// all read the same.
pub fn read_or_write(path: &Path, new: impl FnOnce() -> String) -> Result<String> {
    if !path.exists() {
        let name = path.display();
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
        let mut file = tempfile::NamedTempFile::new_in(dir).with_context(|| format!("writing {name}"))?;
        file.write_all(new().as_bytes()).with_context(|| format!("writing {name}"))?;
        match file.persist_noclobber(path) {
            Err(err) if err.error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(err.error).with_context(|| format!("writing {name}"));
            }
            _ => {}
        }
    }
    private(path)
}

fn private(path: &Path) -> Result<String> {
    let name = path.display();
    let mode = std::fs::metadata(path).with_context(|| format!("reading the key file {name}"))?.permissions().mode();
    ensure!(mode & 0o077 == 0, "the key file {name} can be read by others: run `chmod 600 {name}`");
    std::fs::read_to_string(path).with_context(|| format!("reading the key file {name}"))
}

/// Writes a development key so that `read` accepts it.
pub fn write(path: &Path, key: &str) -> Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(key.as_bytes())?;
    Ok(())
}
