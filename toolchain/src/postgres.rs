//! A private PostgreSQL for machines that have none configured.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::unistd::{Uid, User};

use crate::Tools;
use crate::guard::{Guarded, Program};

const OLDEST_VERSION: u32 = 15;
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A cluster in a folder of its own: made at the first start, used again afterwards, recovered by PostgreSQL itself after a
/// crash. It listens on loopback with a random password, and stops when this value is dropped or this process ends.
#[derive(Debug)]
pub struct Postgres {
    program: Program,
    port: u16,
    password: String,
    /// `None` when another process of ours already serves the cluster.
    process: Option<Guarded>,
}

impl Postgres {
    /// Starts the cluster in `dir`. As root it runs as an unprivileged user, because PostgreSQL refuses anything else.
    pub fn start(tools: &Tools, dir: &Path) -> Result<Self> {
        let home = Home::prepare(tools, dir)?;
        let data = home.dir.join("data");
        let password_file = home.dir.join("password");
        if !data.join("PG_VERSION").is_file() {
            home.init(&data, &password_file)?;
        }
        let password = fs::read_to_string(&password_file)
            .context("reading the cluster's password")?
            .trim()
            .to_owned();
        let running = running_port(&data).filter(|port| accepts_connections(*port));
        let port = running.map_or_else(free_port, Ok)?;
        let mut program = Program::new(home.bin.join("postgres"), home.dir.join("postgres.log"))
            .args([
                "-D",
                &data.display().to_string(),
                "-p",
                &port.to_string(),
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "unix_socket_directories=",
                "-c",
                "max_connections=200",
                "-c",
                "shared_buffers=64MB",
            ]);
        program.user = home.user;
        program.pid_file = Some(home.dir.join("postgres.pid"));
        if running.is_some() {
            return Ok(Self {
                program,
                port,
                password,
                process: None,
            });
        }
        let process = Some(program.spawn()?);
        let mut started = Self {
            program,
            port,
            password,
            process,
        };
        started.wait_ready()?;
        Ok(started)
    }

    /// A connection URL for `database`. Holds the password: for environments and private files, not for logs.
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgres://piecework:{}@127.0.0.1:{}/{database}",
            self.password, self.port
        )
    }

    /// Starts the server again on the same port if it has ended. True if it had.
    pub fn ensure_running(&mut self) -> Result<bool> {
        let ended = self
            .process
            .as_mut()
            .map(Guarded::exited)
            .transpose()?
            .flatten();
        if ended.is_none() {
            return Ok(false);
        }
        self.process = Some(self.program.spawn()?);
        self.wait_ready()?;
        Ok(true)
    }

    fn wait_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline {
            let status = self
                .process
                .as_mut()
                .map(Guarded::exited)
                .transpose()?
                .flatten();
            if let Some(status) = status {
                let log = fs::read_to_string(&self.program.log).unwrap_or_default();
                let tail: Vec<_> = log.lines().rev().take(8).collect();
                let tail: Vec<_> = tail.into_iter().rev().collect();
                bail!(
                    "PostgreSQL ended with {status}; its log says:\n{}",
                    tail.join("\n")
                );
            }
            if accepts_connections(self.port) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!(
            "PostgreSQL did not accept connections within {} s",
            START_TIMEOUT.as_secs()
        );
    }
}

/// Where the cluster lives, which programs serve it, and as whom.
struct Home {
    dir: PathBuf,
    bin: PathBuf,
    user: Option<(u32, u32)>,
}

impl Home {
    fn prepare(tools: &Tools, dir: &Path) -> Result<Self> {
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
            return Ok(Self {
                dir: dir.to_owned(),
                bin,
                user: None,
            });
        }

        let user = ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| User::from_name(name).ok().flatten());
        let user = user.context("running as root, and there is neither a user `postgres` nor `nobody` to run PostgreSQL as")?;
        let owner = (user.uid.as_raw(), user.gid.as_raw());
        let mut dir = dir.to_owned();
        fs::create_dir_all(&dir)?;
        if !reachable_by_others(&dir) {
            // The project lies in a folder that only root may enter; the cluster can't.
            dir = PathBuf::from("/var/tmp/piecework").join(flat_name(&dir));
            fs::create_dir_all(&dir)?;
        }
        chown(&dir, Some(owner.0), Some(owner.1))
            .with_context(|| format!("giving {} to {}", dir.display(), user.name))?;
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700))?;
        if !reachable_by_others(&bin) {
            bin = copy_programs(&bin)?;
        }
        Ok(Self {
            dir,
            bin,
            user: Some(owner),
        })
    }

    fn init(&self, data: &Path, password_file: &Path) -> Result<()> {
        if data.exists() {
            fs::remove_dir_all(data)
                .context("removing a cluster whose creation was interrupted")?;
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
        let out = command
            .output()
            .with_context(|| format!("starting {program}"))?;
        ensure!(
            out.status.success(),
            "{program} failed:\n{}",
            String::from_utf8_lossy(&out.stderr)
        );
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
    dirs.extend(
        std::env::var_os("PATH")
            .iter()
            .flat_map(std::env::split_paths),
    );
    dirs.into_iter()
        .filter_map(|dir| Some((version(&dir)?, dir)))
        .max()
        .map(|(_, dir)| dir)
}

/// The major version of a complete set of server programs.
fn version(dir: &Path) -> Option<u32> {
    if !dir.join("initdb").is_file() || !dir.join("postgres").is_file() {
        return None;
    }
    let out = Command::new(dir.join("postgres"))
        .arg("--version")
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let number = text
        .split_whitespace()
        .find_map(|word| word.split('.').next()?.parse().ok())?;
    (number >= OLDEST_VERSION).then_some(number)
}

fn reachable_by_others(path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else {
        return false;
    };
    path.ancestors()
        .skip(1)
        .all(|dir| fs::metadata(dir).is_ok_and(|m| m.permissions().mode() & 0o001 != 0))
}

/// Copies the packaged programs (bin, lib, share) to where an unprivileged user can run them.
fn copy_programs(bin: &Path) -> Result<PathBuf> {
    let native = bin.parent().context("the programs lie in a folder")?;
    let target = PathBuf::from("/var/tmp/piecework").join(flat_name(native));
    let copied = target.join("bin");
    if !target.join(".complete").is_file() {
        let _ = fs::remove_dir_all(&target);
        fs::create_dir_all(&target)?;
        let out = Command::new("cp")
            .args(["-R", "-P"])
            .arg(native.join("."))
            .arg(&target)
            .output()?;
        ensure!(
            out.status.success(),
            "copying PostgreSQL failed:\n{}",
            String::from_utf8_lossy(&out.stderr)
        );
        fs::write(target.join(".complete"), "")?;
    }
    Ok(copied)
}

fn flat_name(path: &Path) -> String {
    path.display()
        .to_string()
        .trim_matches('/')
        .replace('/', "-")
}

/// The port in the lock file of a cluster that may be running.
fn running_port(data: &Path) -> Option<u16> {
    fs::read_to_string(data.join("postmaster.pid"))
        .ok()?
        .lines()
        .nth(3)?
        .trim()
        .parse()
        .ok()
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")
        .context("looking for a free port")?
        .local_addr()?
        .port())
}

/// PostgreSQL answers an SSL request with one byte once it is up; during start-up and recovery it closes instead.
fn accepts_connections(port: u16) -> bool {
    use std::io::Read;
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
    let start_up = b"\0\0\0\x23\0\x03\0\0user\0piecework\0database\0x\0\0";
    let mut answer = [0_u8; 1];
    // 'R' asks for authentication: the server has finished starting. 'E' is "the database system is starting up".
    stream.write_all(start_up).is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && answer[0] == b'R'
}

fn random_hex() -> Result<String> {
    use std::io::Read;
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}
