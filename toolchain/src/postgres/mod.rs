//! A private PostgreSQL for machines that have none configured.

mod home;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use self::home::Home;
use crate::Tools;
use crate::guard::{Guarded, Program};

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
        let password = fs::read_to_string(&password_file).context("reading the cluster's password")?.trim().to_owned();
        let running = running_port(&data).filter(|port| accepts_connections(*port));
        let port = running.map_or_else(free_port, Ok)?;
        let mut program = Program::new(home.bin.join("postgres"), home.dir.join("postgres.log")).args([
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
            return Ok(Self { program, port, password, process: None });
        }
        let process = Some(program.spawn()?);
        let mut started = Self { program, port, password, process };
        started.wait_ready()?;
        Ok(started)
    }

    /// A connection URL for `database`. Holds the password: for environments and private files, not for logs.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://piecework:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    /// Starts the server again on the same port if it has ended. True if it had.
    pub fn ensure_running(&mut self) -> Result<bool> {
        let ended = self.process.as_mut().map(Guarded::exited).transpose()?.flatten();
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
            let status = self.process.as_mut().map(Guarded::exited).transpose()?.flatten();
            if let Some(status) = status {
                let log = fs::read_to_string(&self.program.log).unwrap_or_default();
                let tail: Vec<_> = log.lines().rev().take(8).collect();
                let tail: Vec<_> = tail.into_iter().rev().collect();
                bail!("PostgreSQL ended with {status}; its log says:\n{}", tail.join("\n"));
            }
            if accepts_connections(self.port) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("PostgreSQL did not accept connections within {} s", START_TIMEOUT.as_secs());
    }
}

/// The port in the lock file of a cluster that may be running.
fn running_port(data: &Path) -> Option<u16> {
    fs::read_to_string(data.join("postmaster.pid")).ok()?.lines().nth(3)?.trim().parse().ok()
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").context("looking for a free port")?.local_addr()?.port())
}

/// Whether the server has finished starting: it then asks for authentication.
fn accepts_connections(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
    let start_up = b"\0\0\0\x23\0\x03\0\0user\0piecework\0database\0x\0\0";
    let mut answer = [0_u8; 1];
    // 'R' asks for authentication: the server has finished starting. 'E' is "the database system is starting up".
    stream.write_all(start_up).is_ok() && stream.read_exact(&mut answer).is_ok() && answer[0] == b'R'
}
