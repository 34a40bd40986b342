//! What tokens and accounts say, through the operator's endpoint: reads only.

use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::TransactionRequest;
use piecework_contracts::accounts::{is_valid, is_valid_signature_call};
use piecework_contracts::x402::{
    authorization_state, authorization_state_call, transfer_with_authorization_call, word,
};
use piecework_domain::money::{Amount, NATIVE};
use piecework_domain::x402::Reason;
use piecework_domain::x402::exact::{Asset, Payment};
use piecework_domain::{Address, B256, Bytes};

use crate::{Error, Result};

/// What trying an authorization may take.
const GAS: u64 = 1_000_000;

#[derive(Clone, Debug)]
pub struct Tokens(pub DynProvider);

impl Tokens {
    /// Why the token would refuse a payment now; `None` if it would take it.
    pub async fn refuses(&self, asset: &Asset, payment: &Payment) -> Result<Option<Reason>> {
        if self.call(asset.token, transfer_with_authorization_call(payment)).await?.is_some() {
            return Ok(None);
        }
        let used = self.call(asset.token, authorization_state_call(payment.from, payment.nonce)).await?;
        if used.as_ref().and_then(|answer| authorization_state(answer)) == Some(true) {
            return Ok(Some(Reason::State));
        }
        let held = self.call(asset.token, piecework_contracts::balance_of_call(payment.from)).await?;
        let poor = held.as_ref().and_then(|answer| word(answer)).is_some_and(|held| held < payment.value);
        Ok(Some(if poor { Reason::Funds } else { Reason::Signature }))
    }

    /// Whether `account` is a contract that says it signed `digest` (ERC-1271).
    pub async fn approves(&self, account: Address, digest: B256, signature: &Bytes) -> Result<bool> {
        let answer = self.call(account, is_valid_signature_call(digest, signature)).await?;
        Ok(answer.is_some_and(|answer| is_valid(&answer)))
    }

    /// What `owner` could bond by a transaction of its own now: native coin it holds, or tokens it holds and lets `escrow` take.
    pub async fn bondable(&self, owner: Address, token: Address, escrow: Address) -> Result<Amount> {
        if token == NATIVE {
            let held = self.0.get_balance(owner).await;
            return held.map(Amount).map_err(|err| Error::EndpointUnavailable(err.to_string()));
        }
        let held = self.call(token, piecework_contracts::balance_of_call(owner)).await?;
        let allowed = self.call(token, piecework_contracts::allowance_call(owner, escrow)).await?;
        let read = |answer: Option<Bytes>| answer.and_then(|answer| word(&answer)).unwrap_or_default();
        Ok(Amount(read(held).min(read(allowed))))
    }

    /// The answer, `None` where the call reverts.
    async fn call(&self, to: Address, data: Bytes) -> Result<Option<Bytes>> {
        let call = TransactionRequest::default().to(to).input(data.into()).gas_limit(GAS);
        match self.0.call(call).await {
            Ok(answer) => Ok(Some(answer)),
            Err(err) if err.as_error_resp().is_some() => Ok(None),
            Err(err) => Err(Error::EndpointUnavailable(err.to_string())),
        }
    }
}
