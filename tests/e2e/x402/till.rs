//! Payers, their authorizations, and requests that carry them.

use std::path::PathBuf;

use alloy::network::TransactionBuilder;
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use piecework_contracts::x402::transfer_with_authorization_call;
use piecework_domain::money::Amount;
use piecework_domain::terms::Terms;
use piecework_domain::x402::exact::{Asset, Payment};
use piecework_domain::x402::{PaymentPayload, PaymentRequirements, SettlementResponse, header};
use piecework_domain::{Address, B256, Bytes, U256};
use serde_json::{Value, json};

use crate::cast::Cast;

pub struct Till<'a> {
    pub cast: &'a Cast<'a>,
    pub asset: Asset,
    http: reqwest::Client,
}

/// An answer as a payer hears it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub settlement: Option<SettlementResponse>,
}

impl Answer {
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub fn settled(&self) -> bool {
        self.settlement.as_ref().is_some_and(|settlement| settlement.success)
    }
}

impl<'a> Till<'a> {
    pub fn new(cast: &'a Cast<'a>) -> Self {
        let ready = &cast.dev.ready;
        let asset = Asset {
            chain_id: ready.chain_id,
            token: ready.test_usd.expect("dev deploys a dollar"),
            name: "Test USD".to_owned(),
            version: "1".to_owned(),
        };
        Self { cast, asset, http: reqwest::Client::new() }
    }

    /// Two seats' worth of work, a dollar a unit.
    pub fn terms(&self, salt: u128, open_until: piecework_domain::time::Timestamp) -> Terms {
        let terms = self.cast.terms(open_until, salt);
        Terms { token: self.asset.token, rate_max: 1_000_000, bond: 0, fault_penalty: 0, open_until, ..terms }
    }

    /// Somebody with dollars and no gas.
    pub async fn payer(&self, dollars: U256) -> PrivateKeySigner {
        let payer = PrivateKeySigner::random();
        let mint = piecework_contracts::mint_call(payer.address(), Amount(dollars));
        self.cast.send("operator", self.asset.token, U256::ZERO, mint).await;
        payer
    }

    pub async fn dollars(&self, account: Address) -> U256 {
        let call = piecework_contracts::balance_of_call(account);
        let call = TransactionRequest::default().with_to(self.asset.token).with_input(call);
        U256::from_be_slice(&self.cast.chain.call(call).await.unwrap())
    }

    pub fn required(&self, terms: &Terms) -> PaymentRequirements {
        let id = self.cast.bounty_id(terms);
        let deposit = piecework_contracts::deposit_address(self.cast.dev.ready.escrow, id);
        self.asset.requirements(terms.cost(3).unwrap(), deposit, 300)
    }

    pub async fn authorization(&self, payer: &PrivateKeySigner, required: &PaymentRequirements, nonce: u8) -> Payment {
        let mut payment = Payment {
            from: payer.address(),
            to: required.pay_to.parse().unwrap(),
            value: required.amount.parse().unwrap(),
            valid_after: U256::ZERO,
            valid_before: U256::from(self.cast.now().await.0 + 300),
            nonce: B256::repeat_byte(nonce),
            signature: Bytes::new(),
        };
        self.sign(payer, &mut payment);
        payment
    }

    pub fn sign(&self, payer: &PrivateKeySigner, payment: &mut Payment) {
        payment.signature = payer.sign_hash_sync(&payment.digest(&self.asset)).unwrap().as_bytes().to_vec().into();
    }

    pub fn payload(&self, required: &PaymentRequirements, payment: &Payment) -> PaymentPayload {
        PaymentPayload {
            version: 2,
            resource: None,
            accepted: required.clone(),
            payload: json!({ "signature": payment.signature, "authorization": {
                "from": payment.from, "to": payment.to, "value": payment.value.to_string(),
                "validAfter": payment.valid_after.to_string(), "validBefore": payment.valid_before.to_string(),
                "nonce": payment.nonce } }),
            extensions: None,
        }
    }

    pub async fn post(&self, terms: &Terms, payload: Option<&PaymentPayload>) -> Answer {
        let header = payload.map(|payload| header::encode(payload).unwrap());
        self.post_with(terms, header).await
    }

    pub async fn post_with(&self, terms: &Terms, header: Option<String>) -> Answer {
        let url = format!("{}/v1/bounties", self.cast.dev.ready.api_url);
        let mut request = self.http.post(url).json(&self.cast.offer(terms));
        if let Some(header) = header {
            request = request.header("PAYMENT-SIGNATURE", header);
        }
        let answer = request.send().await.expect("answers");
        let settlement = answer
            .headers()
            .get("payment-response")
            .map(|value| header::decode(value.as_bytes()).expect("is a response"));
        Answer { status: answer.status().as_u16(), settlement, body: answer.json().await.expect("is JSON") }
    }

    /// Signs with `payer` for exactly what `terms` cost.
    pub async fn paid(&self, terms: &Terms, payer: &PrivateKeySigner, nonce: u8) -> PaymentPayload {
        let required = self.required(terms);
        let payment = self.authorization(payer, &required, nonce).await;
        self.payload(&required, &payment)
    }

    pub async fn facilitate(&self, what: &str, payload: &PaymentPayload, required: &PaymentRequirements) -> Value {
        let body = json!({ "x402Version": 2, "paymentPayload": payload, "paymentRequirements": required });
        let url = format!("{}/x402/{what}", self.cast.dev.ready.api_url);
        let answer = self.http.post(url).json(&body).send().await.expect("answers");
        assert_eq!(answer.status(), 200, "whatever the answer");
        answer.json().await.expect("is JSON")
    }

    /// Submits an authorization straight to the token.
    pub async fn race(&self, payment: &Payment) -> B256 {
        let call = transfer_with_authorization_call(payment);
        self.cast.send("runner2", self.asset.token, U256::ZERO, call).await.transaction_hash
    }

    /// The operator's transactions so far.
    pub async fn sent(&self) -> u64 {
        self.cast.chain.get_transaction_count(self.cast.address("operator")).await.unwrap()
    }

    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.cast.dev.ready.data_dir.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}
