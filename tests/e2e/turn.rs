//! One stack at a time, and none for ever: what hangs says where, and ends the run.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Ticks of a turn. The longest test takes a fifth of it.
const TURN: u32 = 15 * 60;
const TURN_DEEP: u32 = 6 * 60 * 60;
/// Counted rather than measured: a machine that was stopped meanwhile does not make a test late.
const TICK: Duration = Duration::from_secs(1);
const LOG_LINES: usize = 15;

/// A test's turn with the machine.
pub struct Turn {
    _alone: MutexGuard<'static, ()>,
    logs: Arc<OnceLock<PathBuf>>,
    /// Says that it ended by being dropped.
    _ends: Sender<()>,
}

impl Turn {
    /// Waits for the machine to be free of other stacks. From then on the test has `TURN`.
    pub fn take() -> Self {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let (ends, ended) = channel::<()>();
        let logs: Arc<OnceLock<PathBuf>> = Arc::default();
        let (test, seen) = (std::thread::current().name().unwrap_or("a test").to_owned(), Arc::clone(&logs));
        std::thread::spawn(move || {
            let turn = if std::env::var_os("PIECEWORK_DEEP").is_some() { TURN_DEEP } else { TURN };
            for _ in 0..turn {
                if ended.recv_timeout(TICK) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
            report(&test, turn, seen.get().map(PathBuf::as_path));
            std::process::abort();
        });
        Self { _alone: alone, logs, _ends: ends }
    }

    /// Where the parts of this test's stack write.
    pub fn logs_are_in(&self, dir: &Path) {
        let _ = self.logs.set(dir.to_owned());
    }
}

/// On the real standard error, which libtest does not capture; and asks what the test started to end.
fn report(test: &str, turn: u32, logs: Option<&Path>) {
    let mut err = std::io::stderr().lock();
    let _ = writeln!(err, "\n{test} hangs: it did not end within {turn} s");
    let me = std::process::id().to_string();
    if let Ok(out) = Command::new("ps").args(["-ww", "-o", "pid,ppid,etime,stat,args", "--forest"]).output() {
        let _ = writeln!(err, "{}", String::from_utf8_lossy(&out.stdout));
    }
    for entry in logs.and_then(|dir| dir.read_dir().ok()).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|ext| ext == "log") {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let last = lines.get(lines.len().saturating_sub(LOG_LINES)..).unwrap_or_default();
            let _ = writeln!(err, "── {}\n{}", path.display(), last.join("\n"));
        }
    }
    let _ = Command::new("pkill").args(["-INT", "-P", &me]).status();
    std::thread::sleep(Duration::from_secs(10));
}
