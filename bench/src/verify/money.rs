//! From a block to money on chain: every process of `piecework dev`, and a worker that pays at once.

use std::path::Path;
use std::time::{Duration, Instant};

use alloy::eips::BlockNumberOrTag;
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::Filter;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, bail, ensure};
use piecework_client::Engagement;
use piecework_domain::chain::Event;
use piecework_domain::ids::EngagementId;
use piecework_domain::messages::{Award, Bid, Domain};
use piecework_domain::money::{Amount, NATIVE};
use piecework_domain::spec::Spec;
use piecework_domain::terms::{Terms, VerifierSet};
use serde_json::{Value, json};

use super::dev::Dev;
use super::{clock, work};

/// Of each engagement, one a second.
const UNITS: u64 = 40;
pub const EPOCH_SECONDS: u32 = 4;
pub const GRACE_SECONDS: u32 = 2;
pub const WINDOW_SECONDS: u32 = 1;
const WITHIN: Duration = Duration::from_secs(60);

/// When a redemption was seen on chain, and up to which unit it paid.
struct Redeemed {
    seen_ms: u64,
    units: u64,
}

/// Milliseconds from each paid block's timestamp to when its payment was seen on chain, sorted.
pub async fn measure(dir: &Path) -> Result<Vec<u64>> {
    let dev = Dev::start(dir).await?;
    let mut all = Vec::new();
    // One after the other, so that neither waits for the other's transactions.
    for n in 1..=2_u64 {
        let id = engage(&dev, n).await?;
        let redeemed = watch(&dev, id).await?;
        all.extend(delays(&dev, id, &redeemed).await?);
    }
    all.sort_unstable();
    Ok(all)
}

/// A bounty that is posted, bid on and awarded to runner `n`.
async fn engage(dev: &Dev, n: u64) -> Result<EngagementId> {
    let (poster, runner, node) =
        (dev.signer("poster")?, dev.signer(&format!("runner{n}"))?, dev.signer(&format!("node{n}"))?);
    let members = (1..=3).map(|n| dev.signer(&format!("verifier{n}"))).collect::<Result<Vec<_>>>()?;
    let verifiers = work::verifier_set(2, &members);
    let spec = Spec::Sequencer(work::spec(dev.ready.l2.chain_id, GRACE_SECONDS));
    let terms = terms(&poster, &verifiers, &spec, n)?;
    let domain = Domain::new(dev.ready.chain_id, dev.ready.escrow);

    let offer = json!({ "terms": terms, "verifiers": verifiers, "spec": spec });
    let unpaid = dev.api.post::<Value>("/v1/bounties", &offer).await.err().context("posted without payment")?;
    ensure!(unpaid.code() == Some("payment_required"), "not announced: {unpaid}");
    let cost = terms.cost(verifiers.members.len()).context("a cost")?;
    dev.send("poster", cost.0, piecework_contracts::post_call(&terms, cost)).await?;
    let bounty = terms.bounty_id(dev.ready.chain_id, dev.ready.escrow);
    eventually(|| async { dev.api.bounty(bounty).await.ok() }).await.context("the bounty is not mirrored")?;

    let bid = Bid {
        bounty,
        runner: runner.address(),
        payee: dev.signer("payee1")?.address(),
        node: node.address(),
        rate: terms.rate_max,
        relay_fee: 0,
        expires_at: terms.open_until,
        nonce: Amount::from(1),
    };
    let signed = json!({ "bid": bid, "signature": work::sign(&runner, bid.digest(&domain))? });
    dev.api.post::<Value>(&format!("/v1/bounties/{bounty}/bids"), &signed).await?;
    let award = Award { bounty, bid: bid.engagement_id(), expires_at: terms.open_until, spare: false };
    let signed = json!({ "award": award, "signature": work::sign(&poster, award.digest(&domain))? });
    dev.api.post::<Value>(&format!("/v1/bounties/{bounty}/awards"), &signed).await?;
    Ok(award.bid)
}

fn terms(poster: &PrivateKeySigner, verifiers: &VerifierSet, spec: &Spec, n: u64) -> Result<Terms> {
    Ok(Terms {
        token: NATIVE,
        rate_max: 10_u128.pow(17),
        units_max: UNITS,
        unit_seconds: 1,
        epoch_seconds: EPOCH_SECONDS,
        seats: 1,
        open_until: clock::now().plus(3_600),
        challenge_seconds: WINDOW_SECONDS,
        verifier_fee: 0,
        verifier_set: verifiers.hash(),
        spec_hash: spec.hash()?,
        ..work::terms(poster.address(), n)
    })
}

async fn eventually<T, F: Future<Output = Option<T>>>(mut ask: impl FnMut() -> F) -> Option<T> {
    let since = Instant::now();
    while since.elapsed() < WITHIN {
        if let Some(fact) = ask().await {
            return Some(fact);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    None
}

/// Redemptions as they appear, until nothing more is to come.
async fn watch(dev: &Dev, id: EngagementId) -> Result<Vec<Redeemed>> {
    let begun = eventually(|| async { dev.api.engagement(id).await.ok() }).await.context("it was not awarded")?;
    let until = begun.ends_at().context("no end")?.plus(30);
    let mut next = dev.chain.get_block_number().await?;
    let mut redeemed: Vec<Redeemed> = Vec::new();
    while clock::now() < until && redeemed.last().is_none_or(|last| last.units < UNITS) {
        let head = dev.chain.get_block_number().await?;
        if head >= next {
            let filter = Filter::new().address(dev.ready.escrow).from_block(next).to_block(head);
            let logs = dev.chain.get_logs(&filter).await?;
            let seen_ms = clock::now_ms();
            for log in logs {
                match piecework_contracts::decode(&log)? {
                    Some(Event::Redeemed { engagement, units, .. }) if engagement == id => {
                        redeemed.push(Redeemed { seen_ms, units });
                    }
                    _ => {}
                }
            }
            next = head + 1;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    ensure!(!redeemed.is_empty(), "engagement {id} was never paid");
    Ok(redeemed)
}

/// The nth unit is the nth block that counted; a redemption pays all units up to its own.
async fn delays(dev: &Dev, id: EngagementId, redeemed: &[Redeemed]) -> Result<Vec<u64>> {
    let e = dev.api.engagement(id).await?;
    let counted = counted(dev, &e).await?;
    let paid = |unit: u64| redeemed.iter().find(|redeemed| unit <= redeemed.units);
    let units = (1..).zip(counted).filter_map(|(unit, at_ms)| Some(paid(unit)?.seen_ms.saturating_sub(at_ms)));
    Ok(units.collect())
}

/// Timestamps in milliseconds of the blocks that counted, ascending.
async fn counted(dev: &Dev, e: &Engagement) -> Result<Vec<u64>> {
    let rpc = ProviderBuilder::new().connect_http(dev.ready.l2.rpc_url.parse()?);
    let epochs: Value = dev.api.get(&format!("/v1/engagements/{}/epochs", e.id)).await?;
    let refused = refused(&epochs)?;
    let (from, to) = (e.started_at(), e.ends_at().context("no end")?);
    let mut counted = Vec::new();
    let mut number = rpc.get_block_number().await?;
    loop {
        let block = rpc.get_block_by_number(BlockNumberOrTag::Number(number)).await?.context("no such block")?;
        let at = block.header.timestamp;
        if from.0 <= at && at < to.0 && !refused.contains(&number) {
            counted.push(at * 1_000);
        }
        if at < from.0 || number == 0 {
            counted.reverse();
            return Ok(counted);
        }
        number -= 1;
    }
}

/// Blocks that any verifier refused: then it is not among the units that two of three proved, or one that came later is.
fn refused(epochs: &Value) -> Result<Vec<u64>> {
    let Some(items) = epochs["items"].as_array() else { bail!("epochs without a list: {epochs}") };
    let findings = items.iter().filter_map(|epoch| epoch["findings"].as_array()).flatten();
    let refusals = findings.filter_map(|finding| finding["refused"].as_array()).flatten();
    Ok(refusals.filter_map(|refusal| refusal["number"].as_u64()).collect())
}
