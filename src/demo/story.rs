//! The story, step by step. Everybody in it uses only what a stranger could: the REST API, wallets, RPC endpoints.

use std::time::Duration;

use alloy::providers::{DynProvider, Provider};
use anyhow::{Context, Result, ensure};
use piecework_client::{Client, Engagement};
use piecework_domain::ids::{BountyId, EngagementId, SpecHash};
use piecework_domain::messages::{Award, Bid, Domain};
use piecework_domain::money::{Amount, NATIVE};
use piecework_domain::spec::{Finality, SequencerSpec, Spec};
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, Bytes, U256};
use serde::Deserialize;

use super::audit;
use super::summary::{BountySummary, Told};
use super::wallet::{Wallet, eventually};
use crate::config;
use crate::dev::{Stack, account};

const EPOCH_SECONDS: u32 = 5;
const GRACE_SECONDS: u32 = 3;

/// What the story needs to know of the running parts.
pub struct Parts {
    pub rpc_url: String,
    pub chain_id: u64,
    pub escrow: Address,
    pub test_usd: Address,
    pub start_block: u64,
    l2_url: String,
    l2_chain_id: u64,
    api_url: String,
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

struct Cast {
    api: Client,
    chain: DynProvider,
    node: DynProvider,
    domain: Domain,
    poster: Wallet,
    runner1: Wallet,
    runner2: Wallet,
    verifiers: VerifierSet,
    quiet: bool,
}

impl Cast {
    fn say(&self, text: impl std::fmt::Display) {
        if !self.quiet {
            println!("{text}");
        }
    }
}

/// A transaction the API prepared.
#[derive(Deserialize)]
struct Prepared {
    to: Address,
    value: Amount,
    data: Bytes,
}

pub async fn tell(parts: &Parts, quiet: bool) -> Result<Told> {
    let wallet = |role: &str| Wallet::new(account(role).signer(), &parts.rpc_url);
    let mut members: Vec<Address> = (1..=3)
        .map(|n| account(&format!("verifier{n}")).address())
        .collect();
    members.sort();
    let cast = Cast {
        api: Client::new(&parts.api_url),
        chain: config::provider(&parts.rpc_url)?,
        node: config::provider(&parts.l2_url)?,
        domain: Domain::new(parts.chain_id, parts.escrow),
        poster: wallet("poster")?,
        runner1: wallet("runner1")?,
        runner2: wallet("runner2")?,
        verifiers: VerifierSet {
            threshold: 2,
            members,
        },
        quiet,
    };
    let audited = [
        ("poster", cast.poster.address()),
        ("runner1", cast.runner1.address()),
        ("runner2", cast.runner2.address()),
        ("payee1", account("payee1").address()),
        ("operator", account("operator").address()),
    ];
    let before = audit::open(parts, &cast.chain, &audited).await?;

    cast.say("\n— An agent needs a sequencer —");
    let spec = sequencer_spec(parts, "Run our sequencer");
    let terms = eth_terms(&cast, &spec, now(&cast).await?)?;
    let eth_bounty = post_eth(parts, &cast, &spec, &terms).await?;
    let eth_engagement = bid_and_award(parts, &cast, eth_bounty, &terms).await?;

    cast.say("\n— Beside it, a bounty in TestUSD that anyone may claim —");
    let usd_spec = sequencer_spec(parts, "Run our sequencer, paid in dollars");
    let usd_terms = usd_terms(parts, &cast, &usd_spec, now(&cast).await?)?;
    let (usd_bounty, usd_engagement) = claim_usd(parts, &cast, &usd_spec, &usd_terms).await?;

    cast.say("\n— Work: 1 block a second, judged every 5 seconds by three verifiers —");
    let engaged = cast.api.engagement(eth_engagement).await?;
    stall_once(&cast, &engaged).await?;
    first_payouts(&cast, eth_engagement, usd_engagement).await?;

    cast.say("\n— The poster has had enough —");
    let noticed = cast.api.engagement(eth_engagement).await?;
    let data = piecework_contracts::notice_call(&terms, &noticed.bid);
    cast.poster
        .send("giving notice", parts.escrow, U256::ZERO, data)
        .await?;
    cast.say(format!(
        "notice given: work and pay go on for {} s",
        terms.notice_seconds
    ));
    for (engagement, wallet) in [
        (eth_engagement, &cast.poster),
        (usd_engagement, &cast.runner2),
    ] {
        wind_up(parts, &cast, engagement, wallet).await?;
    }
    leave(parts, &cast, &terms, &usd_terms).await?;

    cast.say("\n— Counting —");
    let operator = account("operator").address();
    let mut bounties = Vec::new();
    for (bounty, engagement, spec) in [
        (eth_bounty, eth_engagement, &spec),
        (usd_bounty, usd_engagement, &usd_spec),
    ] {
        bounties.push(
            BountySummary::collect(
                parts,
                &cast.api,
                &cast.chain,
                operator,
                bounty,
                engagement,
                spec.kind(),
            )
            .await?,
        );
    }
    let differences = audit::close(parts, &cast.chain, before, &audited).await?;
    cast.say(format!(
        "checked {} wallets to the base unit: {} differences",
        audited.len(),
        differences.len()
    ));
    Ok(Told {
        bounties,
        differences,
    })
}

async fn now(cast: &Cast) -> Result<Timestamp> {
    let head = cast
        .chain
        .get_block_by_number(alloy::eips::BlockNumberOrTag::Latest)
        .await?;
    Ok(Timestamp(
        head.context("the chain has no head")?.header.timestamp,
    ))
}

fn sequencer_spec(parts: &Parts, title: &str) -> Spec {
    Spec::Sequencer(SequencerSpec {
        version: 1,
        title: title.to_owned(),
        description:
            "Produce a block every second. A block counts once it is safe and was seen in time."
                .to_owned(),
        chain_id: parts.l2_chain_id,
        finality: Finality::Safe,
        timely_seconds: 3,
        grace_seconds: GRACE_SECONDS,
        blocks_min: 3,
        revisions_max: 0,
    })
}

fn eth_terms(cast: &Cast, spec: &Spec, now: Timestamp) -> Result<Terms> {
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

fn usd_terms(parts: &Parts, cast: &Cast, spec: &Spec, now: Timestamp) -> Result<Terms> {
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

fn spec_hash(spec: &Spec) -> Result<SpecHash> {
    Ok(spec.hash()?)
}

/// Announces the offer, pays the deposit address by a plain transfer, and waits until the worker has posted from there.
async fn post_eth(parts: &Parts, cast: &Cast, spec: &Spec, terms: &Terms) -> Result<BountyId> {
    let (deposit, cost) = announce(cast, spec, terms).await?;
    cast.say(format!(
        "POST /v1/bounties → 402: send {} ETH to {deposit}",
        cost.in_tokens(18)
    ));
    cast.poster
        .send("paying the deposit address", deposit, cost.0, Bytes::new())
        .await?;
    cast.say("paid by a plain transfer");
    let id = terms.bounty_id(parts.chain_id, parts.escrow);
    wait_posted(cast, id).await?;
    Ok(id)
}

async fn announce(cast: &Cast, spec: &Spec, terms: &Terms) -> Result<(Address, Amount)> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Checked {
        deposit_address: Address,
        cost: Amount,
    }
    let offer = serde_json::json!({ "terms": terms, "verifiers": cast.verifiers, "spec": spec });
    let checked: Checked = cast.api.post("/v1/specs/check", &offer).await?;
    let answer = cast
        .api
        .post::<serde_json::Value>("/v1/bounties", &offer)
        .await;
    ensure!(
        answer.as_ref().err().and_then(|err| err.code()) == Some("payment_required"),
        "expected 402 payment_required, got {answer:?}"
    );
    Ok((checked.deposit_address, checked.cost))
}

async fn wait_posted(cast: &Cast, id: BountyId) -> Result<()> {
    eventually(
        "the bounty to be posted from its deposit address",
        30,
        || async {
            Ok(cast
                .api
                .get::<serde_json::Value>(&format!("/v1/bounties/{id}"))
                .await
                .ok())
        },
    )
    .await?;
    cast.say(format!("posted: bounty {id}"));
    Ok(())
}

/// Two runners bid; the poster awards the cheaper bid; the worker relays it.
async fn bid_and_award(
    parts: &Parts,
    cast: &Cast,
    bounty: BountyId,
    terms: &Terms,
) -> Result<EngagementId> {
    let mut bids = Vec::new();
    let payee1 = account("payee1").address();
    for (name, wallet, node, payee, rate) in [
        (
            "runner2",
            &cast.runner2,
            "node2",
            cast.runner2.address(),
            terms.rate_max,
        ),
        (
            "runner1",
            &cast.runner1,
            "node1",
            payee1,
            terms.rate_max / 10 * 9,
        ),
    ] {
        let data = piecework_contracts::deposit_call(NATIVE, wallet.address(), terms.bond.into());
        wallet
            .send(
                "depositing the bond",
                parts.escrow,
                U256::from(terms.bond),
                data,
            )
            .await?;
        let bid = Bid {
            bounty,
            runner: wallet.address(),
            payee,
            node: account(node).address(),
            rate,
            relay_fee: 1_000_000_000_000_000,
            expires_at: terms.open_until,
            nonce: Amount::from(1),
        };
        let signature = wallet.sign(bid.digest(&cast.domain))?;
        let body = serde_json::json!({ "bid": bid, "signature": signature });
        cast.api
            .post::<serde_json::Value>(&format!("/v1/bounties/{bounty}/bids"), &body)
            .await?;
        cast.say(format!(
            "{name} bids {} ETH per block, bond deposited",
            Amount::from(rate).in_tokens(18)
        ));
        bids.push(bid);
    }
    let cheapest = bids
        .iter()
        .min_by_key(|bid| bid.rate)
        .context("two bids were sent")?;
    let award = Award {
        bounty,
        bid: cheapest.engagement_id(),
        expires_at: terms.open_until,
        spare: false,
    };
    let signature = cast.poster.sign(award.digest(&cast.domain))?;
    let body = serde_json::json!({ "award": award, "signature": signature });
    cast.api
        .post::<serde_json::Value>(&format!("/v1/bounties/{bounty}/awards"), &body)
        .await?;
    wait_engaged(cast, award.bid).await?;
    cast.say(format!(
        "awarded to runner1, relayed by the worker: engagement {}",
        award.bid
    ));
    Ok(award.bid)
}

async fn wait_engaged(cast: &Cast, id: EngagementId) -> Result<Engagement> {
    eventually("the engagement to begin", 30, || async {
        Ok(cast.api.engagement(id).await.ok())
    })
    .await
}

/// The poster pays in TestUSD; runner2 claims at the full rate with the transaction the API prepares.
async fn claim_usd(
    parts: &Parts,
    cast: &Cast,
    spec: &Spec,
    terms: &Terms,
) -> Result<(BountyId, EngagementId)> {
    let token = parts.test_usd;
    let (deposit, cost) = announce(cast, spec, terms).await?;
    cast.poster
        .send(
            "minting",
            token,
            U256::ZERO,
            piecework_contracts::mint_call(cast.poster.address(), cost),
        )
        .await?;
    cast.poster
        .send(
            "paying",
            token,
            U256::ZERO,
            piecework_contracts::transfer_call(deposit, cost),
        )
        .await?;
    cast.say(format!("paid {} TestUSD to {deposit}", cost.in_tokens(6)));
    let bounty = terms.bounty_id(parts.chain_id, parts.escrow);
    wait_posted(cast, bounty).await?;

    let runner = cast.runner2.address();
    let bond = Amount::from(terms.bond);
    cast.runner2
        .send(
            "minting",
            token,
            U256::ZERO,
            piecework_contracts::mint_call(runner, bond),
        )
        .await?;
    let approve = piecework_contracts::approve_call(parts.escrow, bond);
    cast.runner2
        .send("approving the bond", token, U256::ZERO, approve)
        .await?;
    #[derive(Deserialize)]
    struct Claim {
        engagement: EngagementId,
        transaction: Prepared,
    }
    let node = account("node2").address();
    let claim: Claim = cast
        .api
        .get(&format!(
            "/v1/bounties/{bounty}/claim?runner={runner}&node={node}"
        ))
        .await?;
    let tx = claim.transaction;
    cast.runner2
        .send("claiming", tx.to, tx.value.0, tx.data)
        .await?;
    wait_engaged(cast, claim.engagement).await?;
    cast.say(format!(
        "claimed by runner2: engagement {}",
        claim.engagement
    ));
    Ok((bounty, claim.engagement))
}

/// Stops the node's blocks for most of one epoch of the ETH engagement.
async fn stall_once(cast: &Cast, engagement: &Engagement) -> Result<()> {
    let started_at = engagement.started_at();
    let epoch = u64::from(EPOCH_SECONDS);
    let mut elapsed = now(cast).await?.since(started_at);
    // Two epochs of honest work first, then stall from the beginning of one.
    let begin = (elapsed / epoch + 2) * epoch;
    while elapsed < begin {
        tokio::time::sleep(Duration::from_millis(100)).await;
        elapsed = now(cast).await?.since(started_at);
    }
    cast.node
        .raw_request::<_, serde_json::Value>("evm_setIntervalMining".into(), [0_u64])
        .await?;
    cast.say("the node stalls …");
    tokio::time::sleep(Duration::from_millis(3_600)).await;
    cast.node
        .raw_request::<_, serde_json::Value>("evm_setIntervalMining".into(), [1_u64])
        .await?;
    cast.say("… and is back");
    let faulted = eventually("the verifiers to prove the fault", 45, || async {
        Ok(Some(cast.api.engagement(engagement.id).await?).filter(|e| e.faults > 0))
    })
    .await?;
    let penalty = Amount::from(faulted.terms.fault_penalty).in_tokens(18);
    cast.say(format!(
        "fault proven: {penalty} ETH of runner1's bond went to the poster"
    ));
    Ok(())
}

async fn first_payouts(cast: &Cast, eth: EngagementId, usd: EngagementId) -> Result<()> {
    for (id, name, decimals, unit) in [(eth, "runner1", 18, "ETH"), (usd, "runner2", 6, "TestUSD")]
    {
        let paid = eventually("a payout", 45, || async {
            Ok(Some(cast.api.engagement(id).await?).filter(|e| e.units_paid > 0))
        })
        .await?;
        cast.say(format!(
            "{name} has been paid {} {unit} for {} blocks so far",
            paid.paid.in_tokens(decimals),
            paid.units_paid
        ));
    }
    Ok(())
}

/// Ends the engagement when its time is over, waits until every proven unit is paid, and reclaims what is left.
async fn wind_up(parts: &Parts, cast: &Cast, id: EngagementId, wallet: &Wallet) -> Result<()> {
    let e = cast.api.engagement(id).await?;
    let ends_at = eventually("the end to be set", 30, || async {
        Ok(cast.api.engagement(id).await?.ends_at())
    })
    .await?;
    eventually("the end to come", 90, || async {
        Ok((now(cast).await? >= ends_at).then_some(()))
    })
    .await?;
    let data = piecework_contracts::end_call(&e.terms, &e.verifiers, &e.bid);
    wallet
        .send("ending", parts.escrow, U256::ZERO, data)
        .await?;
    cast.say(format!("ended: engagement {id}"));
    let reclaimable_at = piecework_domain::rules::reclaimable_at(&e.terms, ends_at);
    eventually("the redemption period to pass", 60, || async {
        Ok((now(cast).await? >= reclaimable_at).then_some(()))
    })
    .await?;
    let data = piecework_contracts::reclaim_call(&e.terms, &e.verifiers, &e.bid);
    wallet
        .send("reclaiming", parts.escrow, U256::ZERO, data)
        .await?;
    let closed = eventually("the engagement to close", 30, || async {
        Ok(Some(cast.api.engagement(id).await?).filter(|e| e.status == "closed"))
    })
    .await?;
    cast.say(format!(
        "reclaimed: {} of {} units were paid",
        closed.units_paid, closed.terms.units_max
    ));
    Ok(())
}

/// Money that was never reserved goes home: the poster's escrow, the losing bidder's bond.
async fn leave(parts: &Parts, cast: &Cast, terms: &Terms, usd_terms: &Terms) -> Result<()> {
    for terms in [terms, usd_terms] {
        let data = piecework_contracts::reclaim_escrow_call(terms);
        let id = terms.bounty_id(parts.chain_id, parts.escrow);
        let bounty: serde_json::Value = cast.api.get(&format!("/v1/bounties/{id}")).await?;
        if bounty["escrow"] != "0" {
            cast.poster
                .send(
                    "reclaiming the unreserved escrow",
                    parts.escrow,
                    U256::ZERO,
                    data,
                )
                .await?;
        }
    }
    let runner = cast.runner2.address();
    let data = piecework_contracts::withdraw_call(NATIVE, runner, terms.bond.into());
    cast.runner2
        .send(
            "withdrawing the losing bid's bond",
            parts.escrow,
            U256::ZERO,
            data,
        )
        .await?;
    cast.say("the poster has its unused escrow back, runner2 the bond of its losing bid");
    Ok(())
}
