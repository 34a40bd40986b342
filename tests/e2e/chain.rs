//! The contracts on a chain of their own: no API, no mirror, and no time but the test's.

use std::process::Command;

use alloy::primitives::keccak256;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolInterface;
use piecework_contracts::abi::Escrow::{EscrowErrors, EscrowInstance};
use piecework_domain::chain::Event;
use piecework_domain::messages::Domain;
use piecework_domain::money::Amount;
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, B256, Bytes, U256};
use piecework_toolchain::anvil::{Anvil, AnvilOptions};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::book::Book;
use crate::turn::Turn;

pub const CHAIN_ID: u64 = 31_337;
/// What a transaction may use at most (EIP-7825), …
const GAS_MAX: u64 = 1 << 24;
/// … and what it gets here, so that one that needs more is seen.
const GAS_GIVEN: u64 = 30_000_000;
/// The same in every run, so that a seed gives the same run.
const START: Timestamp = Timestamp(2_000_000_000);
const DEPLOYER_KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
/// What `endow` gives of everything.
const PLENTY: u128 = 1 << 120;

/// What `piecework deploy` prints.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployed {
    pub escrow: Address,
    pub verifier_bond: Address,
    pub test_usd: Address,
}

pub struct Chain {
    pub rpc: DynProvider,
    pub escrow: EscrowInstance<DynProvider>,
    pub deployed: Deployed,
    pub domain: Domain,
    /// Of the last block and the next one.
    pub now: Timestamp,
    /// Everything that happened.
    pub book: Book,
    _anvil: Anvil,
    _dir: tempfile::TempDir,
    _turn: Turn,
}

impl Chain {
    /// Everyone in `cast` has plenty of everything.
    pub async fn start(cast: &[&str]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let turn = Turn::take();
        let dir = tempfile::tempdir().unwrap();
        let tools = piecework_toolchain::ensure_installed().unwrap();
        // A block per transaction, and none between them.
        let options = AnvilOptions { chain_id: CHAIN_ID, port: 0, block_seconds: 86_400, safe_depth: 1 };
        let anvil = Anvil::start(&tools, dir.path(), "chain", options).unwrap();
        let deployed = deploy(&anvil.rpc_url, dir.path());
        let rpc = ProviderBuilder::new().disable_recommended_fillers();
        let rpc = rpc.connect_http(anvil.rpc_url.parse().unwrap()).erased();
        let mut chain = Self {
            escrow: EscrowInstance::new(deployed.escrow, rpc.clone()),
            domain: Domain::new(CHAIN_ID, deployed.escrow),
            rpc,
            deployed,
            now: START,
            book: Book::default(),
            _anvil: anvil,
            _dir: dir,
            _turn: turn,
        };
        chain.ask("anvil_autoImpersonateAccount", json!([true])).await;
        chain.ask("anvil_setBlockTimestampInterval", json!([0])).await;
        chain.pass(0).await;
        for name in cast {
            chain.endow(who(name)).await;
        }
        chain
    }

    async fn ask(&self, method: &'static str, params: Value) -> Value {
        self.rpc.raw_request(method.into(), params).await.unwrap_or_else(|err| panic!("{method}: {err}"))
    }

    pub async fn pass(&mut self, seconds: u64) {
        self.now = self.now.plus(seconds);
        self.ask("evm_mine", json!([{ "timestamp": self.now.0 }])).await;
    }

    /// Coin for gas and bonds, and TestUSD that the escrow may take.
    async fn endow(&mut self, account: Address) {
        self.ask("anvil_setBalance", json!([account, U256::from(PLENTY)])).await;
        let usd = self.deployed.test_usd;
        let mint = piecework_contracts::mint_call(account, PLENTY.into());
        self.send(account, usd, U256::ZERO, mint).await;
        for spender in [self.deployed.escrow, self.deployed.verifier_bond] {
            let approve = piecework_contracts::approve_call(spender, Amount(U256::MAX));
            self.send(account, usd, U256::ZERO, approve).await;
        }
    }

    /// Sends a transaction; the escrow's events in it, or `None` if it reverted.
    pub async fn try_send(&mut self, from: Address, to: Address, value: U256, data: Bytes) -> Option<Vec<Event>> {
        // Gas is free: accounts have exactly what the escrow paid them.
        self.ask("anvil_setNextBlockBaseFeePerGas", json!(["0x0"])).await;
        let tx = TransactionRequest::default().from(from).to(to).value(value).input(data.into());
        let tx = tx.gas_limit(GAS_GIVEN).gas_price(0);
        let receipt: TransactionReceipt =
            self.rpc.raw_request("eth_sendTransactionSync".into(), (tx,)).await.expect("is mined");
        assert!(receipt.gas_used <= GAS_MAX, "{} gas in one transaction", receipt.gas_used);
        let logs = receipt.inner.logs().iter().filter(|log| log.address() == self.deployed.escrow);
        let events: Vec<_> = logs.filter_map(|log| piecework_contracts::decode(log).unwrap()).collect();
        events.iter().for_each(|event| self.book.take(event, self.now));
        receipt.status().then_some(events)
    }

    /// Sends a transaction that can't fail.
    pub async fn send(&mut self, from: Address, to: Address, value: U256, data: Bytes) -> Vec<Event> {
        match self.try_send(from, to, value, data.clone()).await {
            Some(events) => events,
            None => panic!("reverted: {:?}", self.call(from, to, value, data).await),
        }
    }

    pub async fn tell(&mut self, from: Address, value: U256, data: Bytes) -> Vec<Event> {
        self.send(from, self.deployed.escrow, value, data).await
    }

    /// What a call would return, or the data it would revert with.
    pub async fn call(&self, from: Address, to: Address, value: U256, data: Bytes) -> Result<Bytes, Bytes> {
        let tx = TransactionRequest::default().from(from).to(to).value(value).input(data.into());
        self.rpc.call(tx).await.map_err(|err| {
            let payload = err.as_error_resp().unwrap_or_else(|| panic!("eth_call: {err}"));
            payload.as_revert_data().unwrap_or_default()
        })
    }

    /// The typed error with which the escrow refuses a call, if it does.
    pub async fn refusal(&self, from: Address, value: U256, data: Bytes) -> Option<EscrowErrors> {
        let refused = self.call(from, self.deployed.escrow, value, data).await.err()?;
        Some(EscrowErrors::abi_decode(&refused).unwrap_or_else(|_| panic!("not an error of the escrow: {refused}")))
    }

    pub async fn balance(&self, account: Address, token: Address) -> U256 {
        if token.is_zero() {
            return self.rpc.get_balance(account).await.unwrap();
        }
        let asked = self.call(account, token, U256::ZERO, piecework_contracts::balance_of_call(account)).await;
        U256::from_be_slice(&asked.unwrap())
    }
}

/// With the binary, as an operator would.
fn deploy(rpc_url: &str, dir: &std::path::Path) -> Deployed {
    use std::os::unix::fs::PermissionsExt;
    let key_file = dir.join("deployer.key");
    std::fs::write(&key_file, DEPLOYER_KEY).unwrap();
    std::fs::set_permissions(&key_file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_piecework"))
        .args(["deploy", "--rpc-url", rpc_url, "--test-usd", "--key-file"])
        .arg(&key_file)
        .output()
        .expect("the binary starts");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).expect("prints what it deployed")
}

/// The key of somebody with a name.
pub fn key(name: &str) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&keccak256(name)).unwrap()
}

pub fn who(name: &str) -> Address {
    key(name).address()
}

pub fn sign(signer: &PrivateKeySigner, digest: B256) -> Bytes {
    signer.sign_hash_sync(&digest).unwrap().as_bytes().to_vec().into()
}
