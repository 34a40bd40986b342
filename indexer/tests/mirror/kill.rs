//! `kill -9` at any point, and processes that take over from each other.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use piecework_bench::chain::{CHAIN_ID, Chain};
use piecework_store::chains;

use crate::compare;
use crate::world::{Indexer, World, from_scratch, runs};

/// Not a test: the process that the test below kills. Its chain comes by the environment.
#[tokio::test]
#[ignore = "started by the tests that kill it"]
async fn victim() {
    let of = |name: &str| std::env::var(name).expect("started by a test");
    let config = piecework_indexer::Config {
        chain_id: CHAIN_ID,
        escrow: of("PIECEWORK_ESCROW").parse().expect("an address"),
        start_block: of("PIECEWORK_START_BLOCK").parse().expect("a number"),
        poll_interval: Duration::from_millis(20),
        verify: piecework_indexer::Verify::Headers,
        headers: piecework_indexer::Headers::Hashed,
        witnessed: false,
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let pool = piecework_store::connect(&of("DATABASE_URL"), 4).await.expect("connects");
    let providers = vec![crate::world::provider(&of("PIECEWORK_RPC_URL"))];
    piecework_indexer::run(pool, providers, config, Default::default(), Default::default()).await.expect("never ends");
}

struct Victim(Child);

impl Victim {
    fn start(chain: &Chain, database_url: &str) -> Self {
        let program = std::env::current_exe().expect("this test");
        let child = Command::new(program)
            .args(["--exact", "kill::victim", "--ignored"])
            .env("DATABASE_URL", database_url)
            .env("PIECEWORK_RPC_URL", &chain.rpc_url)
            .env("PIECEWORK_ESCROW", chain.escrow.to_string())
            .env("PIECEWORK_START_BLOCK", chain.start_block.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("starts"))
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // SIGKILL.
        self.0.kill().expect("it runs");
        self.0.wait().expect("it was started here");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_anywhere_under_load_it_loses_nothing_and_stores_nothing_twice() {
    let world = World::new();
    let mut chain = world.chain("anvil-kill").await;
    let (url, pool) = world.database().await;
    chain.flood(20_000).await.expect("anvil mines");
    for n in 0..runs(6, 50) {
        let victim = Victim::start(&chain, &url);
        let until = Instant::now() + Duration::from_millis(150 + n * 89 % 700);
        while Instant::now() < until {
            let tx = chain.some(n);
            chain.send_and_wait(vec![tx]).await.expect("anvil mines");
        }
        drop(victim);
    }
    let mut last = Indexer::start(&pool, &chain, &[&chain.rpc_url]);
    last.reaches_head(&pool, &chain, "after the last kill").await;
    last.crash().await;
    compare::columns_match(&pool, "kill").await;
    compare::equal(&pool, &from_scratch(&world, &chain, "kill").await, "kill").await;
    compare::stream_adds_up(&pool, "kill").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_processes_one_works_and_another_takes_over() {
    let world = World::new();
    let mut chain = world.chain("anvil-lead").await;
    let (url, pool) = world.database().await;
    let mut victims: Vec<Victim> = (0..3).map(|_| Victim::start(&chain, &url)).collect();
    while !victims.is_empty() {
        let tx = chain.some(0);
        chain.send_and_wait(vec![tx]).await.expect("anvil mines");
        let head = alloy::providers::Provider::get_block_number(&chain.rpc).await.expect("anvil answers");
        let since = Instant::now();
        loop {
            let mut db = pool.acquire().await.expect("connects");
            let cursor = chains::cursor(&mut db, CHAIN_ID).await.expect("the database answers");
            if cursor.is_some_and(|cursor| cursor.number >= head) {
                break;
            }
            assert!(since.elapsed() < Duration::from_secs(20), "{} processes left, at {cursor:?}", victims.len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Whether it led or stood by.
        victims.remove(0);
    }
}
