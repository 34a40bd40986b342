//! A process of Piecework that a test starts, kills and starts again by itself.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::dev::Dev;

pub struct Part {
    command: &'static str,
    log: PathBuf,
    envs: Vec<(&'static str, String)>,
    child: Option<Child>,
}

impl Part {
    /// `piecework <command>` with the chain, the API and the database of `dev`, and with `envs` besides; its log is `<name>.log` there.
    pub fn start(dev: &Dev, name: &str, command: &'static str, envs: &[(&'static str, String)]) -> Self {
        let ready = &dev.ready;
        let mut all = vec![
            ("PIECEWORK_CHAIN_ID", ready.chain_id.to_string()),
            ("PIECEWORK_ESCROW", ready.escrow.to_string()),
            ("PIECEWORK_API_URL", ready.api_url.clone()),
            ("DATABASE_URL", ready.database_url.clone()),
            ("PIECEWORK_PAYOUT_WINDOW_MIN", "0".to_owned()),
            ("PIECEWORK_SESSION_KEYS_FILE", ready.data_dir.join("session.pem").display().to_string()),
        ];
        all.extend_from_slice(envs);
        Self::start_bare(dev, name, command, all)
    }

    /// With nothing but `envs`.
    pub fn start_bare(dev: &Dev, name: &str, command: &'static str, envs: Vec<(&'static str, String)>) -> Self {
        let log = dev.ready.data_dir.join(format!("{name}.log"));
        let mut part = Self { command, log, envs, child: None };
        part.restart();
        part
    }

    pub fn restart(&mut self) {
        self.kill();
        let log = std::fs::File::options().create(true).append(true).open(&self.log).expect("a log can be written");
        let child = Command::new(env!("CARGO_BIN_EXE_piecework"))
            .arg(self.command)
            .envs(self.envs.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.child = Some(child.expect("the binary starts"));
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            child.wait().expect("it was started here");
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.kill();
    }
}
