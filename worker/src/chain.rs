//! What the worker asks the chain.

use std::time::Duration;

use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::Encodable2718;
use alloy::network::TxSignerSync;
use alloy::primitives::TxKind;
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::{Filter, Log, TransactionRequest};
use alloy::signers::local::PrivateKeySigner;
use piecework_contracts::{Revert, revert_of};
use piecework_domain::chain::Event;
use piecework_domain::ids::EngagementId;
use piecework_domain::money::{Amount, NATIVE};
use piecework_domain::{Address, B256, Bytes, U256};
use piecework_store::txs::Attempt;

use crate::Error;
use crate::error::rpc;

const TRANSFER_GAS: u64 = 21_000;
/// What reading a balance may take of anybody's token.
const BALANCE_GAS: u64 = 300_000;
const BALANCE_WITHIN: Duration = Duration::from_secs(2);
/// How far back a log is looked for: what providers give at once.
const LOGS_BLOCKS_MAX: u64 = 5_000;

/// The settlement chain, as the operator's account sees it.
#[derive(Clone, Debug)]
pub struct Chain {
    pub id: u64,
    pub escrow: Address,
    provider: DynProvider,
    signer: PrivateKeySigner,
}

/// What gas costs now, in wei per gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fees {
    pub max_fee_per_gas: u128,
    pub max_priority_fee_per_gas: u128,
}

impl Fees {
    /// These, or what nodes ask for to replace `attempt` in their pools (a tenth more), with some room.
    #[must_use]
    pub fn replacing(self, attempt: &Attempt) -> Self {
        let more = |fee: u128| fee.saturating_add(fee / 5).saturating_add(1);
        Self {
            max_fee_per_gas: self.max_fee_per_gas.max(more(attempt.max_fee_per_gas)),
            max_priority_fee_per_gas: self.max_priority_fee_per_gas.max(more(attempt.max_priority_fee_per_gas)),
        }
    }
}

/// Why a call would not work.
pub enum Refused {
    /// The escrow says no.
    Reverts(Revert),
    /// The endpoint didn't answer.
    Unknown(Error),
}

/// What a mined transaction came to.
#[derive(Clone, Debug)]
pub struct Receipt {
    pub block_number: u64,
    pub gas_used: u64,
    pub succeeded: bool,
    /// Entries of a batch that were not redeemed, with the reason.
    pub skipped: Vec<(EngagementId, Revert)>,
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

    /// What `target` answers now; `None` where it reverts or is no such contract.
    pub async fn call(&self, target: Address, data: Bytes) -> Result<Option<Bytes>, Error> {
        let call = TransactionRequest::default().to(target).input(data.into()).gas_limit(BALANCE_GAS);
        match self.provider.call(call).await {
            Ok(answer) => Ok(Some(answer).filter(|answer| !answer.is_empty())),
            Err(err) if err.as_error_resp().is_some_and(|r| r.code == 3 || says_no(&r.message)) => Ok(None),
            Err(err) => Err(rpc("calling a token")(err)),
        }
    }

    /// The newest log of `emitter` with these topics, among the last blocks.
    pub async fn find_log(&self, emitter: Address, topics: [B256; 3]) -> Result<Option<Log>, Error> {
        let head = self.provider.get_block_number().await.map_err(rpc("reading the newest block"))?;
        let [event, first, second] = topics;
        let filter = Filter::new().address(emitter).event_signature(event).topic1(first).topic2(second);
        let logs = self.provider.get_logs(&filter.from_block(head.saturating_sub(LOGS_BLOCKS_MAX))).await;
        Ok(logs.map_err(rpc("looking for a log"))?.pop())
    }

    /// The log of the same transaction that comes right after `log`.
    pub async fn log_after(&self, log: &Log) -> Result<Option<Log>, Error> {
        let (Some(tx_hash), Some(index)) = (log.transaction_hash, log.log_index) else { return Ok(None) };
        let receipt = self.provider.get_transaction_receipt(tx_hash).await.map_err(rpc("reading a receipt"))?;
        let logs = receipt.map(|receipt| receipt.inner.logs().to_vec()).unwrap_or_default();
        Ok(logs.into_iter().find(|next| next.log_index == index.checked_add(1)))
    }

    /// Gas that a call to the escrow takes now, `gas_max` at most, or why it would revert.
    pub async fn estimate(&self, data: &Bytes, gas_max: u64) -> Result<u64, Refused> {
        self.estimate_at(self.escrow, data, gas_max).await
    }

    /// The same for any contract.
    pub async fn estimate_at(&self, target: Address, data: &Bytes, gas_max: u64) -> Result<u64, Refused> {
        let call = TransactionRequest::default().from(self.operator()).to(target).input(data.clone().into());
        self.provider.estimate_gas(call.gas_limit(gas_max)).await.map_err(|err| match err.as_error_resp() {
            // The endpoint has tried and says no: an error of this call. Anything else (too many requests, a block it doesn't have) is
            // the endpoint's.
            Some(response) => match response.as_revert_data().filter(|data| !data.is_empty()) {
                Some(data) => Refused::Reverts(revert_of(&data)),
                None if response.code == 3 || says_no(&response.message) => {
                    Refused::Reverts(Revert { code: "not_executable".to_owned(), detail: response.message.to_string() })
                }
                None => Refused::Unknown(rpc("estimating gas")(err)),
            },
            None => Refused::Unknown(rpc("estimating gas")(err)),
        })
    }

    /// An account's next nonce as of the newest block.
    pub async fn mined_nonce(&self, account: Address) -> Result<u64, Error> {
        self.provider.get_transaction_count(account).await.map_err(rpc("reading the nonce"))
    }

    /// Today's estimate with room for the base fee to double several times.
    pub async fn fees(&self) -> Result<Fees, Error> {
        let fees = self.provider.estimate_eip1559_fees().await.map_err(rpc("estimating fees"))?;
        Ok(Fees {
            max_fee_per_gas: fees.max_fee_per_gas.saturating_mul(2),
            max_priority_fee_per_gas: fees.max_priority_fee_per_gas,
        })
    }

    /// What a transaction pays now, in wei per gas.
    pub async fn gas_price(&self) -> Result<u128, Error> {
        self.provider.get_gas_price().await.map_err(rpc("reading the gas price"))
    }

    /// Signs a call to `target`, the escrow where that is `None`.
    pub fn sign(
        &self,
        target: Option<Address>,
        data: Bytes,
        nonce: u64,
        gas_limit: u64,
        fees: Fees,
    ) -> Result<Attempt, Error> {
        self.sign_to(target.unwrap_or(self.escrow), data, nonce, gas_limit, fees)
    }

    /// Signs a transaction that does nothing but use up its nonce.
    pub fn sign_filler(&self, nonce: u64, fees: Fees) -> Result<Attempt, Error> {
        self.sign_to(self.operator(), Bytes::new(), nonce, TRANSFER_GAS, fees)
    }

    fn sign_to(&self, to: Address, data: Bytes, nonce: u64, gas_limit: u64, fees: Fees) -> Result<Attempt, Error> {
        let mut tx = TxEip1559 {
            chain_id: self.id,
            nonce,
            gas_limit,
            max_fee_per_gas: fees.max_fee_per_gas,
            max_priority_fee_per_gas: fees.max_priority_fee_per_gas,
            to: TxKind::Call(to),
            value: U256::ZERO,
            access_list: Default::default(),
            input: data,
        };
        let signature = self.signer.sign_transaction_sync(&mut tx).map_err(Error::Sign)?;
        let envelope = TxEnvelope::from(tx.into_signed(signature));
        Ok(Attempt {
            tx_hash: *envelope.tx_hash(),
            raw: envelope.encoded_2718().into(),
            max_fee_per_gas: fees.max_fee_per_gas,
            max_priority_fee_per_gas: fees.max_priority_fee_per_gas,
        })
    }

    /// Sends stored bytes. An endpoint that has them already says so in many ways: the receipt decides, not this answer.
    pub async fn send(&self, raw: &Bytes) -> Result<(), Error> {
        self.provider.send_raw_transaction(raw).await.map(|_| ()).map_err(rpc("sending a transaction"))
    }

    /// `None` while it is not mined.
    pub async fn receipt(&self, hash: B256) -> Result<Option<Receipt>, Error> {
        let receipt = self.provider.get_transaction_receipt(hash).await.map_err(rpc("reading a receipt"))?;
        Ok(receipt.and_then(|r| {
            let ours = r.inner.logs().iter().filter(|log| log.address() == self.escrow);
            let skipped = ours.filter_map(|log| match piecework_contracts::decode(log) {
                Ok(Some(Event::Skipped { engagement, reason })) => Some((engagement, revert_of(&reason))),
                _ => None,
            });
            Some(Receipt {
                block_number: r.block_number?,
                gas_used: r.gas_used,
                succeeded: r.status(),
                skipped: skipped.collect(),
            })
        }))
    }
}

/// Nodes have no code for a call that runs out of gas, or reverts without data.
fn says_no(message: &str) -> bool {
    let message = message.to_lowercase();
    ["revert", "out of gas", "outofgas", "gas required exceeds", "invalid opcode"].iter().any(|no| message.contains(no))
}
