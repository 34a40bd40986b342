//! Hearing of blocks, and several chains at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use piecework_bench::chain::{CHAIN_ID, Chain};
use piecework_indexer::Config;
use piecework_store::events;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::world::{Indexer, SAFE_DEPTH, World, config, provider};

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_wakes_it_long_before_it_would_poll() {
    let world = World::new();
    let mut chain = world.chain("anvil-heads").await;
    let (_, pool) = world.database().await;
    let woken = Arc::new(Notify::new());
    let stop = CancellationToken::new();
    let polls = Duration::from_secs(600);
    let config = Config { poll_interval: polls, ..config(&chain) };
    let mut indexer = Indexer::of(&pool, config, vec![provider(&chain.rpc_url)], woken.clone());
    indexer.reaches_head(&pool, &chain, "before it subscribes").await;
    let url = chain.rpc_url.replace("http://", "ws://");
    let listening = tokio::spawn(piecework_indexer::listen(url, woken, stop.clone()));
    let since = Instant::now();
    for n in 0..20 {
        // The first may come before the subscription; the later ones wake it.
        let tx = chain.some(n);
        chain.send_and_wait(vec![tx]).await.expect("anvil mines");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    indexer.reaches_head(&pool, &chain, "subscribed").await;
    assert!(since.elapsed() < polls, "it polled");
    stop.cancel();
    listening.await.expect("it ends when told to");
    indexer.crash().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chains_of_one_database_keep_apart() {
    let world = World::new();
    let start = |id, name| Chain::start_as(id, &world.tools, world.dir.path(), name, SAFE_DEPTH);
    let mut chains = Vec::new();
    for (id, name) in [(CHAIN_ID, "anvil-one"), (CHAIN_ID + 1, "anvil-two")] {
        let mut chain = start(id, name).await.expect("anvil starts");
        // Other histories: the escrows have the same address on both.
        chain.flood(300 + 200 * (id - CHAIN_ID)).await.expect("anvil mines");
        chains.push(chain);
    }
    let (_, pool) = world.database().await;
    let mut indexers: Vec<_> = chains.iter().map(|chain| Indexer::start(&pool, chain, &[&chain.rpc_url])).collect();
    for n in 0..10 {
        for chain in &mut chains {
            let tx = chain.some(n);
            chain.send_and_wait(vec![tx]).await.expect("anvil mines");
        }
    }
    for (indexer, chain) in indexers.iter_mut().zip(&chains) {
        indexer.reaches_head(&pool, chain, "one of two").await;
        let logs = chain.rpc.get_logs(&Filter::new().address(chain.escrow).from_block(0)).await.expect("anvil answers");
        let mut db = pool.acquire().await.expect("connects");
        let mirrored = events::places(&mut db, chain.id).await.expect("the database answers");
        let on_chain = logs.iter().filter_map(|log| log.block_hash.zip(log.log_index));
        assert!(on_chain.eq(mirrored), "chain {}", chain.id);
        let report = piecework_indexer::audit(&pool, chain.rpc.clone(), chain.id, chain.escrow).await;
        assert_eq!(report.expect("the audit runs").listed, Vec::<String>::new(), "chain {}", chain.id);
    }
    for indexer in indexers {
        indexer.crash().await;
    }
}
