//! Child processes that end when their parent does, however the parent ends.
//!
//! A two-line shell stands between: it interrupts the program as soon as its own standard input closes, which the kernel
//! does for a parent that was killed. No signal handler, no platform call, and the program itself needs to know nothing.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

const SCRIPT: &str = r#"
exec 3<&0
pid_file=$1; shift
"$@" </dev/null 3<&- & pid=$!
[ -z "$pid_file" ] || echo "$pid" >"$pid_file"
{
  while read -r _; do :; done
  n=0
  while kill -INT "$pid" 2>/dev/null; do
    sleep 1; n=$((n + 1))
    [ "$n" -lt 12 ] || kill -KILL "$pid" 2>/dev/null
  done
} <&3 & guard=$!
exec 3<&-
wait "$pid"; code=$?
kill "$guard" 2>/dev/null
exit "$code"
"#;

/// How long an interrupted program may take to finish.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// What to run.
#[derive(Clone, Debug)]
pub struct Program {
    pub path: PathBuf,
    pub args: Vec<String>,
    pub envs: Vec<(String, String)>,
    /// Standard output and error go here, appended.
    pub log: PathBuf,
    /// The program's process id is written here.
    pub pid_file: Option<PathBuf>,
    /// Run as this user and group instead of the caller's.
    pub user: Option<(u32, u32)>,
}

impl Program {
    pub fn new(path: impl Into<PathBuf>, log: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), args: vec![], envs: vec![], log: log.into(), pid_file: None, user: None }
    }

    #[must_use]
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    #[must_use]
    pub fn env(mut self, key: &str, value: impl Into<String>) -> Self {
        self.envs.push((key.to_owned(), value.into()));
        self
    }

    pub fn spawn(&self) -> Result<Guarded> {
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.with_context(|| format!("opening the log {}", self.log.display()))?;
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, "guard"])
            .arg(self.pid_file.as_deref().map_or(OsStr::new(""), Path::as_os_str))
            .arg(&self.path)
            .args(&self.args)
            .envs(self.envs.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C goes to the parent alone; it stops its children in order.
            .process_group(0);
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
            command.current_dir("/");
        }
        let child = command.spawn().with_context(|| format!("starting {}", self.path.display()))?;
        Ok(Guarded { child, name: self.path.display().to_string() })
    }
}

/// A running program. Dropping it stops the program.
#[derive(Debug)]
pub struct Guarded {
    child: Child,
    name: String,
}

impl Guarded {
    /// The exit status once the program has ended.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("waiting for {}", self.name))
    }

    /// Interrupts the program and waits until it has ended.
    pub fn stop(&mut self) {
        self.child.stdin = None;
        let deadline = Instant::now() + STOP_TIMEOUT;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        tracing::warn!(program = self.name, "did not stop when interrupted; killing its guard");
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.stop();
    }
}
