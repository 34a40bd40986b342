//! Whether lists keep their speed: every list route of the real API over generated rows, at growing numbers of them.

use std::time::Instant;

use alloy::primitives::keccak256;
use anyhow::{Context, Result};
use clap::Args;
use piecework_client::Client;
use piecework_domain::chain::{Bounty, Engagement, Event};
use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::messages::Bid;
use piecework_domain::money::{Amount, NATIVE};
use piecework_domain::spec::{Finality, SequencerSpec, Spec};
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, B256, U256};
use piecework_store::chains::{self, Header, Mark};
use piecework_store::events::{self, Placed};
use piecework_store::{PgPool, assignments, bounties, engagements, specs};
use serde_json::{Value, json};

use crate::{Server, api, percentile, say};
use piecework_bench::chain::{CHAIN_ID, terms};

#[derive(Args)]
pub struct Options {
    /// Print one JSON object on the last line
    #[arg(long)]
    json: bool,
    /// Bounties, and as many engagements
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000, 1_000_000])]
    rows: Vec<u64>,
    /// Events per bounty
    #[arg(long, default_value_t = 3)]
    events: u64,
    /// Calls of each route
    #[arg(long, default_value_t = 200)]
    calls: u64,
}

/// Rows written at once.
const PORTION: u64 = 5_000;
const ESCROW: Address = Address::repeat_byte(0xe5);
/// Posters, runners and verifiers there are.
const PARTIES: u64 = 1_000;
const BEGAN: u64 = 1_750_000_000;

pub async fn run(options: &Options) -> Result<()> {
    let server = Server::start()?;
    let url = piecework_store::fresh_database(&server.postgres.url("postgres"), "lists").await?;
    let pool = piecework_store::connect(&url, 8).await?;
    piecework_store::migrate(&pool).await?;
    let world = World::begin(&pool).await?;
    let api = api::start(pool.clone(), ESCROW).await?;
    let client = Client::new(&api.url);
    let mut figures = serde_json::Map::new();
    let mut there = 0;
    for rows in &options.rows {
        let since = Instant::now();
        while there < *rows {
            let to = (there + PORTION).min(*rows);
            world.grow(&pool, there..to, options.events).await?;
            there = to;
        }
        piecework_store::analyze(&pool).await?;
        say(&format!(
            "{rows} bounties and engagements, {} events ({} s)",
            rows * options.events,
            since.elapsed().as_secs()
        ));
        let mut of_size = serde_json::Map::new();
        for (route, path) in routes() {
            let (p50, p99) =
                measure(&client, options.calls, *rows, &world, path).await.with_context(|| route.to_owned())?;
            say(&format!("  {route:<45} p50 {p50:>7} µs  p99 {p99:>7} µs"));
            of_size.insert(route.to_owned(), json!({ "p50_us": p50, "p99_us": p99 }));
        }
        figures.insert(rows.to_string(), of_size.into());
    }
    if options.json {
        println!("{}", Value::Object(figures));
    }
    Ok(())
}

type Path = fn(&World, u64) -> String;

/// Every list, with each filter and far behind the first page; `n` is a row that exists.
fn routes() -> [(&'static str, Path); 18] {
    [
        ("bounties", |_, _| "/v1/bounties".to_owned()),
        ("bounties, open", |_, _| "/v1/bounties?status=open".to_owned()),
        ("bounties, of a kind", |_, _| "/v1/bounties?kind=sequencer".to_owned()),
        ("bounties, of a token", |_, _| format!("/v1/bounties?token={NATIVE}")),
        ("bounties, of a poster", |_, n| format!("/v1/bounties?poster={}", party("poster", n))),
        ("bounties, finalized", |_, _| "/v1/bounties?certainty=finalized".to_owned()),
        ("bounties, 100 from deep inside", |w, n| format!("/v1/bounties?limit=100&cursor={}", w.bounty_cursor(n))),
        ("bounties, best paid", |_, _| format!("/v1/bounties?status=open&sort=payPerHour&token={NATIVE}")),
        ("bounties, best paid by bond", |_, _| format!("/v1/bounties?status=open&sort=payPerBond&token={NATIVE}")),
        ("bounties, closing first", |_, _| "/v1/bounties?status=open&sort=deadline".to_owned()),
        ("engagements", |_, _| "/v1/engagements".to_owned()),
        ("engagements, of a runner", |_, n| format!("/v1/engagements?runner={}", party("runner", n))),
        ("engagements, of a bounty", |w, n| format!("/v1/engagements?bounty={}", w.bounty(n).0)),
        ("engagements, active", |_, _| "/v1/engagements?status=active".to_owned()),
        ("engagements, finalized", |_, _| "/v1/engagements?certainty=finalized".to_owned()),
        ("payouts of an engagement", |w, n| format!("/v1/engagements/{}/payouts", w.engagement(n).0)),
        ("assignments of a verifier", |_, n| format!("/v1/verifiers/{}/assignments", party("verifier", n))),
        ("stats", |_, _| "/v1/stats".to_owned()),
    ]
}

/// Microseconds, p50 and p99.
async fn measure(client: &Client, calls: u64, rows: u64, world: &World, path: Path) -> Result<(u64, u64)> {
    // The connection, and what the server keeps of a first query, are not the list's.
    client.get::<Value>(&path(world, 0)).await?;
    let mut micros = Vec::new();
    for call in 0..calls {
        let n = u64::from_be_bytes(keccak256(call.to_be_bytes())[..8].try_into()?) % rows;
        let since = Instant::now();
        client.get::<Value>(&path(world, n)).await?;
        micros.push(u64::try_from(since.elapsed().as_micros())?);
    }
    micros.sort_unstable();
    Ok((percentile(&micros, 50), percentile(&micros, 99)))
}

/// One of the parties of a role.
fn party(role: &str, n: u64) -> Address {
    Address::from_word(keccak256(format!("{role} {}", n % PARTIES)))
}

/// What all generated rows have in common.
struct World {
    spec: Spec,
}

impl World {
    async fn begin(pool: &PgPool) -> Result<Self> {
        let spec = Spec::Sequencer(SequencerSpec {
            version: 1,
            title: "Run our sequencer".to_owned(),
            description: String::new(),
            chain_id: 5,
            finality: Finality::Safe,
            timely_seconds: 3,
            grace_seconds: 2,
            blocks_min: 1,
            revisions_max: 0,
        });
        let mut db = pool.acquire().await?;
        let body = piecework_domain::canonical::bytes(&spec)?;
        specs::put(&mut db, spec.hash()?, &spec, &body).await?;
        chains::begin(&mut db, CHAIN_ID, ESCROW, &header(0)).await?;
        Ok(Self { spec })
    }

    fn verifiers(n: u64) -> VerifierSet {
        let mut members: Vec<_> = (0..3).map(|k| party("verifier", n + k)).collect();
        members.sort();
        VerifierSet { threshold: 2, members }
    }

    fn terms(&self, n: u64) -> Terms {
        let spec_hash = self.spec.hash().unwrap_or_else(|_| unreachable!("was hashed before"));
        Terms { verifier_set: Self::verifiers(n).hash(), spec_hash, ..terms(party("poster", n), n) }
    }

    fn bounty(&self, n: u64) -> (BountyId, Terms) {
        let terms = self.terms(n);
        (terms.bounty_id(CHAIN_ID, ESCROW), terms)
    }

    fn engagement(&self, n: u64) -> (EngagementId, Bid) {
        let runner = party("runner", n);
        let (bounty, terms) = self.bounty(n);
        let (expires_at, nonce) = (terms.open_until, Amount(U256::from(n)));
        let bid =
            Bid { bounty, runner, payee: runner, node: runner, rate: terms.rate_max, relay_fee: 0, expires_at, nonce };
        (bid.engagement_id(), bid)
    }

    /// As the API writes it.
    fn bounty_cursor(&self, n: u64) -> String {
        format!("{}_{}", at(n), self.bounty(n).0)
    }

    /// Bounties `range`, each with an engagement and `events` events, one bounty a block.
    async fn grow(&self, pool: &PgPool, range: std::ops::Range<u64>, events: u64) -> Result<()> {
        let (mut posted, mut engaged, mut placed) = (Vec::new(), Vec::new(), Vec::new());
        for n in range.clone() {
            let (bounty, terms) = self.bounty(n);
            let (engagement, bid) = self.engagement(n);
            let post = Event::Posted { bounty, terms };
            let start = Event::Engaged {
                engagement,
                bounty,
                bid,
                verifiers: Self::verifiers(n),
                units_max: 100,
                started_at: at(n),
                ends_at: Some(at(n).plus(100)),
                reserve: Amount(U256::from(50_000)),
                spare: false,
                escrow: Amount(U256::ZERO),
            };
            let state = Bounty::apply(None, &post, at(n))?;
            let state = Bounty::apply(state, &start, at(n))?.context("a bounty")?;
            posted.push((state, n));
            engaged.push((Engagement::apply(None, &start)?.context("an engagement")?, n));
            let funded = Event::Funded {
                bounty,
                from: party("poster", n),
                amount: Amount(U256::from(50_000)),
                escrow: Amount(U256::from(50_000)),
            };
            let mut all = vec![post, start];
            all.resize(usize::try_from(events)?.max(2), funded);
            placed.extend((0..).zip(all).map(|(log_index, event)| Placed {
                block_number: n,
                block_hash: header(n).hash,
                block_time: at(n),
                log_index,
                tx_hash: B256::ZERO,
                event,
            }));
        }
        let mut db_tx = pool.begin().await?;
        bounties::add(&mut db_tx, CHAIN_ID, &posted.iter().collect::<Vec<_>>()).await?;
        engagements::put(&mut db_tx, CHAIN_ID, &engaged).await?;
        let ids: Vec<_> = engaged.iter().map(|(e, _)| e.id).collect();
        assignments::renew(&mut db_tx, &ids).await?;
        let last = header(range.end - 1);
        chains::add_headers(&mut db_tx, CHAIN_ID, std::slice::from_ref(&last)).await?;
        chains::set_cursor(&mut db_tx, CHAIN_ID, &last).await?;
        let mark = Mark { number: last.number, hash: last.hash };
        chains::set_certain(&mut db_tx, CHAIN_ID, mark, mark).await?;
        events::append(&mut db_tx, CHAIN_ID, &placed).await?;
        db_tx.commit().await?;
        Ok(())
    }
}

/// Twelve blocks a minute.
fn at(n: u64) -> Timestamp {
    Timestamp(BEGAN + n * 5)
}

fn header(number: u64) -> Header {
    let hash = |number: u64| keccak256(number.to_be_bytes());
    Header { number, hash: hash(number), parent_hash: hash(number.saturating_sub(1)), time: at(number) }
}
