//! Who plays, and what they offer.

use alloy::providers::{DynProvider, Provider};
use anyhow::{Context, Result};
use piecework_client::Client;
use piecework_domain::Address;
use piecework_domain::ids::SpecHash;
use piecework_domain::messages::Domain;
use piecework_domain::money::{Amount, NATIVE};
use piecework_domain::spec::{Finality, RpcSpec, SequencerSpec, Spec};
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::time::Timestamp;

use super::wallet::Wallet;
use crate::dev::Stack;

pub const EPOCH_SECONDS: u32 = 5;
const GRACE_SECONDS: u32 = 3;

/// What the story needs to know of the running parts.
pub struct Parts {
    pub rpc_url: String,
    pub chain_id: u64,
    pub escrow: Address,
    pub test_usd: Address,
    pub start_block: u64,
    pub l2_url: String,
    pub l2_chain_id: u64,
    pub api_url: String,
}

impl Parts {
    pub fn of(stack: &Stack) -> Self {
        Self {
            rpc_url: stack.settlement.rpc_url.clone(),
            chain_id: stack.settlement.chain_id,
            escrow: stack.deployed.escrow,
            test_usd: stack.deployed.test_usd.unwrap_or_default(),
            start_block: stack.deployed.start_block,
            l2_url: stack.sequenced.rpc_url.clone(),
            l2_chain_id: stack.sequenced.chain_id,
            api_url: stack.api_url.clone(),
        }
    }
}

pub struct Cast {
    pub api: Client,
    pub chain: DynProvider,
    pub node: DynProvider,
    pub domain: Domain,
    pub poster: Wallet,
    pub runner1: Wallet,
    pub runner2: Wallet,
    pub verifiers: VerifierSet,
    pub quiet: bool,
}

impl Cast {
    pub fn say(&self, text: impl std::fmt::Display) {
        if !self.quiet {
            println!("{text}");
        }
    }
}

pub async fn now(cast: &Cast) -> Result<Timestamp> {
    let head = cast.chain.get_block_by_number(alloy::eips::BlockNumberOrTag::Latest).await?;
    Ok(Timestamp(head.context("the chain has no head")?.header.timestamp))
}

pub fn sequencer_spec(parts: &Parts, title: &str) -> Spec {
    Spec::Sequencer(SequencerSpec {
        version: 1,
        title: title.to_owned(),
        description: "Produce a block every second. A block counts once it is safe and was seen in time.".to_owned(),
        chain_id: parts.l2_chain_id,
        finality: Finality::Safe,
        timely_seconds: 3,
        grace_seconds: GRACE_SECONDS,
        blocks_min: 3,
        revisions_max: 0,
    })
}

pub fn eth_terms(cast: &Cast, spec: &Spec, now: Timestamp) -> Result<Terms> {
    const MILLI_ETHER: u128 = 1_000_000_000_000_000;
    Ok(Terms {
        poster: cast.poster.address(),
        token: NATIVE,
        rate_max: 500 * MILLI_ETHER,
        units_max: 60,
        unit_seconds: 1,
        epoch_seconds: EPOCH_SECONDS,
        seats: 1,
        bond: 5_000 * MILLI_ETHER,
        fault_penalty: 1_000 * MILLI_ETHER,
        faults_max: 4,
        open_until: now.plus(3_600),
        challenge_seconds: 1,
        notice_seconds: 5,
        silence_seconds: 3,
        verifier_fee: MILLI_ETHER,
        verifier_bond_min: 0,
        open_claim: false,
        verifier_set: cast.verifiers.hash(),
        arbiter: Address::ZERO,
        spec_hash: spec_hash(spec)?,
        salt: Amount::from(u128::from(now.0)),
    })
}

pub fn usd_terms(parts: &Parts, cast: &Cast, spec: &Spec, now: Timestamp) -> Result<Terms> {
    const CENT: u128 = 10_000;
    Ok(Terms {
        token: parts.test_usd,
        rate_max: 25 * CENT,
        units_max: 25,
        bond: 1_000 * CENT,
        fault_penalty: 200 * CENT,
        verifier_fee: CENT,
        open_claim: true,
        spec_hash: spec_hash(spec)?,
        ..eth_terms(cast, spec, now)?
    })
}

pub fn rpc_spec(parts: &Parts) -> Spec {
    Spec::Rpc(RpcSpec {
        version: 1,
        title: "Serve our RPC".to_owned(),
        description: "Answer JSON-RPC for five seconds at a time, right and in time.".to_owned(),
        chain_id: parts.l2_chain_id,
        latency_ms_max: 1_500,
        timeout_ms: 2_500,
        success_bps_min: 9_500,
        wrong_max: 0,
        lag_blocks_max: 3,
        probes_min: 8,
        history_blocks: 64,
        state_blocks: 64,
        calls: vec![],
        fault_below_bps: 5_000,
        grace_seconds: GRACE_SECONDS,
    })
}

/// A dollar per epoch, for eight epochs.
pub fn rpc_terms(parts: &Parts, cast: &Cast, spec: &Spec, now: Timestamp) -> Result<Terms> {
    const CENT: u128 = 10_000;
    Ok(Terms {
        rate_max: 100 * CENT,
        units_max: 8,
        unit_seconds: EPOCH_SECONDS,
        spec_hash: spec_hash(spec)?,
        ..usd_terms(parts, cast, spec, now)?
    })
}

fn spec_hash(spec: &Spec) -> Result<SpecHash> {
    Ok(spec.hash()?)
}
