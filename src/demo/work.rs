//! Work, a stall, pay, and going home.

use std::time::Duration;

use alloy::providers::Provider;
use anyhow::Result;
use piecework_client::Engagement;
use piecework_domain::U256;
use piecework_domain::ids::EngagementId;
use piecework_domain::money::{Amount, NATIVE};
use piecework_domain::terms::Terms;

use super::cast::{Cast, EPOCH_SECONDS, Parts, now};
use super::wallet::{Wallet, eventually};

/// Stops the node's blocks for most of one epoch of the ETH engagement.
pub async fn stall_once(cast: &Cast, engagement: &Engagement) -> Result<()> {
    let started_at = engagement.started_at();
    let epoch = u64::from(EPOCH_SECONDS);
    let mut elapsed = now(cast).await?.since(started_at);
    // Two epochs of honest work first, then stall from the beginning of one.
    let begin = (elapsed / epoch + 2) * epoch;
    while elapsed < begin {
        tokio::time::sleep(Duration::from_millis(100)).await;
        elapsed = now(cast).await?.since(started_at);
    }
    cast.node.raw_request::<_, serde_json::Value>("evm_setIntervalMining".into(), [0_u64]).await?;
    cast.say("the node stalls …");
    tokio::time::sleep(Duration::from_millis(3_600)).await;
    cast.node.raw_request::<_, serde_json::Value>("evm_setIntervalMining".into(), [1_u64]).await?;
    cast.say("… and is back");
    let faulted = eventually("the verifiers to prove the fault", 45, || async {
        Ok(Some(cast.api.engagement(engagement.id).await?).filter(|e| e.faults > 0))
    })
    .await?;
    let penalty = Amount::from(faulted.terms.fault_penalty).in_tokens(18);
    cast.say(format!("fault proven: {penalty} ETH of runner1's bond went to the poster"));
    Ok(())
}

pub async fn first_payouts(cast: &Cast, eth: EngagementId, usd: EngagementId) -> Result<()> {
    for (id, name, decimals, unit) in [(eth, "runner1", 18, "ETH"), (usd, "runner2", 6, "TestUSD")] {
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
pub async fn wind_up(parts: &Parts, cast: &Cast, id: EngagementId, wallet: &Wallet) -> Result<()> {
    let e = cast.api.engagement(id).await?;
    let ends_at =
        eventually("the end to be set", 30, || async { Ok(cast.api.engagement(id).await?.ends_at()) }).await?;
    eventually("the end to come", 90, || async { Ok((now(cast).await? >= ends_at).then_some(())) }).await?;
    let data = piecework_contracts::end_call(&e.terms, &e.verifiers, &e.bid);
    wallet.send("ending", parts.escrow, U256::ZERO, data).await?;
    cast.say(format!("ended: engagement {id}"));
    let reclaimable_at = piecework_domain::rules::reclaimable_at(&e.terms, ends_at);
    eventually("the redemption period to pass", 60, || async {
        Ok((now(cast).await? >= reclaimable_at).then_some(()))
    })
    .await?;
    let data = piecework_contracts::reclaim_call(&e.terms, &e.verifiers, &e.bid);
    wallet.send("reclaiming", parts.escrow, U256::ZERO, data).await?;
    let closed = eventually("the engagement to close", 30, || async {
        Ok(Some(cast.api.engagement(id).await?).filter(|e| e.status == "closed"))
    })
    .await?;
    cast.say(format!("reclaimed: {} of {} units were paid", closed.units_paid, closed.terms.units_max));
    Ok(())
}

/// Money that was never reserved goes home: the poster's escrow, the losing bidder's bond.
pub async fn leave(parts: &Parts, cast: &Cast, terms: &Terms, others: [&Terms; 2]) -> Result<()> {
    for terms in [terms].into_iter().chain(others) {
        let data = piecework_contracts::reclaim_escrow_call(terms);
        let id = terms.bounty_id(parts.chain_id, parts.escrow);
        let bounty: serde_json::Value = cast.api.get(&format!("/v1/bounties/{id}")).await?;
        if bounty["escrow"] != "0" {
            cast.poster.send("reclaiming the unreserved escrow", parts.escrow, U256::ZERO, data).await?;
        }
    }
    let runner = cast.runner2.address();
    let data = piecework_contracts::withdraw_call(NATIVE, runner, terms.bond.into());
    cast.runner2.send("withdrawing the losing bid's bond", parts.escrow, U256::ZERO, data).await?;
    cast.say("the poster has its unused escrow back, runner2 the bond of its losing bid");
    Ok(())
}
