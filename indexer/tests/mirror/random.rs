//! Random histories.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use alloy::eips::BlockNumberOrTag;
use alloy::primitives::keccak256;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use piecework_bench::chain::{CHAIN_ID, Chain};
use piecework_indexer::{Config, Verify};
use piecework_store::{PgPool, chains};
use piecework_toolchain::postgres::Postgres;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{compare, faulty};

/// Blocks of `safe`; twice as many are not final, and no reorg is deeper.
const SAFE_DEPTH: u64 = 16;
const REORG_MAX: u64 = 12;
const PATIENCE: Duration = Duration::from_secs(60);

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
    // RUST_LOG=piecework_indexer=debug and --nocapture show what it does.
    let _ = tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).try_init();
    let first = std::env::var("PIECEWORK_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let runs = std::env::var("PIECEWORK_DEEP").map_or(3, |_| 60);
    let tools = piecework_toolchain::ensure_installed().expect("tools");
    let dir = tempfile::Builder::new().prefix("piecework-mirror-").tempdir().expect("a directory");
    open_to_others(dir.path());
    let postgres = Postgres::start(&tools, &dir.path().join("postgres")).expect("PostgreSQL starts");
    let (mut faults, mut reverted) = (0, 0);
    for seed in first..first + runs {
        let mut chain =
            Chain::start(&tools, dir.path(), &format!("anvil-{seed}"), SAFE_DEPTH).await.expect("anvil starts");
        let outcome = history(&mut chain, &postgres.url("postgres"), seed).await;
        faults += outcome.0;
        reverted += outcome.1;
    }
    // A test whose endpoints never failed and whose chains were never reorganised would show nothing.
    assert!(faults > 20, "only {faults} requests went wrong");
    assert!(reverted > 10, "only {reverted} events were reverted");
}

/// Returns how many requests went wrong and how many events were taken back.
async fn history(chain: &mut Chain, admin: &str, seed: u64) -> (u64, usize) {
    let what = format!("seed {seed}");
    let mut dice = Dice(seed, 0);
    let (first, a) = faulty::start(&chain.rpc_url, seed * 2 + 1).await;
    let (second, b) = faulty::start(&chain.rpc_url, seed * 2 + 2).await;
    let endpoints = [first.as_str(), second.as_str()];

    let mirrored = database(admin).await;
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
    reaches_head(&mirrored, chain, &what, &mut indexer).await;

    let scratch = database(admin).await;
    let mut clean = Indexer::start(&scratch, chain, &[&chain.rpc_url]);
    reaches_head(&scratch, chain, &format!("{what}, from scratch"), &mut clean).await;
    compare::equal(&mirrored, &scratch, &what).await;
    let mut db = mirrored.acquire().await.expect("connects");
    let cursor = chains::cursor(&mut db, CHAIN_ID).await.expect("the database answers").expect("a cursor");
    for block in [cursor.finalized.number, cursor.safe.number, cursor.number - 1] {
        compare::equal_at(&mirrored, &scratch, block, &what).await;
    }
    let reverted = compare::stream_adds_up(&mirrored, &what).await;
    indexer.crash().await;
    clean.crash().await;
    (a.faults.load(Ordering::Relaxed) + b.faults.load(Ordering::Relaxed), reverted)
}

struct Indexer(JoinHandle<Result<(), piecework_indexer::Error>>);

impl Indexer {
    fn start(pool: &PgPool, chain: &Chain, urls: &[&str]) -> Self {
        let config = Config {
            chain_id: CHAIN_ID,
            escrow: chain.escrow,
            start_block: chain.start_block,
            poll_interval: Duration::from_millis(20),
            verify: Verify::Headers,
        };
        let providers = urls.iter().map(|url| provider(url)).collect();
        let woken = Arc::new(Notify::new());
        Self(tokio::spawn(piecework_indexer::run(pool.clone(), providers, config, woken, CancellationToken::new())))
    }

    /// Ends it wherever it is.
    async fn crash(self) {
        self.0.abort();
        let _ = self.0.await;
    }
}

fn provider(url: &str) -> DynProvider {
    let client = |builder: alloy::transports::http::reqwest::ClientBuilder| {
        builder.timeout(Duration::from_millis(700)).build().expect("a client")
    };
    ProviderBuilder::new().disable_recommended_fillers().with_reqwest(url.parse().expect("a URL"), client).erased()
}

async fn database(admin: &str) -> PgPool {
    let url = piecework_store::fresh_database(admin, "mirror").await.expect("a database");
    let pool = piecework_store::connect(&url, 4).await.expect("connects");
    piecework_store::migrate(&pool).await.expect("migrates");
    pool
}

async fn reaches_head(pool: &PgPool, chain: &Chain, what: &str, indexer: &mut Indexer) {
    let since = Instant::now();
    loop {
        let head =
            chain.rpc.get_block_by_number(BlockNumberOrTag::Latest).await.expect("anvil answers").expect("a head");
        let mut db = pool.acquire().await.expect("connects");
        let cursor = chains::cursor(&mut db, CHAIN_ID).await.expect("the database answers");
        if cursor.is_some_and(|cursor| cursor.hash == head.header.hash) {
            return;
        }
        if indexer.0.is_finished() {
            panic!("{what}: the indexer ended: {:?}", (&mut indexer.0).await);
        }
        assert!(since.elapsed() < PATIENCE, "{what}: at {cursor:?}, the chain at {}", head.header.number);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn open_to_others(dir: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o711)).expect("its own directory");
}
