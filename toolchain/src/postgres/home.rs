//! Where a cluster lives, which programs serve it, and as whom.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use nix::unistd::{Uid, User};

use crate::Tools;

const OLDEST_VERSION: u32 = 15;

/// Where the cluster lives, which programs serve it, and as whom.
pub struct Home {
    pub dir: PathBuf,
    pub bin: PathBuf,
    pub user: Option<(u32, u32)>,
}

impl Home {
    pub fn prepare(tools: &Tools, dir: &Path) -> Result<Self> {
        let mut bin = system_binaries();
        if bin.is_none() {
            let packaged = tools.postgres_package()?.join("native");
            ensure!(
                packaged.join("bin/postgres").is_file(),
                "no PostgreSQL {OLDEST_VERSION} or newer on this system, and none is packaged for this platform: \
                 install one, or set DATABASE_URL"
            );
            bin = Some(packaged.join("bin"));
        }
        let mut bin = bin.context("unreachable: set above")?;
        if !Uid::effective().is_root() {
            crate::anvil::private_dir(dir)?;
            return Ok(Self { dir: dir.to_owned(), bin, user: None });
        }

        let user = ["postgres", "nobody"].into_iter().find_map(|name| User::from_name(name).ok().flatten());
        let user =
            user.context("running as root, and there is neither a user `postgres` nor `nobody` to run PostgreSQL as")?;
        let owner = (user.uid.as_raw(), user.gid.as_raw());
        let mut dir = dir.to_owned();
        fs::create_dir_all(&dir)?;
        if !reachable_by_others(&dir) {
            // The project lies in a folder that only root may enter; the cluster can't.
            dir = shared_dir()?.join(flat_name(&dir));
            fs::create_dir_all(&dir)?;
        }
        chown(&dir, Some(owner.0), Some(owner.1))
            .with_context(|| format!("giving {} to {}", dir.display(), user.name))?;
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700))?;
        if !reachable_by_others(&bin) {
            bin = copy_programs(&bin)?;
        }
        Ok(Self { dir, bin, user: Some(owner) })
    }

    pub fn init(&self, data: &Path, password_file: &Path) -> Result<()> {
        if data.exists() {
            fs::remove_dir_all(data).context("removing a cluster whose creation was interrupted")?;
        }
        let mut file = fs::File::create(password_file)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        writeln!(file, "{}", random_hex()?)?;
        if let Some((uid, gid)) = self.user {
            chown(password_file, Some(uid), Some(gid))?;
        }
        self.run(
            "initdb",
            &[
                "--pgdata",
                &data.display().to_string(),
                "--username=piecework",
                "--auth=scram-sha-256",
                "--pwfile",
                &password_file.display().to_string(),
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
            ],
        )
    }

    fn run(&self, program: &str, args: &[&str]) -> Result<()> {
        let mut command = Command::new(self.bin.join(program));
        command.args(args).stdin(Stdio::null()).current_dir("/");
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        let out = command.output().with_context(|| format!("starting {program}"))?;
        ensure!(out.status.success(), "{program} failed:\n{}", String::from_utf8_lossy(&out.stderr));
        Ok(())
    }
}

/// The newest server of a Linux distribution or on `PATH`, if it is new enough.
fn system_binaries() -> Option<PathBuf> {
    let mut dirs: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    dirs.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    dirs.into_iter().filter_map(|dir| Some((version(&dir)?, dir))).max().map(|(_, dir)| dir)
}

/// The major version of a complete set of server programs.
fn version(dir: &Path) -> Option<u32> {
    if !dir.join("initdb").is_file() || !dir.join("postgres").is_file() {
        return None;
    }
    let out = Command::new(dir.join("postgres")).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let number = text.split_whitespace().find_map(|word| word.split('.').next()?.parse().ok())?;
    (number >= OLDEST_VERSION).then_some(number)
}

fn reachable_by_others(path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else {
        return false;
    };
    path.ancestors().skip(1).all(|dir| fs::metadata(dir).is_ok_and(|m| m.permissions().mode() & 0o001 != 0))
}

/// Copies the packaged programs (bin, lib, share) to where an unprivileged user can run them.
fn copy_programs(bin: &Path) -> Result<PathBuf> {
    let native = bin.parent().context("the programs lie in a folder")?;
    let target = shared_dir()?.join(flat_name(native));
    let copied = target.join("bin");
    if !target.join(".complete").is_file() {
        let _ = fs::remove_dir_all(&target);
        fs::create_dir_all(&target)?;
        let out = Command::new("cp").args(["-R", "-P"]).arg(native.join(".")).arg(&target).output()?;
        ensure!(out.status.success(), "copying PostgreSQL failed:\n{}", String::from_utf8_lossy(&out.stderr));
        fs::write(target.join(".complete"), "")?;
    }
    Ok(copied)
}

/// A folder below /var/tmp that root alone can change: a stranger's link there must not be followed.
fn shared_dir() -> Result<PathBuf> {
    let dir = PathBuf::from("/var/tmp/piecework");
    match fs::DirBuilder::new().mode(0o755).create(&dir) {
        Err(err) if err.kind() == std::io::ErrorKind::AlreadyExists => {}
        made => made.with_context(|| format!("creating {}", dir.display()))?,
    }
    let found = fs::symlink_metadata(&dir)?;
    let safe = found.is_dir() && found.uid() == 0 && found.mode() & 0o022 == 0;
    ensure!(safe, "{} is not a folder of root's own: remove it", dir.display());
    Ok(dir)
}

fn flat_name(path: &Path) -> String {
    path.display().to_string().trim_matches('/').replace('/', "-")
}

fn random_hex() -> Result<String> {
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}
