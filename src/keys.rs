//! Private keys from files. Never from arguments, never into logs.

use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, bail, ensure};

/// Reads a hex private key from a file that only its owner can read.
pub fn read(path: &Path) -> Result<PrivateKeySigner> {
    let name = path.display();
    let mode = std::fs::metadata(path).with_context(|| format!("reading the key file {name}"))?.permissions().mode();
    ensure!(mode & 0o077 == 0, "the key file {name} can be read by others: run `chmod 600 {name}`");
    let text = std::fs::read_to_string(path).with_context(|| format!("reading the key file {name}"))?;
    // The parser's error could quote the key.
    match text.trim().parse() {
        Ok(signer) => Ok(signer),
        Err(_) => bail!("the key file {name} holds no private key (64 hex digits)"),
    }
}

/// Writes a development key so that `read` accepts it.
pub fn write(path: &Path, key: &str) -> Result<()> {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(key.as_bytes())?;
    Ok(())
}
