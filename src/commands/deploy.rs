//! `piecework deploy`.

use std::time::Duration;

use alloy::network::{EthereumWallet, TransactionBuilder};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, ensure};
use piecework_contracts::abi;
use piecework_domain::{Address, Bytes};
use serde::Serialize;

use crate::{cli, keys};

/// What was deployed where.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployed {
    pub chain_id: u64,
    /// The account that holds the money; everything goes there.
    pub escrow: Address,
    /// Where the rest of its code lies.
    pub settlement: Address,
    pub court: Address,
    pub verifier_bond: Address,
    /// Index from this block on.
    pub start_block: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_usd: Option<Address>,
}

pub async fn run(args: cli::Deploy) -> Result<()> {
    let deployed = deploy(&args.rpc.rpc_url, keys::read(&args.key_file)?, args.test_usd).await?;
    println!("{}", serde_json::to_string(&deployed)?);
    Ok(())
}

pub async fn deploy(rpc_url: &str, signer: PrivateKeySigner, test_usd: bool) -> Result<Deployed> {
    let url = rpc_url.parse().map_err(|_| anyhow::anyhow!("the RPC endpoint is not a URL"))?;
    let provider = ProviderBuilder::new().wallet(EthereumWallet::from(signer)).connect_http(url);
    provider.client().set_poll_interval(Duration::from_millis(200));
    let chain_id = provider.get_chain_id().await.context("asking the endpoint for its chain id")?;
    let (verifier_bond, _) = create(&provider, &abi::VerifierBond::BYTECODE, &[], "the verifiers' bonds").await?;
    // The escrow's code in the order in which the parts know of each other (docs/adr/0005).
    let (court, _) = create(&provider, &abi::Court::BYTECODE, &[verifier_bond], "the escrow's third part").await?;
    let known = [verifier_bond, court];
    let (settlement, _) = create(&provider, &abi::Settlement::BYTECODE, &known, "the escrow's second part").await?;
    let known = [verifier_bond, settlement];
    let (escrow, start_block) = create(&provider, &abi::Escrow::BYTECODE, &known, "the escrow").await?;
    let test_usd = match test_usd {
        true => Some(create(&provider, &abi::TestUSD::BYTECODE, &[], "TestUSD").await?.0),
        false => None,
    };
    Ok(Deployed { chain_id, escrow, settlement, court, verifier_bond, start_block, test_usd })
}

/// `known`: the constructor's arguments.
async fn create(provider: &impl Provider, code: &Bytes, known: &[Address], name: &str) -> Result<(Address, u64)> {
    let mut input = code.to_vec();
    known.iter().for_each(|address| input.extend(address.into_word()));
    let tx = TransactionRequest::default().into_create().input(Bytes::from(input).into());
    let pending = provider.send_transaction(tx).await.with_context(|| format!("sending the creation of {name}"))?;
    let receipt = pending.get_receipt().await.with_context(|| format!("waiting for the creation of {name}"))?;
    ensure!(receipt.status(), "the creation of {name} reverted");
    let address = receipt.contract_address.with_context(|| format!("no address in the receipt of {name}"))?;
    Ok((address, receipt.block_number.with_context(|| format!("no block in the receipt of {name}"))?))
}
