//! Who acts in a test, and waiting for facts.

use std::time::Duration;

use alloy::network::EthereumWallet;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use piecework_client::{Client, Engagement, Error};
use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::messages::{Award, Bid, Domain};
use piecework_domain::money::{Amount, NATIVE};
use piecework_domain::spec::{Finality, SequencerSpec, Spec};
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, B256, Bytes, U256};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::dev::Dev;

pub const RATE: u128 = 500_000_000_000_000_000;
pub const BOND: u128 = 5_000_000_000_000_000_000;

/// How many times longer than on a quiet machine things may take: two shared cores are not always there.
const PATIENCE: u32 = 3;
/// What one question may take beyond.
const ANSWER: Duration = Duration::from_secs(60);

/// Asks until the answer is there, which takes at most `seconds` on a quiet machine.
pub async fn eventually<T, F>(what: &str, seconds: u64, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + PATIENCE * Duration::from_secs(seconds);
    loop {
        // A question that is never answered is no answer, either.
        let answer = tokio::time::timeout_at(deadline + ANSWER, ask()).await;
        let answer = answer.unwrap_or_else(|_| panic!("after {PATIENCE} × {seconds} s not even answered: {what}"));
        if let Some(fact) = answer {
            return fact;
        }
        assert!(Instant::now() < deadline, "after {PATIENCE} × {seconds} s still not: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Sends a transaction on the chain behind `url`, which must succeed.
pub async fn send_on(url: &str, from: PrivateKeySigner, to: Address, value: U256, data: Bytes) -> TransactionReceipt {
    let account = from.address();
    let provider = ProviderBuilder::new().wallet(EthereumWallet::from(from)).connect_http(url.parse().unwrap());
    provider.client().set_poll_interval(Duration::from_millis(100));
    let tx = TransactionRequest::default().to(to).value(value).input(data.into());
    let receipt = provider.send_transaction(tx).await.expect("is sent").get_receipt().await.expect("is mined");
    assert!(receipt.status(), "a transaction of {account} reverted");
    receipt
}

pub struct Cast<'a> {
    pub dev: &'a Dev,
    pub api: Client,
    pub chain: DynProvider,
    pub domain: Domain,
    /// What the chain's clock showed before its first reorg, and when that was.
    clock: OnceCell<(Timestamp, Instant)>,
}

impl<'a> Cast<'a> {
    pub fn of(dev: &'a Dev) -> Self {
        let ready = &dev.ready;
        let read = |url: &str| ProviderBuilder::new().connect_http(url.parse().unwrap()).erased();
        Self {
            dev,
            api: Client::new(&ready.api_url),
            chain: read(&ready.rpc_url),
            domain: Domain::new(ready.chain_id, ready.escrow),
            clock: OnceCell::new(),
        }
    }

    /// Replaces the newest `depth` blocks. anvil's clock falls behind by what a reorg takes away; a chain's does not, and verifiers
    /// date by their own: it is set right.
    pub async fn reorganise(&self, depth: u64) {
        let (right, since) = *self.clock.get_or_init(|| async { (self.now().await, Instant::now()) }).await;
        self.chain.raw_request::<_, Value>("anvil_reorg".into(), json!([depth, []])).await.expect("anvil reorganises");
        let now = right.plus(since.elapsed().as_secs());
        self.chain.raw_request::<_, Value>("evm_setTime".into(), json!([now.0])).await.expect("anvil sets its clock");
    }

    pub fn signer(&self, role: &str) -> PrivateKeySigner {
        self.dev.key(role).private_key.parse().unwrap()
    }

    pub fn address(&self, role: &str) -> Address {
        self.dev.key(role).address
    }

    pub fn sign(&self, role: &str, digest: B256) -> Bytes {
        self.signer(role).sign_hash_sync(&digest).unwrap().as_bytes().to_vec().into()
    }

    pub async fn send(&self, role: &str, to: Address, value: U256, data: Bytes) -> TransactionReceipt {
        send_on(&self.dev.ready.rpc_url, self.signer(role), to, value, data).await
    }

    /// Sends many transactions without waiting for each, then for all.
    pub async fn send_all(&self, role: &str, to: Address, calls: Vec<Bytes>) {
        let wallet = EthereumWallet::from(self.signer(role));
        let provider = ProviderBuilder::new().wallet(wallet).connect_http(self.dev.ready.rpc_url.parse().unwrap());
        provider.client().set_poll_interval(Duration::from_millis(100));
        let mut sent = Vec::with_capacity(calls.len());
        for data in calls {
            let tx = TransactionRequest::default().to(to).input(data.into()).gas_limit(500_000);
            sent.push(provider.send_transaction(tx).await.expect("is sent"));
        }
        for pending in sent {
            assert!(pending.get_receipt().await.expect("is mined").status(), "a transaction of {role} reverted");
        }
    }

    /// The settlement chain's time.
    pub async fn now(&self) -> Timestamp {
        let head = self.chain.get_block_by_number(alloy::eips::BlockNumberOrTag::Latest).await.unwrap().unwrap();
        Timestamp(head.header.timestamp)
    }

    pub fn verifiers(&self) -> VerifierSet {
        let mut members: Vec<_> = (1..=3).map(|n| self.address(&format!("verifier{n}"))).collect();
        members.sort();
        VerifierSet { threshold: 2, members }
    }

    pub fn spec(&self) -> Spec {
        Spec::Sequencer(SequencerSpec {
            version: 1,
            title: "Run our sequencer".to_owned(),
            description: String::new(),
            chain_id: self.dev.ready.l2.chain_id,
            finality: Finality::Safe,
            timely_seconds: 3,
            grace_seconds: 2,
            blocks_min: 1,
            revisions_max: 0,
        })
    }

    /// 0.5 ETH per block for 20 blocks, judged every 4 s.
    pub fn terms(&self, now: Timestamp, salt: u128) -> Terms {
        Terms {
            poster: self.address("poster"),
            token: NATIVE,
            rate_max: RATE,
            units_max: 20,
            unit_seconds: 1,
            epoch_seconds: 4,
            seats: 1,
            bond: BOND,
            fault_penalty: 1_000_000_000_000_000_000,
            faults_max: 0,
            open_until: now.plus(3_600),
            challenge_seconds: 1,
            notice_seconds: 2,
            silence_seconds: 2,
            verifier_fee: 0,
            verifier_bond_min: 0,
            open_claim: false,
            verifier_set: self.verifiers().hash(),
            arbiter: Address::ZERO,
            spec_hash: self.spec().hash().unwrap(),
            salt: Amount::from(salt),
        }
    }

    pub fn bounty_id(&self, terms: &Terms) -> BountyId {
        terms.bounty_id(self.dev.ready.chain_id, self.dev.ready.escrow)
    }

    pub fn offer(&self, terms: &Terms) -> Value {
        self.offer_of(terms, &self.spec())
    }

    pub fn offer_of(&self, terms: &Terms, spec: &Spec) -> Value {
        json!({ "terms": terms, "verifiers": self.verifiers(), "spec": spec })
    }

    /// Announces and pays; returns once the mirror has the bounty.
    pub async fn post(&self, terms: &Terms) -> BountyId {
        let refused = self.api.post::<Value>("/v1/bounties", &self.offer(terms)).await.expect_err("is unpaid");
        assert_eq!(refused.code(), Some("payment_required"));
        let id = self.bounty_id(terms);
        let deposit = piecework_contracts::deposit_address(self.dev.ready.escrow, id);
        self.send("poster", deposit, terms.cost(3).unwrap().0, Bytes::new()).await;
        eventually("the bounty is posted", 30, || async { self.bounty(id).await.ok() }).await;
        id
    }

    /// Announces and posts without a deposit: nobody relays dust.
    pub async fn post_itself(&self, terms: &Terms) -> BountyId {
        self.post_offer(terms, &self.offer(terms)).await
    }

    pub async fn post_offer(&self, terms: &Terms, offer: &Value) -> BountyId {
        self.api.post::<Value>("/v1/bounties", offer).await.expect_err("is unpaid");
        let (id, cost) = (self.bounty_id(terms), terms.cost(3).unwrap());
        self.send("poster", self.dev.ready.escrow, cost.0, piecework_contracts::post_call(terms, cost)).await;
        eventually("the bounty is posted", 30, || async { self.bounty(id).await.ok() }).await;
        id
    }

    pub async fn bounty(&self, id: BountyId) -> Result<Value, Error> {
        self.api.get(&format!("/v1/bounties/{id}")).await
    }

    pub fn bid(&self, bounty: BountyId, terms: &Terms) -> Bid {
        Bid {
            bounty,
            runner: self.address("runner1"),
            payee: self.address("payee1"),
            node: self.address("node1"),
            rate: terms.rate_max,
            relay_fee: 0,
            expires_at: terms.open_until,
            nonce: Amount::from(1),
        }
    }

    pub fn signed_bid(&self, bid: &Bid) -> Value {
        json!({ "bid": bid, "signature": self.sign("runner1", bid.digest(&self.domain)) })
    }

    /// Bond deposited, bid and award sent; returns the engagement's id without waiting for it.
    pub async fn bid_and_award(&self, bounty: BountyId, terms: &Terms) -> EngagementId {
        let runner = self.address("runner1");
        let data = piecework_contracts::deposit_call(NATIVE, runner, BOND.into());
        self.send("runner1", self.dev.ready.escrow, U256::from(BOND), data).await;
        let bid = self.bid(bounty, terms);
        let path = format!("/v1/bounties/{bounty}");
        self.api.post::<Value>(&format!("{path}/bids"), &self.signed_bid(&bid)).await.expect("the bid is taken");
        let award = Award { bounty, bid: bid.engagement_id(), expires_at: terms.open_until, spare: false };
        let body = json!({ "award": award, "signature": self.sign("poster", award.digest(&self.domain)) });
        self.api.post::<Value>(&format!("{path}/awards"), &body).await.expect("the award is taken");
        award.bid
    }

    pub async fn engaged(&self, id: EngagementId) -> Engagement {
        eventually("the engagement begins", 30, || async { self.api.engagement(id).await.ok() }).await
    }

    /// Ends an engagement whose clock has run out and reclaims it; returns its last state.
    pub async fn wind_up(&self, id: EngagementId) -> Engagement {
        let e = self.engaged(id).await;
        let ends_at = e.ends_at().expect("has a clock");
        eventually("the clock runs out", 120, || async { (self.now().await >= ends_at).then_some(()) }).await;
        let escrow = self.dev.ready.escrow;
        let data = piecework_contracts::end_call(&e.terms, &e.verifiers, &e.bid);
        self.send("runner2", escrow, U256::ZERO, data).await;
        let at = piecework_domain::rules::reclaimable_at(&e.terms, ends_at);
        eventually("the redemption period passes", 60, || async { (self.now().await >= at).then_some(()) }).await;
        let data = piecework_contracts::reclaim_call(&e.terms, &e.verifiers, &e.bid);
        self.send("runner2", escrow, U256::ZERO, data).await;
        eventually("the engagement closes", 30, || async {
            self.api.engagement(id).await.ok().filter(|e| e.status == "closed")
        })
        .await
    }

    pub async fn balance(&self, account: Address) -> U256 {
        self.chain.get_balance(account).await.unwrap()
    }

    /// Redemptions on chain: (units, amount) in order.
    pub async fn redemptions(&self, id: EngagementId) -> Vec<(u64, U256)> {
        use piecework_domain::chain::Event;
        let filter = alloy::rpc::types::Filter::new().address(self.dev.ready.escrow).from_block(0);
        let logs = self.chain.get_logs(&filter).await.unwrap();
        let events = logs.iter().filter_map(|log| piecework_contracts::decode(log).unwrap());
        events
            .filter_map(|event| match event {
                Event::Redeemed { engagement, units, amount, .. } if engagement == id => Some((units, amount.0)),
                _ => None,
            })
            .collect()
    }
}
