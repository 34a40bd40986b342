//! The parts of `demo` and `dev`: two chains, a database, and every process of Piecework, each a process of its own.

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use piecework_toolchain::anvil::{Anvil, AnvilOptions, private_dir};
use piecework_toolchain::postgres::Postgres;
use tokio_util::sync::CancellationToken;

use super::accounts::account;
use super::supervisor::Supervisor;
use crate::commands::deploy::{Deployed, deploy};
use crate::keys;

pub const SETTLEMENT_CHAIN_ID: u64 = 31_337;
pub const SEQUENCED_CHAIN_ID: u64 = 31_338;
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// A part's settings.
type Envs = Vec<(&'static str, String)>;

#[derive(Clone, Debug)]
pub struct Options {
    /// Free ports and a throw-away data directory.
    pub ephemeral: bool,
    /// No progress on the terminal.
    pub quiet: bool,
    /// Sub-commands whose processes are left out.
    pub without: Vec<String>,
}

/// Everything running. Fields are dropped in order: processes before what they use.
pub struct Stack {
    supervisor: Supervisor,
    pub settlement: Anvil,
    pub sequenced: Anvil,
    postgres: Option<Postgres>,
    pub deployed: Deployed,
    pub api_url: String,
    pub database_url: String,
    /// Logs, process ids, keys, private state.
    pub dir: PathBuf,
    _throw_away: Option<tempfile::TempDir>,
}

impl Stack {
    pub async fn start(options: Options) -> Result<Self> {
        let say = |text: &str| {
            if !options.quiet {
                eprintln!("· {text}");
            }
        };
        let tools = piecework_toolchain::ensure_installed()?;
        let (base, throw_away) = match options.ephemeral {
            true => {
                let dir = tempfile::Builder::new().prefix("piecework-").tempdir()?;
                (dir.path().to_owned(), Some(dir))
            }
            false => (std::path::absolute(".piecework")?, None),
        };
        std::fs::create_dir_all(&base).with_context(|| format!("creating {}", base.display()))?;
        if options.ephemeral {
            // PostgreSQL must get in as another user when this is root; what is private lies below.
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&base, std::fs::Permissions::from_mode(0o711))?;
        }
        let dir = base.join("run");
        if dir.exists() {
            std::fs::remove_dir_all(&dir).context("clearing the last run's files")?;
        }
        private_dir(&dir)?;

        say("starting two chains");
        let port = |wanted: u16| {
            if options.ephemeral { 0 } else { free_or(wanted) }
        };
        let chain = |name: &str, chain_id, wanted, safe_depth| {
            let options = AnvilOptions { chain_id, port: port(wanted), block_seconds: 1, safe_depth };
            Anvil::start(&tools, &dir, name, options)
        };
        // Reorgs may go as deep as on a real chain; what the work is about becomes safe and final soon, so that a story can use it.
        let settlement = chain("settlement", SETTLEMENT_CHAIN_ID, 8545, 32)?;
        let sequenced = chain("sequenced", SEQUENCED_CHAIN_ID, 8546, 1)?;

        say("starting PostgreSQL");
        let (database_url, postgres) = database(&tools, &base).await?;

        say("deploying the contracts");
        let deployed = deploy(&settlement.rpc_url, account("operator").signer(), true).await?;

        say("starting index, serve, work, verify ×3, run ×2");
        let listen = format!("127.0.0.1:{}", port(8080));
        let listen = if options.ephemeral { free_address()? } else { listen };
        let api_url = format!("http://{listen}");
        let mut stack = Self {
            supervisor: Supervisor::new(&dir),
            settlement,
            sequenced,
            postgres,
            deployed,
            api_url,
            database_url,
            dir,
            _throw_away: throw_away,
        };
        stack.start_parts(&listen, &options.without)?;
        stack.wait_ready().await?;
        Ok(stack)
    }

    fn start_parts(&mut self, listen: &str, without: &[String]) -> Result<()> {
        let chain = [
            ("PIECEWORK_CHAIN_ID", self.settlement.chain_id.to_string()),
            ("PIECEWORK_ESCROW", self.deployed.escrow.to_string()),
            ("PIECEWORK_API_URL", self.api_url.clone()),
        ];
        let mut inside = chain.to_vec();
        inside.push(("PIECEWORK_RPC_URL", self.settlement.rpc_url.clone()));
        inside.push(("DATABASE_URL", self.database_url.clone()));
        inside.push(("PIECEWORK_START_BLOCK", self.deployed.start_block.to_string()));
        inside.push(("PIECEWORK_POLL_INTERVAL_MS", "200".to_owned()));
        inside.push(("PIECEWORK_PAYOUT_PAUSE_SECONDS", "5".to_owned()));
        inside.push(("PIECEWORK_LISTEN", listen.to_owned()));
        inside.push(("PIECEWORK_SESSION_KEYS_FILE", self.dir.join("session.pem").display().to_string()));
        // Stories are short.
        inside.push(("PIECEWORK_PAYOUT_WINDOW_MIN", "0".to_owned()));
        // Receivers are on this machine.
        inside.push(("PIECEWORK_PRIVATE_WEBHOOKS", "true".to_owned()));
        // All of them have one address.
        inside.push(("PIECEWORK_REQUESTS_PER_SECOND", "0".to_owned()));
        inside.push(("PIECEWORK_OFFERS_PER_HOUR", "0".to_owned()));
        inside.push(("PIECEWORK_SETTLEMENTS_PER_HOUR", "1000000".to_owned()));

        let key = |role: &str| -> Result<String> {
            let path = self.dir.join(format!("{role}.key"));
            keys::write(&path, account(role).key)?;
            Ok(path.display().to_string())
        };
        let state = |name: &str| self.dir.join(format!("{name}.redb")).display().to_string();
        let mut parts: Vec<(String, &str, Envs)> =
            vec![("index".to_owned(), "index", inside.clone()), ("serve".to_owned(), "serve", inside.clone())];
        inside.push(("PIECEWORK_WORKER_KEY_FILE", key("operator")?));
        // A cent of the dollar that the stories are paid in.
        inside.push((
            "PIECEWORK_RELAY_TOKENS",
            self.deployed.test_usd.map_or_else(String::new, |usd| format!("{usd}=10000")),
        ));
        parts.push(("work".to_owned(), "work", inside));
        for n in 1..=3 {
            let mut envs = chain.to_vec();
            envs.push(("PIECEWORK_VERIFIER_KEY_FILE", key(&format!("verifier{n}"))?));
            envs.push(("PIECEWORK_ENDPOINTS", format!("{}={}", self.sequenced.chain_id, self.sequenced.rpc_url)));
            envs.push(("PIECEWORK_SETTLEMENT_URL", self.settlement.rpc_url.clone()));
            // The one account without another part in the stories.
            envs.push(("PIECEWORK_ARBITERS", account("payee1").address().to_string()));
            envs.push(("PIECEWORK_VERIFIER_MEMORY", state(&format!("verify{n}"))));
            envs.push(("PIECEWORK_ROUND_INTERVAL_MS", "1000".to_owned()));
            envs.push(("PIECEWORK_PRIVATE_ENDPOINTS", "true".to_owned()));
            parts.push((format!("verify{n}"), "verify", envs));
        }
        for n in 1..=2 {
            let mut envs = chain.to_vec();
            envs.push(("PIECEWORK_RUNNER", account(&format!("runner{n}")).address().to_string()));
            envs.push(("PIECEWORK_NODE_KEY_FILE", key(&format!("node{n}"))?));
            envs.push(("PIECEWORK_NODE_URL", self.sequenced.rpc_url.clone()));
            envs.push(("PIECEWORK_ENDPOINT", self.sequenced.rpc_url.clone()));
            envs.push(("PIECEWORK_RUNNER_JOURNAL", state(&format!("run{n}"))));
            parts.push((format!("run{n}"), "run", envs));
        }
        parts.retain(|(_, command, _)| !without.iter().any(|left_out| left_out == command));
        for (name, command, envs) in parts {
            self.supervisor.start(&name, &[command], &envs)?;
        }
        Ok(())
    }

    async fn wait_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + READY_TIMEOUT;
        let api = piecework_client::Client::new(&self.api_url);
        loop {
            match api.get::<serde_json::Value>("/readyz").await {
                Ok(_) => return Ok(()),
                Err(err) if Instant::now() > deadline => {
                    let log = self.supervisor.log_tail("serve");
                    bail!("the API did not become ready: {err}\nserve's log ends with:\n{log}");
                }
                Err(_) => {}
            }
            self.revive()?;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Starts what has ended again.
    pub fn revive(&mut self) -> Result<()> {
        if let Some(postgres) = &mut self.postgres
            && postgres.ensure_running()?
        {
            eprintln!("· PostgreSQL ended and was started again");
        }
        for name in self.supervisor.revive()? {
            eprintln!("· {name} ended and was started again");
        }
        Ok(())
    }

    /// Keeps everything running until `stop`.
    pub async fn supervise(&mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(Duration::from_millis(300)) => {}
            }
            if let Err(err) = self.revive() {
                eprintln!("· can't start a part again: {err:#}");
            }
        }
    }
}

/// `DATABASE_URL`, or a new database in the private cluster: the chains are new, so the mirror is too.
async fn database(tools: &piecework_toolchain::Tools, base: &std::path::Path) -> Result<(String, Option<Postgres>)> {
    let (admin_url, server) = match std::env::var("DATABASE_URL") {
        Ok(url) => (url, None),
        Err(_) => {
            let server = Postgres::start(tools, &base.join("postgres"))?;
            (server.url("postgres"), Some(server))
        }
    };
    let url = piecework_store::fresh_database(&admin_url, "piecework_dev").await.context("creating a database")?;
    Ok((url, server))
}

fn free_or(wanted: u16) -> u16 {
    match TcpListener::bind(("127.0.0.1", wanted)) {
        Ok(_) => wanted,
        Err(_) => 0,
    }
}

fn free_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0").context("looking for a free port")?.local_addr()?.to_string())
}
