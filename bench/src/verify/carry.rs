//! What one `piecework verify` carries: many engagements with epochs of a minute, judged by the clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::providers::{Provider, ProviderBuilder};
use anyhow::{Context, Result, bail};
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, rules};
use piecework_store::{PgPool, statements};
use piecework_toolchain::anvil::{Anvil, AnvilOptions};

use super::nodes::Nodes;
use super::process::{Process, busy_ms, key_file, peak_rss_mb};
use super::work::{self, ESCROW, Engaged};
use super::{clock, rows};
use crate::{Server, api, percentile, say};

/// The chain that is sequenced.
const SEQUENCED_ID: u64 = 31_339;
const EPOCH_SECONDS: u32 = 60;
/// From the rows to the first engagement's start: time for the verifier to read them.
const LEAD_SECONDS: u64 = 15;

/// How much to carry.
#[derive(Clone, Copy)]
pub struct Load {
    pub engagements: u64,
    pub epochs: u64,
    /// Between two blocks of the sequenced chain.
    pub block_seconds: u64,
}

pub struct Carried {
    /// Engagements of which every epoch was judged before the next one was due.
    pub engagements: u64,
    /// Thousandths of one core.
    pub core_permille: u64,
    /// The API's and the nodes' process over the same time, likewise.
    pub others_permille: u64,
    pub rss_mb: u64,
    /// Verdicts that were in at all, and in time.
    pub judged: u64,
    pub in_time: u64,
    /// Units in the newest verdicts.
    pub units: u64,
    /// Seconds from when an epoch could be judged to its statement, sorted.
    pub lag_seconds: Vec<u64>,
}

impl Load {
    /// A block is safe once there is the next one.
    fn grace_seconds(self) -> u64 {
        self.block_seconds + 3
    }

    /// Verdicts that are due in the time measured.
    pub fn verdicts(self) -> u64 {
        self.engagements * self.epochs
    }

    fn chain(self, server: &Server) -> Result<Anvil> {
        let options = AnvilOptions {
            chain_id: SEQUENCED_ID,
            port: 0,
            block_seconds: self.block_seconds,
            // One block behind: with it, anvil's `safe` is what a verifier may count on.
            safe_depth: 1,
        };
        Anvil::start(&server.tools, server.dir.path(), "sequenced", options)
    }

    /// Their epochs begin spread over the minute, as those of engagements that began at different times.
    fn engaged(self, verifier: Address, node: Address, start: Timestamp) -> Result<Vec<Engaged>> {
        let grace = u32::try_from(self.grace_seconds())?;
        let engaged = |n| {
            let mut terms = work::terms(Address::repeat_byte(1), n);
            (terms.unit_seconds, terms.epoch_seconds) = (u32::try_from(self.block_seconds)?, EPOCH_SECONDS);
            // Longer than the benchmark, so that nothing ends meanwhile.
            terms.units_max = (self.epochs + 10) * u64::from(EPOCH_SECONDS) / self.block_seconds;
            let verifiers = piecework_domain::terms::VerifierSet { threshold: 1, members: vec![verifier] };
            let made = (verifiers, work::spec(SEQUENCED_ID, grace));
            let parties = (Address::repeat_byte(2), node);
            Engaged::new((ESCROW, terms), made, parties, start.plus(n % u64::from(EPOCH_SECONDS)))
        };
        (0..self.engagements).map(engaged).collect()
    }

    pub async fn measure(self, server: &Server) -> Result<Carried> {
        let url = piecework_store::fresh_database(&server.postgres.url("postgres"), "carry").await?;
        let pool = piecework_store::connect(&url, 8).await?;
        piecework_store::migrate(&pool).await?;
        let chain = self.chain(server)?;
        let (verifier, node) = (work::key("verifier", 0)?, work::key("node", 0)?);
        let start = clock::now().plus(LEAD_SECONDS);
        let engaged = Arc::new(self.engaged(verifier.address(), node.address(), start)?);
        rows::insert(&pool, &engaged).await?;
        let api = api::start(pool.clone(), ESCROW).await?;
        let envs = [
            ("PIECEWORK_API_URL", api.url.clone()),
            (
                "PIECEWORK_VERIFIER_KEY_FILE",
                key_file(server.dir.path(), "verifier", &format!("{:x}", verifier.to_bytes()))?,
            ),
            ("PIECEWORK_ENDPOINTS", format!("{SEQUENCED_ID}={}", chain.rpc_url)),
            ("PIECEWORK_VERIFIER_MEMORY", server.dir.path().join("verifier.redb").display().to_string()),
            ("PIECEWORK_ACCEPT", "native=1".to_owned()),
        ];
        let mut process = Process::start(server.dir.path(), "verify", &["verify"], &envs)?;
        let rpc = ProviderBuilder::new().disable_recommended_fillers().connect_http(chain.rpc_url.parse()?).erased();
        let nodes = Nodes { rpc, pool: pool.clone(), engaged: engaged.clone(), signer: node };
        let usage = tokio::select! {
            usage = self.watch(&mut process, start) => usage?,
            ended = nodes.work() => bail!("the nodes ended: {ended:?}"),
        };
        let Usage { core_permille, others_permille } = usage;
        let rss_mb = peak_rss_mb(process.id())?;
        if let (warnings @ 1.., Some(last)) = process.warnings()? {
            say(&format!("the verifier warned {warnings} times, the last time: {last}"));
        }
        drop(process);
        let found = self.found(&pool, &engaged).await?;
        Ok(Carried { core_permille, others_permille, rss_mb, ..found })
    }

    /// Reads what the verifier uses from when the first epoch can be judged, for as many minutes as there are epochs; then waits until the
    /// last one that was due in that time is late.
    async fn watch(self, process: &mut Process, start: Timestamp) -> Result<Usage> {
        let first_due = start.plus(u64::from(EPOCH_SECONDS) + self.grace_seconds());
        clock::reach(first_due).await;
        let (since, own) = (Instant::now(), std::process::id());
        let before = (busy_ms(process.id())?, busy_ms(own)?);
        for minute in 1..=self.epochs {
            clock::reach(first_due.plus(minute * u64::from(EPOCH_SECONDS))).await;
            process.ensure_running()?;
            say(&format!("carrying {}: minute {minute} of {}", self.engagements, self.epochs));
        }
        let wall_ms = u64::try_from(since.elapsed().as_millis())?.max(1);
        let permille = |before: u64, after: u64| after.saturating_sub(before) * 1_000 / wall_ms;
        let core_permille = permille(before.0, busy_ms(process.id())?);
        let others_permille = permille(before.1, busy_ms(own)?);
        tokio::time::sleep(Duration::from_secs(EPOCH_SECONDS.into())).await;
        process.ensure_running()?;
        Ok(Usage { core_permille, others_permille })
    }

    /// What the API has of the epochs measured.
    async fn found(self, pool: &PgPool, engaged: &[Engaged]) -> Result<Carried> {
        let mut db = pool.acquire().await?;
        let (mut engagements, mut judged, mut in_time, mut units) = (0, 0, 0, 0);
        let mut lag_seconds = Vec::new();
        for one in engaged {
            let verdicts = statements::attested(&mut db, one.id, clock::now(), i64::MAX).await?;
            let mut punctual = 0;
            for verdict in verdicts.iter().filter(|verdict| verdict.verdict.epoch < self.epochs) {
                let epoch = verdict.verdict.epoch;
                let window = rules::epoch_window(&one.terms, one.started_at, one.ends_at(), epoch);
                let due = window.context("no such epoch")?.1.plus(self.grace_seconds());
                let lag = verdict.statement.attested_at.since(due);
                punctual += u64::from(lag < u64::from(EPOCH_SECONDS));
                judged += 1;
                lag_seconds.push(lag);
            }
            in_time += punctual;
            engagements += u64::from(punctual == self.epochs);
            let newest = verdicts.iter().filter(|verdict| verdict.verdict.epoch < self.epochs);
            units += newest.map(|verdict| verdict.verdict.units).max().unwrap_or_default();
        }
        lag_seconds.sort_unstable();
        Ok(Carried {
            engagements,
            judged,
            in_time,
            units,
            lag_seconds,
            core_permille: 0,
            others_permille: 0,
            rss_mb: 0,
        })
    }
}

struct Usage {
    core_permille: u64,
    others_permille: u64,
}

impl Carried {
    /// Seconds that half, and nearly all, of the verdicts were behind the moment at which they were due.
    pub fn lag(&self) -> (u64, u64) {
        (percentile(&self.lag_seconds, 50), percentile(&self.lag_seconds, 99))
    }
}
