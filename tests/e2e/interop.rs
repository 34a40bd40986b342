//! Scripts with other people's clients (`tests/interop`).

use std::process::Stdio;

use serde_json::Value;

/// Runs one of them and reads what it prints.
pub async fn script(name: &str, arguments: &[&str]) -> Value {
    let out = command(name, arguments).output().await.expect("node runs");
    let text = String::from_utf8_lossy(&out.stdout);
    let problem = String::from_utf8_lossy(&out.stderr);
    serde_json::from_str(&text).unwrap_or_else(|err| panic!("{name} printed {text:?}: {err}; {problem}"))
}

pub fn command(name: &str, arguments: &[&str]) -> tokio::process::Command {
    let tools = piecework_toolchain::ensure_installed().unwrap();
    let dir = tools.install_beside("tests/interop").unwrap();
    let mut command = tokio::process::Command::new("node");
    command.arg(dir.join(name)).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command
}
