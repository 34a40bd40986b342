//! `piecework index`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use piecework_domain::Address;
use piecework_indexer::Headers;
use piecework_store::PgPool;
use serde::Deserialize;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{cli, config};

/// A chain of the file that `--chains` names.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Chain {
    chain_id: u64,
    escrow: Address,
    start_block: u64,
    rpc_urls: Vec<String>,
    ws_url: Option<String>,
    #[serde(default)]
    trust_headers: bool,
}

pub async fn run(args: cli::Index) -> Result<()> {
    let stop = config::stop_on_signal()?;
    let chains = chains(&args)?;
    // Every chain has a connection of its own, and reads need some.
    let connections = u32::try_from(chains.len()).unwrap_or(u32::MAX).saturating_add(3);
    let database = config::database(&args.database, connections).await?;
    if args.audit {
        return audit(&database.pool, &chains).await;
    }
    let mut indexers = JoinSet::new();
    for chain in chains {
        if args.rebuild {
            piecework_indexer::rebuild(&database.pool, chain.chain_id).await?;
        }
        let settings = piecework_indexer::Config {
            chain_id: chain.chain_id,
            escrow: chain.escrow,
            start_block: chain.start_block,
            poll_interval: Duration::from_millis(args.poll_interval_ms),
            verify: args.verify.into(),
            headers: if chain.trust_headers { Headers::Trusted } else { Headers::Hashed },
            witnessed: args.witnessed,
        };
        start(&mut indexers, &database.pool, settings, chain, &stop)?;
    }
    // One chain that can't go on does not stop the others, but this process ends with its error.
    let mut failed = None;
    while let Some(ended) = indexers.join_next().await {
        if let Err(err) = ended.context("an indexer")? {
            tracing::error!(error = &*err as &dyn std::error::Error, "a chain is not indexed any more");
            failed = Some(err);
        }
    }
    failed.map_or(Ok(()), Err)
}

fn start(
    indexers: &mut JoinSet<Result<()>>,
    pool: &PgPool,
    settings: piecework_indexer::Config,
    chain: Chain,
    stop: &CancellationToken,
) -> Result<()> {
    let providers = chain.rpc_urls.iter().map(|url| config::provider(url)).collect::<Result<Vec<_>>>()?;
    let woken = Arc::new(Notify::new());
    if let Some(url) = chain.ws_url {
        tokio::spawn(piecework_indexer::listen(url, woken.clone(), stop.clone()));
    }
    let (pool, stop) = (pool.clone(), stop.clone());
    indexers.spawn(async move { Ok(piecework_indexer::run(pool, providers, settings, woken, stop).await?) });
    Ok(())
}

async fn audit(pool: &PgPool, chains: &[Chain]) -> Result<()> {
    let mut differences = 0;
    for chain in chains {
        let url = chain.rpc_urls.first().context("an audit needs an endpoint")?;
        let report = piecework_indexer::audit(pool, config::provider(url)?, chain.chain_id, chain.escrow).await?;
        for line in &report.listed {
            println!("chain {}: {line}", chain.chain_id);
        }
        println!(
            "chain {} at block {} ({}): {} bounties, {} engagements, {} balances, {} tokens compared; {} differences",
            chain.chain_id,
            report.block.number,
            report.block.hash,
            report.bounties,
            report.engagements,
            report.balances,
            report.tokens,
            report.differences
        );
        differences += report.differences;
    }
    ensure!(differences == 0, "the mirror differs from the chain: `piecework index --rebuild` makes it anew");
    Ok(())
}

fn chains(args: &cli::Index) -> Result<Vec<Chain>> {
    let chains = match (&args.chains, args.chain_id, args.escrow) {
        (Some(path), ..) => read(path)?,
        (None, Some(chain_id), Some(escrow)) => {
            let (rpc_urls, ws_url) = (args.rpc_url.clone(), args.ws_url.clone());
            let (start_block, trust_headers) = (args.start_block, args.trust_headers);
            vec![Chain { chain_id, escrow, start_block, rpc_urls, ws_url, trust_headers }]
        }
        _ => bail!("say which chain: --chain-id, --escrow and --rpc-url, or --chains"),
    };
    for (at, chain) in chains.iter().enumerate() {
        ensure!(!chain.rpc_urls.is_empty(), "chain {} has no endpoint", chain.chain_id);
        let twice = chains[..at].iter().any(|other| other.chain_id == chain.chain_id);
        ensure!(!twice, "chain {} is there twice", chain.chain_id);
    }
    Ok(chains)
}

fn read(path: &Path) -> Result<Vec<Chain>> {
    let text = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    // serde's message says where, not what: URLs may hold access keys.
    serde_json::from_slice(&text).with_context(|| format!("{} is not a list of chains", path.display()))
}
