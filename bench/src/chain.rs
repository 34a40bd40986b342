//! A chain with an escrow and many events.

use std::time::Duration;

use alloy::primitives::keccak256;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::client::{BatchRequest, Waiter};
use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use piecework_contracts::abi;
use piecework_domain::ids::SpecHash;
use piecework_domain::money::{Amount, NATIVE};
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, B256, Bytes, U256};
use piecework_toolchain::Tools;
use piecework_toolchain::anvil::{Anvil, AnvilOptions};
use serde_json::{Value, json};

pub const CHAIN_ID: u64 = 31_338;
const GAS: u64 = 400_000;
const BLOCK_TXS: u64 = 100;
/// Events of a full block: of ten transactions six deposit, two withdraw, two post (two events each).
const BLOCK_EVENTS: u64 = 120;
const ACCOUNTS: u64 = 2_000;

pub struct Chain {
    pub id: u64,
    pub rpc: DynProvider,
    pub rpc_url: String,
    pub escrow: Address,
    pub start_block: u64,
    /// Events made by `flood`.
    pub events: u64,
    senders: Vec<Address>,
    salt: u64,
    _anvil: Anvil,
}

impl Chain {
    pub async fn start(tools: &Tools, dir: &std::path::Path, name: &str, safe_depth: u64) -> Result<Self> {
        Self::start_as(CHAIN_ID, tools, dir, name, safe_depth).await
    }

    /// A chain with an id of its own.
    pub async fn start_as(id: u64, tools: &Tools, dir: &std::path::Path, name: &str, safe_depth: u64) -> Result<Self> {
        // Once per process; a second time is refused and harmless.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let options = AnvilOptions { chain_id: id, port: 0, block_seconds: 0, safe_depth };
        let anvil = Anvil::start(tools, dir, name, options)?;
        let rpc = ProviderBuilder::new().disable_recommended_fillers().connect_http(anvil.rpc_url.parse()?).erased();
        let senders: Vec<Address> = rpc.raw_request("eth_accounts".into(), ()).await?;
        ensure!(!senders.is_empty(), "anvil has no accounts");
        let rpc_url = anvil.rpc_url.clone();
        let mut chain = Self {
            id,
            rpc,
            rpc_url,
            escrow: Address::ZERO,
            start_block: 0,
            events: 0,
            senders,
            salt: 0,
            _anvil: anvil,
        };
        let bond = chain.create(&abi::VerifierBond::BYTECODE, &[]).await?;
        let court = chain.create(&abi::Court::BYTECODE, &[bond]).await?;
        let settlement = chain.create(&abi::Settlement::BYTECODE, &[bond, court]).await?;
        chain.escrow = chain.create(&abi::Escrow::BYTECODE, &[bond, settlement]).await?;
        chain.start_block = chain.rpc.get_block_number().await?;
        Ok(chain)
    }

    async fn create(&self, code: &Bytes, arguments: &[Address]) -> Result<Address> {
        let mut input = code.to_vec();
        arguments.iter().for_each(|address| input.extend_from_slice(address.into_word().as_slice()));
        let tx = json!([{ "from": self.senders[0], "input": Bytes::from(input), "gas": "0xb71b00" }]);
        let hash: B256 = self.rpc.raw_request("eth_sendTransaction".into(), tx).await?;
        let receipt = self.mined(hash).await?;
        ensure!(receipt["status"] == "0x1", "a contract was not created: {receipt}");
        let at = receipt["contractAddress"].as_str().and_then(|at| at.parse().ok());
        at.context("a receipt without the new contract")
    }

    /// Waits until a transaction is in a block. Returns its receipt.
    async fn mined(&self, hash: B256) -> Result<Value> {
        for _ in 0..1_000 {
            let receipt: Value = self.rpc.raw_request("eth_getTransactionReceipt".into(), [hash]).await?;
            if receipt.is_object() {
                return Ok(receipt);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!("transaction {hash} was not mined")
    }

    /// Sends transactions, and waits until they are mined: anvil mines on the side, and loses blocks when it is told to
    /// reorganise meanwhile.
    pub async fn send_and_wait(&self, txs: Vec<Value>) -> Result<()> {
        for hash in self.send(txs).await? {
            self.mined(hash).await?;
        }
        Ok(())
    }

    /// Mines blocks until there are `events` more.
    pub async fn flood(&mut self, events: u64) -> Result<()> {
        self.rpc.raw_request::<_, Value>("evm_setAutomine".into(), [false]).await?;
        let bar = ProgressBar::new(events)
            .with_style(ProgressStyle::with_template("{msg} {bar:30} {human_pos}/{human_len} {eta}")?);
        bar.set_message("making events");
        // What is withdrawn later.
        let endowment = U256::from(10).pow(U256::from(21));
        let txs: Vec<Value> = self.senders.iter().map(|from| self.deposit(*from, *from, endowment)).collect();
        self.block(txs).await?;
        let mut made = self.senders.len() as u64;
        while made < events {
            let txs: Vec<Value> = (0..BLOCK_TXS).map(|n| self.some(n)).collect();
            self.block(txs).await?;
            made += BLOCK_EVENTS;
            bar.set_position(made.min(events));
        }
        bar.finish_and_clear();
        self.rpc.raw_request::<_, Value>("evm_setAutomine".into(), [true]).await?;
        self.events += made;
        Ok(())
    }

    /// One more transaction, of the usual mixture.
    pub fn some(&mut self, n: u64) -> Value {
        self.salt += 1;
        let at = usize::try_from(self.salt).unwrap_or_default() % self.senders.len();
        let from = self.senders[at];
        match n % 10 {
            0..6 => {
                let account = Address::from_word(keccak256((self.salt % ACCOUNTS).to_be_bytes()));
                self.deposit(from, account, U256::from(1_000 + self.salt))
            }
            6..8 => {
                let data = piecework_contracts::withdraw_call(NATIVE, from, Amount(U256::from(1)));
                self.call(from, U256::ZERO, &data)
            }
            _ => {
                let value = U256::from(1_000_000);
                let data = piecework_contracts::post_call(&terms(from, self.salt), Amount(value));
                self.call(from, value, &data)
            }
        }
    }

    fn deposit(&self, from: Address, account: Address, value: U256) -> Value {
        let data = piecework_contracts::deposit_call(NATIVE, account, Amount(value));
        self.call(from, value, &data)
    }

    /// A call of the escrow by one of anvil's accounts.
    pub fn call(&self, from: Address, value: U256, data: &Bytes) -> Value {
        json!({ "from": from, "to": self.escrow, "value": value, "input": data, "gas": format!("{GAS:#x}"),
                "gasPrice": "0x77359400" })
    }

    /// Mines empty blocks.
    pub async fn rest(&self, blocks: u64) -> Result<()> {
        self.rpc.raw_request::<_, Value>("anvil_mine".into(), [format!("{blocks:#x}")]).await?;
        Ok(())
    }

    /// Anvil's accounts, which sign by themselves.
    pub fn accounts(&self) -> &[Address] {
        &self.senders
    }

    /// Mines transactions in one block: a block for each would have the chain's time run ahead.
    pub async fn mine_together(&self, txs: Vec<Value>) -> Result<()> {
        self.rpc.raw_request::<_, Value>("evm_setAutomine".into(), [false]).await?;
        let hashes = self.send(txs).await?;
        self.rpc.raw_request::<_, Value>("evm_mine".into(), ()).await?;
        self.rpc.raw_request::<_, Value>("evm_setAutomine".into(), [true]).await?;
        for hash in hashes {
            let receipt = self.mined(hash).await?;
            ensure!(receipt["status"] == "0x1", "a transaction reverted: {receipt}");
        }
        Ok(())
    }

    async fn block(&self, txs: Vec<Value>) -> Result<()> {
        self.send(txs).await?;
        self.rpc.raw_request::<_, Value>("evm_mine".into(), ()).await?;
        Ok(())
    }

    /// Sends transactions together. Returns their hashes.
    pub async fn send(&self, txs: Vec<Value>) -> Result<Vec<B256>> {
        let mut batch = BatchRequest::new(self.rpc.client());
        let waiting = txs.iter().map(|tx| batch.add_call("eth_sendTransaction", &[tx]));
        let waiting: Vec<Waiter<B256>> = waiting.collect::<Result<_, _>>()?;
        batch.send().await?;
        let mut hashes = Vec::with_capacity(waiting.len());
        for hash in waiting {
            hashes.push(hash.await?);
        }
        Ok(hashes)
    }
}

/// Terms of the usual kind.
pub fn terms(poster: Address, salt: u64) -> Terms {
    let verifiers = VerifierSet { threshold: 1, members: vec![Address::repeat_byte(7)] };
    Terms {
        poster,
        token: NATIVE,
        rate_max: 500,
        units_max: 100,
        unit_seconds: 1,
        epoch_seconds: 10,
        seats: 2,
        bond: 5_000,
        fault_penalty: 1_000,
        faults_max: 3,
        open_until: Timestamp(4_000_000_000),
        challenge_seconds: 20,
        notice_seconds: 30,
        silence_seconds: 60,
        verifier_fee: 7,
        verifier_bond_min: 0,
        open_claim: false,
        verifier_set: verifiers.hash(),
        arbiter: Address::ZERO,
        spec_hash: SpecHash(B256::repeat_byte(5)),
        salt: Amount(U256::from(salt)),
    }
}
