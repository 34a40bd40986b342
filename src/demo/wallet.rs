//! A person's or an agent's wallet, and waiting for facts.

use std::time::{Duration, Instant};

use alloy::network::EthereumWallet;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, bail};
use piecework_domain::{Address, B256, Bytes, U256};

/// An account that sends its own transactions.
#[derive(Clone)]
pub struct Wallet {
    pub signer: PrivateKeySigner,
    provider: DynProvider,
}

impl Wallet {
    pub fn new(signer: PrivateKeySigner, rpc_url: &str) -> Result<Self> {
        let wallet = EthereumWallet::from(signer.clone());
        let provider = ProviderBuilder::new().wallet(wallet).connect_http(rpc_url.parse()?).erased();
        provider.client().set_poll_interval(Duration::from_millis(100));
        Ok(Self { signer, provider })
    }

    pub fn address(&self) -> Address {
        self.signer.address()
    }

    /// Sends and waits until it is mined and has succeeded.
    pub async fn send(&self, what: &str, to: Address, value: U256, data: Bytes) -> Result<B256> {
        let tx = TransactionRequest::default().from(self.address()).to(to).value(value).input(data.into());
        let pending = self.provider.send_transaction(tx).await.with_context(|| format!("sending: {what}"))?;
        let receipt = pending.get_receipt().await.with_context(|| format!("waiting for: {what}"))?;
        if !receipt.status() {
            bail!("{what} reverted ({})", receipt.transaction_hash);
        }
        Ok(receipt.transaction_hash)
    }

    pub fn sign(&self, digest: B256) -> Result<Bytes> {
        Ok(self.signer.sign_hash_sync(&digest).context("signing")?.as_bytes().to_vec().into())
    }
}

/// Asks until the answer is there, at most `seconds` long.
pub async fn eventually<T, F>(what: &str, seconds: u64, mut ask: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let mut last_error = None;
    loop {
        match ask().await {
            Ok(Some(fact)) => return Ok(fact),
            Ok(None) => {}
            Err(err) => last_error = Some(err),
        }
        if Instant::now() > deadline {
            return match last_error {
                Some(err) => Err(err.context(format!("still waiting after {seconds} s: {what}"))),
                None => bail!("still waiting after {seconds} s: {what}"),
            };
        }
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}
