//! How fast the mirror is, beside Ponder and beside what fetching and inserting alone take, in one run on one machine. How fast
//! lists are, from few rows to many. How fast claims are judged and paid.

mod api;
mod ceilings;
mod lists;
mod live;
mod mirror;
mod ponder;
mod reorgs;
mod verify;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use piecework_toolchain::Tools;
use piecework_toolchain::postgres::Postgres;
use serde_json::json;
use tempfile::TempDir;

use piecework_bench::chain::Chain;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Backfill, live delay and reorgs
    Index(Index),
    /// List routes of the API over generated rows
    Lists(lists::Options),
    /// Judging, a verifier's load, vouchers, payouts
    Verify(verify::Options),
    /// Index one chain; started by `index`
    #[command(hide = true)]
    Child(mirror::Child),
}

#[derive(Args)]
struct Index {
    /// Print one JSON object on the last line
    #[arg(long)]
    json: bool,
    /// Events on the chain that is backfilled
    #[arg(long, default_value_t = 200_000)]
    events: u64,
    /// Times that each backfill runs; the median counts
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Random reorgs
    #[arg(long, default_value_t = 200)]
    reorgs: u64,
    /// Leave Ponder out
    #[arg(long)]
    without_ponder: bool,
}

/// Mined after the last event: more than anybody waits for.
const EMPTY_BLOCKS: u64 = 70;

fn main() -> Result<()> {
    // A second time, for a chain, is refused and harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new()?;
    match Cli::parse().what {
        What::Child(child) => runtime.block_on(mirror::child(child)),
        What::Index(options) => runtime.block_on(index(&options)),
        What::Lists(options) => runtime.block_on(lists::run(&options)),
        What::Verify(options) => runtime.block_on(verify::run(&options)),
    }
}

async fn index(options: &Index) -> Result<()> {
    let server = Server::start()?;
    let Server { tools, postgres, dir } = &server;
    let admin = postgres.url("postgres");
    let logs: PathBuf = dir.path().to_owned();

    let mut chain = Chain::start(tools, &logs, "anvil", 1).await?;
    chain.flood(options.events).await?;
    // So that everybody takes all events for final.
    chain.rest(EMPTY_BLOCKS).await?;
    let head = alloy::providers::Provider::get_block_number(&chain.rpc).await?;
    say(&format!("{} events in {head} blocks", chain.events));

    let (mut fetched, mut inserted, mut mirrored, mut pondered) = (vec![], vec![], vec![], vec![]);
    let mut rss = 0;
    for run in 1..=options.runs {
        fetched.push(ceilings::fetch_decode(&chain).await?);
        say(&format!("run {run}: fetch and decode alone {} events/s", fetched[run - 1]));
        inserted.push(ceilings::insert(&chain, &admin).await?);
        say(&format!("run {run}: insert alone {} rows/s", inserted[run - 1]));
        let measured = mirror::backfill(&chain, &admin, &logs).await?;
        mirrored.push(measured.events_per_s);
        rss = rss.max(measured.peak_rss_mb);
        say(&format!("run {run}: Piecework {} events/s, {} MB at most", measured.events_per_s, measured.peak_rss_mb));
        if !options.without_ponder {
            pondered.push(ponder::backfill(tools, &chain, &admin, &logs).await?);
            say(&format!("run {run}: Ponder {} events/s", pondered[run - 1]));
        }
    }
    let live = live::measure(tools, &admin, &logs).await?;
    say(&live.say());
    let reorgs = reorgs::measure(tools, &admin, &logs, options.reorgs).await?;
    say(&format!("{} of {} reorgs right, settled within {} ms (p99)", reorgs.right, reorgs.run, reorgs.settle_ms_p99));

    let figures = json!({
        "piecework_events_per_s": median(&mut mirrored),
        "ponder_events_per_s": median(&mut pondered),
        "fetch_decode_per_s": median(&mut fetched),
        "insert_rows_per_s": median(&mut inserted),
        "peak_rss_mb": rss,
        "live_ms": { "p50": percentile(&live.readable, 50), "p95": percentile(&live.readable, 95) },
        "mined_ms": { "p50": percentile(&live.mined, 50), "p95": percentile(&live.mined, 95) },
        "block_to_stream_ms": { "p50": percentile(&live.streamed, 50), "p99": percentile(&live.streamed, 99) },
        "reorgs": { "run": reorgs.run, "right": reorgs.right, "settle_ms_p99": reorgs.settle_ms_p99 },
    });
    if options.json {
        println!("{figures}");
    } else {
        println!("{figures:#}");
    }
    Ok(())
}

/// A PostgreSQL of this run alone, and a directory for logs.
struct Server {
    tools: Tools,
    // Before the directory, which it lies in: fields are dropped in their order.
    postgres: Postgres,
    dir: TempDir,
}

impl Server {
    fn start() -> Result<Self> {
        let tools = piecework_toolchain::ensure_installed()?;
        let dir = tempfile::Builder::new().prefix("piecework-bench-").tempdir()?;
        open_to_others(dir.path())?;
        let postgres = Postgres::start(&tools, &dir.path().join("postgres"))?;
        Ok(Self { tools, postgres, dir })
    }
}

/// `null` where nothing was measured.
fn median(figures: &mut [u64]) -> Option<u64> {
    figures.sort_unstable();
    figures.get(figures.len() / 2).copied()
}

/// Of sorted figures.
fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or_default()
}

fn per_second(count: u64, took: std::time::Duration) -> u64 {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1_000_000) / micros
}

fn say(what: &str) {
    eprintln!("{what}");
}

/// PostgreSQL runs as another user when this is root.
fn open_to_others(dir: &std::path::Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o711))?;
    Ok(())
}
