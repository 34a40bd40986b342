//! `piecework verify`.

use std::time::Duration;

use alloy::providers::DynProvider;
use anyhow::{Context, Result, bail};

use super::replay;
use crate::{cli, config, keys};

pub async fn run(args: cli::Verify) -> Result<()> {
    let mut endpoints = Vec::new();
    for endpoint in &args.endpoint {
        endpoints.push(parse(endpoint)?);
    }
    if let Some(hash) = args.replay {
        return replay::run(&args.api_url, hash, endpoints, args.json).await;
    }
    let stop = config::stop_on_signal()?;
    let signer = keys::read(args.key_file.as_deref().context("a verifier needs --key-file")?)?;
    let settlement = match (args.escrow, &args.settlement_url) {
        (Some(escrow), Some(url)) => Some((escrow, config::wallet_provider(url, signer.clone())?)),
        _ => None,
    };
    let policy = piecework_verifier::Policy {
        accepted: args.accept.into_iter().collect(),
        coin_prices: args.coin_price.into_iter().collect(),
        posters: args.poster.into_iter().collect(),
        arbiters: args.arbiter.into_iter().collect(),
        dispute_max: args.dispute_max.map(|amount| amount.0),
        engagements_max: args.engagements_max,
    };
    if let Some(token) = policy.unpriced().filter(|_| settlement.is_some()) {
        bail!(
            "{token} is accepted: say by --coin-price {token}=AMOUNT what gas is worth in it, or nothing could be claimed or disputed"
        );
    }
    let settings = piecework_verifier::Config {
        api_url: args.api_url,
        memory: args.memory,
        policy,
        watch_interval: Duration::from_millis(args.watch_interval_ms),
        round_interval: Duration::from_millis(args.round_interval_ms),
        private_endpoints: args.private_endpoints,
    };
    piecework_verifier::run(settings, signer, endpoints, settlement, stop).await?;
    Ok(())
}

/// `CHAIN_ID=URL`.
fn parse(endpoint: &str) -> Result<(u64, DynProvider)> {
    let parsed = endpoint.split_once('=').and_then(|(id, url)| Some((id.parse().ok()?, url)));
    let (chain_id, url): (u64, &str) = parsed.context("an endpoint is given as CHAIN_ID=URL")?;
    Ok((chain_id, config::patient_provider(url)?))
}
