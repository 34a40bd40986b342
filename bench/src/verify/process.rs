//! `piecework` in a process of its own: its processor time and memory are nobody else's.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// The kernel tells processor time in hundredths of a second, whatever its own clock does.
const TICK_MS: u64 = 10;
/// What ending takes at most: `dev` ends its own parts first.
const ENDS_WITHIN: Duration = Duration::from_secs(40);

pub struct Process {
    child: Child,
    log: PathBuf,
}

/// The binary beside this one, built with it.
fn binary() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("piecework");
    ensure!(path.exists(), "{} is missing: run `cargo xtask bench verify`, which builds it", path.display());
    Ok(path)
}

impl Process {
    /// Starts it with `envs` and its log in `dir`.
    pub fn start(dir: &Path, name: &str, args: &[&str], envs: &[(&str, String)]) -> Result<Self> {
        let log = dir.join(format!("{name}.log"));
        let mut command = Command::new(binary()?);
        command.args(args).env_remove("DATABASE_URL").env_remove("RUST_LOG").envs(envs.iter().cloned());
        command.stdin(Stdio::null()).stdout(File::create(dir.join(format!("{name}.out")))?).stderr(File::create(&log)?);
        let child = command.spawn().with_context(|| format!("starting piecework {name}"))?;
        Ok(Self { child, log })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How often it complained, and the last time.
    pub fn warnings(&self) -> Result<(u64, Option<String>)> {
        let log = std::fs::read_to_string(&self.log)?;
        let mut warnings = log.lines().filter(|line| line.contains(" WARN ") || line.contains(" ERROR "));
        let count = u64::try_from(warnings.clone().count())?;
        Ok((count, warnings.next_back().map(str::to_owned)))
    }

    /// An error with the end of its log, if it has ended.
    pub fn ensure_running(&mut self) -> Result<()> {
        let Some(status) = self.child.try_wait()? else { return Ok(()) };
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().take(20).collect();
        bail!("{} ended ({status}):\n{}", self.log.display(), lines.into_iter().rev().collect::<Vec<_>>().join("\n"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Asked first: it has processes of its own to end.
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        let since = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && since.elapsed() < ENDS_WITHIN {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time that a process has had so far, all its threads together.
pub fn busy_ms(pid: u32) -> Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The program's name, in brackets, may hold spaces; user and system time are the 12th and 13th fields behind it.
    let fields = stat.rsplit_once(") ").context("no fields in /proc/…/stat")?.1.split(' ');
    let times = fields.skip(11).take(2).map(str::parse::<u64>).collect::<Result<Vec<_>, _>>()?;
    Ok(times.iter().sum::<u64>() * TICK_MS)
}

/// The most memory that a process had so far, in MB.
pub fn peak_rss_mb(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? / 1_024)
}

/// A development key, as `piecework` wants its file: readable by its owner alone.
pub fn key_file(dir: &Path, name: &str, key: &str) -> Result<String> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let path = dir.join(format!("{name}.key"));
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    file.write_all(key.as_bytes())?;
    Ok(path.display().to_string())
}
