//! The story, step by step. Everybody in it uses only what a stranger could: the REST API, wallets, RPC endpoints.

use anyhow::Result;
use piecework_client::Client;
use piecework_domain::messages::Domain;
use piecework_domain::terms::VerifierSet;
use piecework_domain::{Address, U256};

use super::audit;
use super::cast::{Cast, Parts, eth_terms, now, rpc_spec, rpc_terms, sequencer_spec, usd_terms};
use super::engage::{bid_and_award, claim_usd, post_eth};
use super::summary::{BountySummary, Told};
use super::wallet::Wallet;
use super::work::{first_payouts, leave, stall_once, wind_up};
use crate::config;
use crate::dev::account;

pub async fn tell(parts: &Parts, quiet: bool) -> Result<Told> {
    let wallet = |role: &str| Wallet::new(account(role).signer(), &parts.rpc_url);
    let mut members: Vec<Address> = (1..=3).map(|n| account(&format!("verifier{n}")).address()).collect();
    members.sort();
    let cast = Cast {
        api: Client::new(&parts.api_url),
        chain: config::provider(&parts.rpc_url)?,
        node: config::provider(&parts.l2_url)?,
        domain: Domain::new(parts.chain_id, parts.escrow),
        poster: wallet("poster")?,
        runner1: wallet("runner1")?,
        runner2: wallet("runner2")?,
        verifiers: VerifierSet { threshold: 2, members },
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
    let (usd_bounty, usd_engagement) = claim_usd(parts, &cast, &usd_spec, &usd_terms, 2).await?;

    cast.say("\n— And one for answers instead of blocks —");
    let rpc_spec = rpc_spec(parts);
    let rpc_terms = rpc_terms(parts, &cast, &rpc_spec, now(&cast).await?)?;
    let (rpc_bounty, rpc_engagement) = claim_usd(parts, &cast, &rpc_spec, &rpc_terms, 1).await?;

    cast.say("\n— Work: a block a second, and answers; judged every 5 seconds by three verifiers —");
    let engaged = cast.api.engagement(eth_engagement).await?;
    stall_once(&cast, &engaged).await?;
    first_payouts(&cast, eth_engagement, usd_engagement).await?;

    cast.say("\n— The poster has had enough —");
    let noticed = cast.api.engagement(eth_engagement).await?;
    let data = piecework_contracts::notice_call(&terms, &noticed.bid);
    cast.poster.send("giving notice", parts.escrow, U256::ZERO, data).await?;
    cast.say(format!("notice given: work and pay go on for {} s", terms.notice_seconds));
    let (poster, runner1, runner2) = (&cast.poster, &cast.runner1, &cast.runner2);
    for (engagement, wallet) in [(eth_engagement, poster), (usd_engagement, runner2), (rpc_engagement, runner1)] {
        wind_up(parts, &cast, engagement, wallet).await?;
    }
    leave(parts, &cast, &terms, [&usd_terms, &rpc_terms]).await?;

    cast.say("\n— Counting —");
    let operator = account("operator").address();
    let mut bounties = Vec::new();
    for (bounty, engagement, spec) in [
        (eth_bounty, eth_engagement, &spec),
        (usd_bounty, usd_engagement, &usd_spec),
        (rpc_bounty, rpc_engagement, &rpc_spec),
    ] {
        bounties.push(
            BountySummary::collect(parts, &cast.api, &cast.chain, operator, bounty, engagement, spec.kind()).await?,
        );
    }
    let differences = audit::close(parts, &cast.chain, before, &audited).await?;
    cast.say(format!("checked {} wallets to the base unit: {} differences", audited.len(), differences.len()));
    Ok(Told { bounties, differences })
}
