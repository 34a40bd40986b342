//! Random histories.

use std::sync::atomic::Ordering;
use std::time::Duration;

use alloy::primitives::keccak256;
use alloy::providers::Provider;
use piecework_bench::chain::{CHAIN_ID, Chain};
use piecework_store::chains;
use serde_json::{Value, json};

use crate::world::{Indexer, World, from_scratch, runs};
use crate::{compare, faulty};

/// Less deep than what is final.
const REORG_MAX: u64 = 12;

/// Seed and throws so far: the same seed, the same history.
struct Dice(u64, u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.1 += 1;
        let thrown = keccak256([self.0.to_be_bytes(), self.1.to_be_bytes()].concat());
        u64::from_be_bytes(thrown[..8].try_into().expect("eight bytes")) % bound
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_the_mirror_ends_equal_to_one_built_from_scratch() {
    let world = World::new();
    let first: u64 = std::env::var("PIECEWORK_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let (mut faults, mut reverted) = (0, 0);
    for seed in first..first + runs(3, 60) {
        let mut chain = world.chain(&format!("anvil-{seed}")).await;
        let outcome = history(&world, &mut chain, seed).await;
        faults += outcome.0;
        reverted += outcome.1;
    }
    // A test whose endpoints never failed and whose chains were never reorganised would show nothing.
    assert!(faults > 10, "only {faults} requests went wrong");
    assert!(reverted > 5, "only {reverted} events were reverted");
}

/// Returns how many requests went wrong and how many events were taken back.
async fn history(world: &World, chain: &mut Chain, seed: u64) -> (u64, usize) {
    let what = format!("seed {seed}");
    let mut dice = Dice(seed, 0);
    let (first, a) = faulty::start(&chain.rpc_url, seed * 2 + 1).await;
    let (second, b) = faulty::start(&chain.rpc_url, seed * 2 + 2).await;
    let endpoints = [first.as_str(), second.as_str()];

    let (_, mirrored) = world.database().await;
    let mut indexer = Indexer::start(&mirrored, chain, &endpoints);
    // Sometimes there is history already, and more of it than is followed block by block.
    if dice.below(2) == 0 {
        chain.flood(6_000).await.expect("anvil mines");
    }
    for step in 0..80 {
        for n in 0..dice.below(5) {
            let tx = chain.some(step + n);
            chain.send_and_wait(vec![tx]).await.expect("anvil mines");
        }
        let head = chain.rpc.get_block_number().await.expect("anvil answers");
        if dice.below(4) == 0 && head > chain.start_block {
            let depth = (1 + dice.below(REORG_MAX)).min(head - chain.start_block);
            let reorg = json!([depth, []]);
            chain.rpc.raw_request::<_, Value>("anvil_reorg".into(), reorg).await.expect("anvil reorganises");
        }
        // Between bad times there are good ones: what a lagging mirror never saw needs no undoing.
        if dice.below(6) == 0 {
            let honest = dice.below(2) == 0;
            a.honest.store(honest, Ordering::Relaxed);
            b.honest.store(honest, Ordering::Relaxed);
        }
        if dice.below(8) == 0 {
            indexer.crash().await;
            indexer = Indexer::start(&mirrored, chain, &endpoints);
        }
        tokio::time::sleep(Duration::from_millis(dice.below(150))).await;
    }
    a.honest.store(true, Ordering::Relaxed);
    b.honest.store(true, Ordering::Relaxed);
    // A reorg to a shorter chain is seen once the chain is longer again.
    let tx = chain.some(0);
    chain.send_and_wait(vec![tx]).await.expect("anvil mines");
    indexer.reaches_head(&mirrored, chain, &what).await;
    indexer.crash().await;

    let scratch = from_scratch(world, chain, &what).await;
    compare::columns_match(&mirrored, &what).await;
    compare::equal(&mirrored, &scratch, &what).await;
    let mut db = mirrored.acquire().await.expect("connects");
    let cursor = chains::cursor(&mut db, CHAIN_ID).await.expect("the database answers").expect("a cursor");
    for block in [cursor.finalized.number, cursor.safe.number, cursor.number - 1] {
        compare::equal_at(&mirrored, &scratch, block, &what).await;
    }
    let reverted = compare::stream_adds_up(&mirrored, &what).await;
    let report = piecework_indexer::audit(&mirrored, chain.rpc.clone(), CHAIN_ID, chain.escrow).await;
    let report = report.expect("the audit runs");
    assert_eq!(report.listed, [""; 0], "{what}: the mirror says what the contract says");
    assert!(report.bounties > 0 && report.balances > 0, "{what}: {report:?}");
    (a.faults.load(Ordering::Relaxed) + b.faults.load(Ordering::Relaxed), reverted)
}
