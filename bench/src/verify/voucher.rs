//! From two verifiers' statements to a voucher that can be read.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use piecework_client::{Client, StatementBody};
use piecework_domain::Address;
use piecework_domain::ids::EngagementId;
use serde_json::Value;

use super::work::{self, ESCROW, Engaged};
use super::{clock, rows};
use crate::{Server, api};

pub const ENGAGEMENTS: u64 = 400;
/// Claims in each report: an epoch of a minute at a block a second.
pub const CLAIMS: u64 = 60;
/// Not counted: connections are made, and the server's queries prepared, once.
const FIRST: usize = 10;
const WITHIN: Duration = Duration::from_secs(10);

/// Both statements about one engagement.
struct Case {
    id: EngagementId,
    statements: [StatementBody; 2],
}

/// Milliseconds, sorted: sending both statements, each with one report, until the voucher is there.
pub async fn measure(server: &Server) -> Result<Vec<u64>> {
    let url = piecework_store::fresh_database(&server.postgres.url("postgres"), "voucher").await?;
    let pool = piecework_store::connect(&url, 8).await?;
    piecework_store::migrate(&pool).await?;
    let (engaged, cases) = cases()?;
    rows::insert(&pool, &engaged).await?;
    let api = api::start(pool, ESCROW).await?;
    let client = Client::new(&api.url);
    let mut took = Vec::new();
    for case in &cases {
        let since = Instant::now();
        let [first, second] = &case.statements;
        tokio::try_join!(client.send_statement(first), client.send_statement(second))?;
        readable(&client, case.id, since).await?;
        took.push(u64::try_from(since.elapsed().as_millis())?);
    }
    let mut took = took.split_off(FIRST);
    took.sort_unstable();
    Ok(took)
}

async fn readable(client: &Client, id: EngagementId, since: Instant) -> Result<()> {
    let path = format!("/v1/engagements/{id}/voucher");
    while since.elapsed() < WITHIN {
        match client.get::<Value>(&path).await {
            Ok(voucher) if voucher["units"] == CLAIMS => return Ok(()),
            Ok(voucher) => bail!("the voucher says {}", voucher["units"]),
            Err(err) if err.code() == Some("no_voucher") => tokio::time::sleep(Duration::from_millis(1)).await,
            Err(err) => return Err(err).context("reading a voucher"),
        }
    }
    bail!("no voucher for engagement {id}")
}

/// Two of three verifiers, no window, an epoch of a minute that has just passed.
fn cases() -> Result<(Vec<Engaged>, Vec<Case>)> {
    let signers = (0..3).map(|n| work::key("verifier", n)).collect::<Result<Vec<_>>>()?;
    let node = work::key("node", 0)?;
    let verifiers = work::verifier_set(2, &signers);
    let now = clock::now();
    let mut engaged = Vec::new();
    let mut cases = Vec::new();
    for n in 0..ENGAGEMENTS {
        let mut terms = work::terms(Address::repeat_byte(1), n);
        (terms.units_max, terms.epoch_seconds) = (10 * CLAIMS, 60);
        let made = (verifiers.clone(), work::spec(5, 2));
        let parties = (Address::repeat_byte(2), node.address());
        let began = piecework_domain::time::Timestamp(now.0 - 62);
        let one = Engaged::new((ESCROW, terms), made, parties, began)?;
        let word = |signer| {
            let report = one.report(alloy::signers::Signer::address(signer), &node, 0, CLAIMS)?;
            work::statement(signer, ESCROW, vec![report], now)
        };
        cases.push(Case { id: one.id, statements: [word(&signers[0])?, word(&signers[1])?] });
        engaged.push(one);
    }
    Ok((engaged, cases))
}
