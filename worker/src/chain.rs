//! What the worker asks the chain.

use std::time::Duration;

use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::Encodable2718;
use alloy::network::TxSignerSync;
use alloy::primitives::TxKind;
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use piecework_contracts::{Revert, revert_of};
use piecework_domain::money::{Amount, NATIVE};
use piecework_domain::{Address, B256, Bytes, U256};

use crate::Error;
use crate::error::rpc;

/// What reading a balance may take of anybody's token.
const BALANCE_GAS: u64 = 300_000;
const BALANCE_WITHIN: Duration = Duration::from_secs(2);

/// The settlement chain, as the operator's account sees it.
#[derive(Clone, Debug)]
pub struct Chain {
    pub id: u64,
    pub escrow: Address,
    provider: DynProvider,
    signer: PrivateKeySigner,
}

/// A transaction ready to be sent.
pub struct Signed {
    pub raw: Bytes,
    pub hash: B256,
}

/// Why a call would not work.
pub enum Refused {
    /// The escrow says no.
    Reverts(Revert),
    /// The endpoint didn't answer.
    Unknown(Error),
}

impl Chain {
    pub fn new(id: u64, escrow: Address, provider: DynProvider, signer: PrivateKeySigner) -> Self {
        Self { id, escrow, provider, signer }
    }

    pub fn operator(&self) -> Address {
        self.signer.address()
    }

    pub async fn check(&self) -> Result<(), Error> {
        let actual = self.provider.get_chain_id().await.map_err(rpc("asking for the chain's id"))?;
        if actual == self.id { Ok(()) } else { Err(Error::WrongChain { expected: self.id, actual }) }
    }

    /// What `account` holds of `token`.
    pub async fn balance(&self, account: Address, token: Address) -> Result<Amount, Error> {
        if token == NATIVE {
            return self.provider.get_balance(account).await.map(Amount).map_err(rpc("reading a balance"));
        }
        let call = TransactionRequest::default().to(token).input(piecework_contracts::balance_of_call(account).into());
        let call = self.provider.call(call.gas_limit(BALANCE_GAS));
        let answer = tokio::time::timeout(BALANCE_WITHIN, call).await;
        let answer = answer.map_err(rpc("reading a token balance"))?.map_err(rpc("reading a token balance"))?;
        match <[u8; 32]>::try_from(answer.as_ref()) {
            Ok(word) => Ok(Amount(U256::from_be_bytes(word))),
            Err(_) => Err(Error::Rpc { what: "reading a token balance", problem: format!("{token} is no token") }),
        }
    }

    /// Gas that a call to the escrow takes now, or why it would revert.
    pub async fn estimate(&self, data: &Bytes) -> Result<u64, Refused> {
        let call = TransactionRequest::default().from(self.operator()).to(self.escrow).input(data.clone().into());
        self.provider.estimate_gas(call).await.map_err(|err| match err.as_error_resp() {
            // The endpoint has tried and says no: an error of this call, not of the endpoint.
            Some(response) => Refused::Reverts(match response.as_revert_data() {
                Some(data) => revert_of(&data),
                None => Revert { code: "not_executable".to_owned(), detail: response.message.to_string() },
            }),
            None => Refused::Unknown(rpc("estimating gas")(err)),
        })
    }

    /// The account's next nonce as of the newest block.
    pub async fn mined_nonce(&self) -> Result<u64, Error> {
        self.provider.get_transaction_count(self.operator()).await.map_err(rpc("reading the nonce"))
    }

    /// Signs a call to the escrow. Fees are today's estimate with room for the base fee to double several times.
    pub async fn sign(&self, data: Bytes, nonce: u64, gas: u64) -> Result<Signed, Error> {
        let fees = self.provider.estimate_eip1559_fees().await.map_err(rpc("estimating fees"))?;
        let mut tx = TxEip1559 {
            chain_id: self.id,
            nonce,
            // Estimates are exact for one state; the state moves.
            gas_limit: gas + gas / 4,
            max_fee_per_gas: fees.max_fee_per_gas.saturating_mul(2),
            max_priority_fee_per_gas: fees.max_priority_fee_per_gas,
            to: TxKind::Call(self.escrow),
            value: U256::ZERO,
            access_list: Default::default(),
            input: data,
        };
        let signature = self.signer.sign_transaction_sync(&mut tx).map_err(Error::Sign)?;
        let envelope = TxEnvelope::from(tx.into_signed(signature));
        Ok(Signed { hash: *envelope.tx_hash(), raw: envelope.encoded_2718().into() })
    }

    /// Sends stored bytes. An endpoint that has them already says so in many ways: the receipt decides, not this answer.
    pub async fn send(&self, raw: &Bytes) -> Result<(), Error> {
        self.provider.send_raw_transaction(raw).await.map(|_| ()).map_err(rpc("sending a transaction"))
    }

    /// The receipt of a mined transaction: block, gas used, whether it succeeded.
    pub async fn receipt(&self, hash: B256) -> Result<Option<(u64, u64, bool)>, Error> {
        let receipt = self.provider.get_transaction_receipt(hash).await.map_err(rpc("reading a receipt"))?;
        Ok(receipt.and_then(|r| Some((r.block_number?, r.gas_used, r.status()))))
    }
}
