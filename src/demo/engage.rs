//! From an offer to two engagements.

use anyhow::{Context, Result, ensure};
use piecework_client::Engagement;
use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::messages::{Award, Bid};
use piecework_domain::money::{Amount, NATIVE};
use piecework_domain::spec::Spec;
use piecework_domain::terms::Terms;
use piecework_domain::{Address, Bytes, U256};
use serde::Deserialize;

use super::cast::{Cast, Parts};
use super::wallet::eventually;
use crate::dev::account;

/// A transaction the API prepared.
#[derive(Deserialize)]
struct Prepared {
    to: Address,
    value: Amount,
    data: Bytes,
}

/// Announces the offer, pays the deposit address by a plain transfer, and waits until the worker has posted from there.
pub async fn post_eth(parts: &Parts, cast: &Cast, spec: &Spec, terms: &Terms) -> Result<BountyId> {
    let (deposit, cost) = announce(cast, spec, terms).await?;
    cast.say(format!("POST /v1/bounties → 402: send {} ETH to {deposit}", cost.in_tokens(18)));
    cast.poster.send("paying the deposit address", deposit, cost.0, Bytes::new()).await?;
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
    let answer = cast.api.post::<serde_json::Value>("/v1/bounties", &offer).await;
    ensure!(
        answer.as_ref().err().and_then(|err| err.code()) == Some("payment_required"),
        "expected 402 payment_required, got {answer:?}"
    );
    Ok((checked.deposit_address, checked.cost))
}

async fn wait_posted(cast: &Cast, id: BountyId) -> Result<()> {
    eventually("the bounty to be posted from its deposit address", 30, || async {
        Ok(cast.api.get::<serde_json::Value>(&format!("/v1/bounties/{id}")).await.ok())
    })
    .await?;
    cast.say(format!("posted: bounty {id}"));
    Ok(())
}

/// Two runners bid; the poster awards the cheaper bid; the worker relays it.
pub async fn bid_and_award(parts: &Parts, cast: &Cast, bounty: BountyId, terms: &Terms) -> Result<EngagementId> {
    let mut bids = Vec::new();
    let payee1 = account("payee1").address();
    for (name, wallet, node, payee, rate) in [
        ("runner2", &cast.runner2, "node2", cast.runner2.address(), terms.rate_max),
        ("runner1", &cast.runner1, "node1", payee1, terms.rate_max / 10 * 9),
    ] {
        let data = piecework_contracts::deposit_call(NATIVE, wallet.address(), terms.bond.into());
        wallet.send("depositing the bond", parts.escrow, U256::from(terms.bond), data).await?;
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
        cast.api.post::<serde_json::Value>(&format!("/v1/bounties/{bounty}/bids"), &body).await?;
        cast.say(format!("{name} bids {} ETH per block, bond deposited", Amount::from(rate).in_tokens(18)));
        bids.push(bid);
    }
    let cheapest = bids.iter().min_by_key(|bid| bid.rate).context("two bids were sent")?;
    let award = Award { bounty, bid: cheapest.engagement_id(), expires_at: terms.open_until, spare: false };
    let signature = cast.poster.sign(award.digest(&cast.domain))?;
    let body = serde_json::json!({ "award": award, "signature": signature });
    cast.api.post::<serde_json::Value>(&format!("/v1/bounties/{bounty}/awards"), &body).await?;
    wait_engaged(cast, award.bid).await?;
    cast.say(format!("awarded to runner1, relayed by the worker: engagement {}", award.bid));
    Ok(award.bid)
}

async fn wait_engaged(cast: &Cast, id: EngagementId) -> Result<Engagement> {
    eventually("the engagement to begin", 30, || async { Ok(cast.api.engagement(id).await.ok()) }).await
}

/// The poster pays in TestUSD; runner `n` claims at the full rate with the transaction the API prepares.
pub async fn claim_usd(
    parts: &Parts,
    cast: &Cast,
    spec: &Spec,
    terms: &Terms,
    n: u32,
) -> Result<(BountyId, EngagementId)> {
    let wallet = if n == 1 { &cast.runner1 } else { &cast.runner2 };
    let token = parts.test_usd;
    let (deposit, cost) = announce(cast, spec, terms).await?;
    cast.poster.send("minting", token, U256::ZERO, piecework_contracts::mint_call(cast.poster.address(), cost)).await?;
    cast.poster.send("paying", token, U256::ZERO, piecework_contracts::transfer_call(deposit, cost)).await?;
    cast.say(format!("paid {} TestUSD to {deposit}", cost.in_tokens(6)));
    let bounty = terms.bounty_id(parts.chain_id, parts.escrow);
    wait_posted(cast, bounty).await?;

    let runner = wallet.address();
    let bond = Amount::from(terms.bond);
    wallet.send("minting", token, U256::ZERO, piecework_contracts::mint_call(runner, bond)).await?;
    let approve = piecework_contracts::approve_call(parts.escrow, bond);
    wallet.send("approving the bond", token, U256::ZERO, approve).await?;
    #[derive(Deserialize)]
    struct Claim {
        engagement: EngagementId,
        transaction: Prepared,
    }
    let node = account(&format!("node{n}")).address();
    let claim: Claim = cast.api.get(&format!("/v1/bounties/{bounty}/claim?runner={runner}&node={node}")).await?;
    let tx = claim.transaction;
    wallet.send("claiming", tx.to, tx.value.0, tx.data).await?;
    wait_engaged(cast, claim.engagement).await?;
    cast.say(format!("claimed by runner{n}: engagement {}", claim.engagement));
    Ok((bounty, claim.engagement))
}
