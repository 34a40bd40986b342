//! How fast the worker pays what is due at once, by transactions on a chain that mines each at once.

use std::path::Path;
use std::time::Duration;

use alloy::primitives::keccak256;
use alloy::providers::Provider;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, ensure};
use piecework_bench::chain::Chain;
use piecework_client::Client;
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, U256};
use piecework_store::dues::{self, Refusal};
use piecework_store::engagements;
use serde_json::{Value, json};

use super::paid::{Paid, pay};
use super::work::{self, Engaged};
use super::{clock, rows};
use crate::mirror::Mirror;
use crate::{Server, api};

/// Payouts due at once.
pub const DUE: u64 = 32;
const RUNS: u64 = 3;
/// Until what the escrow was said to refuse is tried again.
const REFUSED_FOR: Duration = Duration::from_millis(2_200);

/// Each as often as it was measured.
pub struct Payouts {
    /// As the worker does it: up to 25 in one transaction.
    pub batched: Vec<Paid>,
    /// Each in a transaction of its own.
    pub alone: Vec<Paid>,
}

/// Engagements on the chain, and who judges them.
pub struct Stage {
    pub chain: Chain,
    pub mirror: Mirror,
    pub operator: PrivateKeySigner,
    engaged: Vec<Engaged>,
    verifiers: Vec<PrivateKeySigner>,
    node: PrivateKeySigner,
}

pub async fn measure(server: &Server) -> Result<Payouts> {
    let logs = server.dir.path();
    let mut stage = Stage::set(server, logs).await?;
    let api = api::start(stage.mirror.pool.clone(), stage.chain.escrow).await?;
    let client = Client::new(&api.url);
    let mut payouts = Payouts { batched: Vec::new(), alone: Vec::new() };
    for epoch in 0..2 * RUNS {
        stage.attest(&client, epoch).await?;
        // What time it is for the escrow, and so for the worker, its newest block says.
        stage.chain.rest(1).await?;
        stage.mirror.reaches(stage.chain.rpc.get_block_number().await?, logs).await?;
        if epoch < RUNS {
            payouts.batched.push(pay(&mut stage, logs).await?);
        } else {
            // What was refused once goes alone the next time: nothing else makes the worker send single redemptions.
            let mut db = stage.mirror.pool.acquire().await?;
            for one in &stage.engaged {
                dues::refuse(&mut db, one.id, Refusal::Estimated, "bench", "").await?;
            }
            drop(db);
            tokio::time::sleep(REFUSED_FOR).await;
            payouts.alone.push(pay(&mut stage, logs).await?);
        }
    }
    Ok(payouts)
}

impl Stage {
    async fn set(server: &Server, logs: &Path) -> Result<Self> {
        let chain = Chain::start(&server.tools, logs, "payouts", 1).await?;
        let verifiers = (0..3).map(|n| work::key("verifier", n)).collect::<Result<Vec<_>>>()?;
        let (node, operator) = (work::key("node", 0)?, work::key("operator", 0)?);
        let rich = json!([operator.address(), U256::from(10).pow(U256::from(21))]);
        chain.rpc.raw_request::<_, Value>("anvil_setBalance".into(), rich).await?;
        let mut engaged = Vec::new();
        for n in 0..DUE {
            engaged.push(offer(&chain, &verifiers, &node, n)?);
        }
        let posts = engaged.iter().map(|one| {
            let cost = one.terms.cost(verifiers.len()).context("a cost")?;
            let data = piecework_contracts::post_call(&one.terms, cost);
            Ok(chain.call(one.terms.poster, cost.0, &data))
        });
        chain.mine_together(posts.collect::<Result<_>>()?).await?;
        let claims = engaged.iter().map(|one| {
            let data = piecework_contracts::claim_call(&one.terms, &one.verifiers, &one.bid);
            chain.call(one.bid.runner, U256::ZERO, &data)
        });
        chain.mine_together(claims.collect()).await?;

        let mut mirror = Mirror::start(&chain, &server.postgres.url("postgres"), logs).await?;
        mirror.reaches(chain.rpc.get_block_number().await?, logs).await?;
        let mut db = mirror.pool.acquire().await?;
        for one in &mut engaged {
            let known = engagements::load(&mut db, &[one.id]).await?;
            one.started_at = known.first().context("an engagement is not mirrored")?.0.started_at;
        }
        rows::put_spec(&mut db, engaged.first().context("no engagements")?).await?;
        drop(db);
        Ok(Self { chain, mirror, operator, engaged, verifiers, node })
    }

    /// Two of three verifiers attest one more unit of each engagement, each in one statement.
    async fn attest(&self, client: &Client, epoch: u64) -> Result<()> {
        let over = self.engaged.iter().map(|one| one.started_at.plus(epoch + 1)).max().unwrap_or_default();
        clock::reach(over).await;
        for verifier in &self.verifiers[..2] {
            let report = |one: &Engaged| one.report(verifier.address(), &self.node, epoch, 1);
            let reports = self.engaged.iter().map(report).collect::<Result<Vec<_>>>()?;
            let body = work::statement(verifier, self.chain.escrow, reports, clock::now())?;
            client.send_statement(&body).await.context("sending a statement")?;
        }
        Ok(())
    }
}

/// Bounty `n`: one seat for whoever claims it, a unit an epoch without a clock, epochs of a second, no window.
fn offer(chain: &Chain, verifiers: &[PrivateKeySigner], node: &PrivateKeySigner, n: u64) -> Result<Engaged> {
    let accounts = chain.accounts();
    let account = |n: u64| accounts[usize::try_from(n).unwrap_or_default() % accounts.len()];
    let mut terms = work::terms(account(n), n);
    (terms.rate_max, terms.units_max, terms.seats, terms.open_claim) = (10_u128.pow(16), 100, 1, true);
    (terms.unit_seconds, terms.epoch_seconds, terms.verifier_fee) = (0, 1, 0);
    let made = (work::verifier_set(2, verifiers), work::spec(5, 0));
    let mut one = Engaged::new((chain.escrow, terms), made, (account(n + 1), node.address()), Timestamp(0))?;
    // Nobody who was paid before: these accounts begin empty.
    one.bid.payee = Address::from_word(keccak256(format!("payee {n}")));
    one.id = one.bid.engagement_id();
    ensure!(one.bid.payee != one.bid.runner, "a payee of its own");
    Ok(one)
}
