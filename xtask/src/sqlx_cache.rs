//! `store/.sqlx`: what `cargo sqlx prepare` writes, without needing sqlx's own command line installed.
//!
//! The macros write a file per query when they see a live database and `SQLX_OFFLINE_DIR`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use piecework_toolchain::postgres::Postgres;
use sqlx::Connection;

use crate::run::cargo;

const CACHE: &str = "store/.sqlx";

pub fn run(check: bool) -> Result<()> {
    let tools = piecework_toolchain::ensure_installed()?;
    let dir = tempfile::Builder::new().prefix("piecework-sqlx-").tempdir()?;
    allow_others_in(dir.path())?;
    let postgres = Postgres::start(&tools, &dir.path().join("postgres"))?;
    let url = postgres.url("postgres");
    tokio::runtime::Runtime::new()?.block_on(migrate(&url, &tools.root().join("migrations")))?;

    let fresh = dir.path().join("queries");
    fs::create_dir(&fresh)?;
    // Cargo doesn't know that the macros read the database: make it compile the crate again.
    let source = fs::File::options().append(true).open(tools.root().join("store/src/lib.rs"))?;
    source.set_modified(now())?;
    let fresh_dir = fresh.display().to_string();
    let envs = [("DATABASE_URL", url.as_str()), ("SQLX_OFFLINE", "false"), ("SQLX_OFFLINE_DIR", fresh_dir.as_str())];
    cargo(&tools, &["check", "--quiet", "--package", "piecework-store"], &envs)?;

    let (committed, fresh) = (read(&tools.root().join(CACHE))?, read(&fresh)?);
    ensure!(!fresh.is_empty(), "no query was checked");
    if check {
        let stale = "is stale: run `cargo xtask sqlx` and commit the result";
        ensure!(
            committed == fresh,
            "{CACHE} {stale} ({} queries committed, {} in the code)",
            committed.len(),
            fresh.len()
        );
        return Ok(());
    }
    let target = tools.root().join(CACHE);
    let _ = fs::remove_dir_all(&target);
    fs::create_dir_all(&target)?;
    for (name, text) in fresh {
        fs::write(target.join(name), text)?;
    }
    Ok(())
}

async fn migrate(url: &str, migrations: &Path) -> Result<()> {
    let mut db = sqlx::PgConnection::connect(url).await?;
    sqlx::migrate::Migrator::new(migrations).await?.run(&mut db).await.context("migrating")
}

fn read(dir: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let entry = entry?;
        files.insert(entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?);
    }
    Ok(files)
}

/// PostgreSQL runs as another user when this is root.
fn allow_others_in(dir: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(dir, fs::Permissions::from_mode(0o711))?)
}

#[allow(clippy::disallowed_methods)]
fn now() -> SystemTime {
    SystemTime::now()
}
