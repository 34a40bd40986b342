//! A `piecework dev` of this run alone, with a worker that pays at once.

use std::path::Path;
use std::time::{Duration, Instant};

use alloy::network::EthereumWallet;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, bail, ensure};
use piecework_client::Client;
use piecework_domain::{Address, Bytes, U256};
use serde::Deserialize;

use super::process::{Process, key_file};

const READY_WITHIN: Duration = Duration::from_secs(120);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sequenced {
    pub chain_id: u64,
    pub rpc_url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    role: String,
    private_key: String,
}

/// What `dev --json` prints.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    rpc_url: String,
    pub chain_id: u64,
    pub escrow: Address,
    api_url: String,
    pub l2: Sequenced,
    accounts: Vec<Account>,
    database_url: String,
}

pub struct Dev {
    pub ready: Ready,
    pub api: Client,
    /// The settlement chain.
    pub chain: DynProvider,
    // The worker before the stack that it works on: fields are dropped in their order.
    _worker: Process,
    _stack: Process,
}

impl Dev {
    pub async fn start(dir: &Path) -> Result<Self> {
        let mut stack = Process::start(dir, "dev", &["dev", "--ephemeral", "--json", "--without", "work"], &[])?;
        let ready = ready(dir, &mut stack).await?;
        let envs = [
            ("DATABASE_URL", ready.database_url.clone()),
            ("PIECEWORK_CHAIN_ID", ready.chain_id.to_string()),
            ("PIECEWORK_ESCROW", ready.escrow.to_string()),
            ("PIECEWORK_RPC_URL", ready.rpc_url.clone()),
            ("PIECEWORK_WORKER_KEY_FILE", key_file(dir, "operator", ready.key("operator")?)?),
            ("PIECEWORK_PAYOUT_PAUSE_SECONDS", "0".to_owned()),
            ("PIECEWORK_POLL_INTERVAL_MS", "200".to_owned()),
        ];
        let worker = Process::start(dir, "work", &["work"], &envs)?;
        let api = Client::new(&ready.api_url);
        let chain = ProviderBuilder::new().connect_http(ready.rpc_url.parse()?).erased();
        Ok(Self { ready, api, chain, _worker: worker, _stack: stack })
    }

    pub fn signer(&self, role: &str) -> Result<PrivateKeySigner> {
        Ok(self.ready.key(role)?.parse()?)
    }

    /// Sends a transaction of `role`'s and waits until it is mined.
    pub async fn send(&self, role: &str, value: U256, data: Bytes) -> Result<()> {
        let wallet = EthereumWallet::from(self.signer(role)?);
        let provider = ProviderBuilder::new().wallet(wallet).connect_http(self.ready.rpc_url.parse()?);
        provider.client().set_poll_interval(Duration::from_millis(100));
        let tx = TransactionRequest::default().to(self.ready.escrow).value(value).input(data.into());
        let receipt = provider.send_transaction(tx).await?.get_receipt().await?;
        ensure!(receipt.status(), "a transaction of {role} reverted");
        Ok(())
    }
}

impl Ready {
    fn key(&self, role: &str) -> Result<&str> {
        let account = self.accounts.iter().find(|account| account.role == role);
        Ok(&account.with_context(|| format!("no role {role}"))?.private_key)
    }
}

/// Waits for the line that says everything runs.
async fn ready(dir: &Path, stack: &mut Process) -> Result<Ready> {
    let since = Instant::now();
    while since.elapsed() < READY_WITHIN {
        stack.ensure_running()?;
        let printed = std::fs::read_to_string(dir.join("dev.out"))?;
        if let Some((line, _)) = printed.split_once('\n') {
            return serde_json::from_str(line).with_context(|| format!("dev printed {line}"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("`piecework dev` did not become ready")
}
