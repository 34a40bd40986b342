//! What the tests share: a database server, mirrors, and waiting for them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::eips::BlockNumberOrTag;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use piecework_bench::chain::Chain;
use piecework_indexer::{Config, Error, Headers, Verify};
use piecework_store::{PgPool, chains};
use piecework_toolchain::Tools;
use piecework_toolchain::postgres::Postgres;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Blocks of `safe`; twice as many are not final, and no reorg is deeper.
pub const SAFE_DEPTH: u64 = 16;
const PATIENCE: Duration = Duration::from_secs(60);

pub struct World {
    pub tools: Tools,
    pub dir: tempfile::TempDir,
    postgres: Postgres,
}

impl World {
    pub fn new() -> Self {
        // RUST_LOG=piecework_indexer=debug and --nocapture show what an indexer does.
        let _ = tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).try_init();
        let tools = piecework_toolchain::ensure_installed().expect("tools");
        let dir = tempfile::Builder::new().prefix("piecework-mirror-").tempdir().expect("a directory");
        open_to_others(dir.path());
        let postgres = Postgres::start(&tools, &dir.path().join("postgres")).expect("PostgreSQL starts");
        Self { tools, dir, postgres }
    }

    pub async fn chain(&self, name: &str) -> Chain {
        Chain::start(&self.tools, self.dir.path(), name, SAFE_DEPTH).await.expect("anvil starts")
    }

    /// A new database's URL, and a way in.
    pub async fn database(&self) -> (String, PgPool) {
        let url = piecework_store::fresh_database(&self.postgres.url("postgres"), "mirror").await.expect("a database");
        let pool = piecework_store::connect(&url, 6).await.expect("connects");
        piecework_store::migrate(&pool).await.expect("migrates");
        (url, pool)
    }
}

pub fn config(chain: &Chain) -> Config {
    Config {
        chain_id: chain.id,
        escrow: chain.escrow,
        start_block: chain.start_block,
        poll_interval: Duration::from_millis(20),
        verify: Verify::Headers,
        headers: Headers::Hashed,
        // Where a test has two endpoints they lie.
        witnessed: true,
    }
}

pub struct Indexer(pub JoinHandle<Result<(), Error>>);

impl Indexer {
    pub fn start(pool: &PgPool, chain: &Chain, urls: &[&str]) -> Self {
        let providers = urls.iter().map(|url| provider(url)).collect();
        Self::of(pool, config(chain), providers, Arc::default())
    }

    pub fn of(pool: &PgPool, config: Config, providers: Vec<DynProvider>, woken: Arc<Notify>) -> Self {
        Self(tokio::spawn(piecework_indexer::run(pool.clone(), providers, config, woken, CancellationToken::new())))
    }

    /// Ends it wherever it is.
    pub async fn crash(self) {
        self.0.abort();
        let _ = self.0.await;
    }

    /// Waits until the mirror is where the chain is.
    pub async fn reaches_head(&mut self, pool: &PgPool, chain: &Chain, what: &str) {
        let since = Instant::now();
        loop {
            let head = chain.rpc.get_block_by_number(BlockNumberOrTag::Latest).await.expect("anvil answers");
            let head = head.expect("a head").header;
            let mut db = pool.acquire().await.expect("connects");
            let cursor = chains::cursor(&mut db, chain.id).await.expect("the database answers");
            if cursor.is_some_and(|cursor| cursor.hash == head.hash) {
                return;
            }
            if self.0.is_finished() {
                panic!("{what}: the indexer ended: {:?}", (&mut self.0).await);
            }
            assert!(since.elapsed() < PATIENCE, "{what}: at {cursor:?}, the chain at {}", head.number);
            drop(db);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A mirror made at once from the whole chain, without anything going wrong.
pub async fn from_scratch(world: &World, chain: &Chain, what: &str) -> PgPool {
    let (_, pool) = world.database().await;
    let mut indexer = Indexer::start(&pool, chain, &[&chain.rpc_url]);
    indexer.reaches_head(&pool, chain, &format!("{what}, from scratch")).await;
    indexer.crash().await;
    pool
}

pub fn provider(url: &str) -> DynProvider {
    let client = |builder: alloy::transports::http::reqwest::ClientBuilder| {
        builder.timeout(Duration::from_millis(700)).build().expect("a client")
    };
    ProviderBuilder::new().disable_recommended_fillers().with_reqwest(url.parse().expect("a URL"), client).erased()
}

/// How often something is repeated: more with PIECEWORK_DEEP.
pub fn runs(shallow: u64, deep: u64) -> u64 {
    if std::env::var_os("PIECEWORK_DEEP").is_some() { deep } else { shallow }
}

fn open_to_others(dir: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o711)).expect("its own directory");
}
