//! Verdicts become money: takes what is due, tries each redemption on its own, and sends many in one transaction.

use std::time::Duration;

use futures::StreamExt;
use piecework_contracts::{Revert, redeem_batch_call, redeem_call};
use piecework_domain::Bytes;
use piecework_domain::ids::EngagementId;
use piecework_domain::money::NATIVE;
use piecework_domain::time::Timestamp;
use piecework_domain::voucher::Voucher;
use piecework_store::chains::{self, Certainty};
use piecework_store::dues::{self, Due, Payment, Refusal};
use piecework_store::engagements::{self, Row};
use piecework_store::{PgConnection, PgPool, payout_wishes, statements};
use tokio::time::Instant;

use crate::chain::{Chain, Refused};
use crate::decide::{Decision, Facts, Gain, Policy, decide};
use crate::outbox::{self, GAS_MAX, Sent};
use crate::relay::{NotRelayed, Relay};
use crate::run::Config;
use crate::{Error, acquire, clock};

/// Engagements looked at together.
const TAKEN_MAX: i64 = 100;
/// Redemptions of one transaction: with more, each costs hardly less.
const BATCH_MAX: usize = 25;
/// A redemption that takes more gas goes alone: what is in a batch with it must not depend on it. Before a token is sent the escrow wants
/// to have 320,000 left, which no transaction uses.
const BATCHED_GAS_MAX: u64 = 250_000;
const BATCHED_TOKEN_GAS_MAX: u64 = 600_000;
/// Bytes of calldata, far below what any node takes (128 KiB, some chains 95 KB).
const CALLDATA_MAX: usize = 80_000;
/// Gas of a whole batch: what any node takes in one transaction (EIP-7825), with room.
const BATCH_GAS_MAX: u64 = 12_000_000;
/// Gas per redemption beyond what trying it took: a payee or poster that is a contract can burn its two pushes' 50,000 in a block only, and
/// what a push fails to bring is credited. Unused gas costs nothing.
const PUSHES_GAS: u64 = 150_000;
const SIDE_BY_SIDE: usize = 16;
const VERDICT_DEPTH: i64 = 64;
/// Between two looks at everything, whatever was announced.
const RECONCILE: Duration = Duration::from_secs(120);
/// An older newest block says nothing about the time.
const HEAD_SECONDS_MAX: u64 = 60;
/// Seconds until what this worker or its endpoint could not do is tried again.
const RETRY_SECONDS: u64 = 2;
const LOW_BALANCE_SECONDS: u64 = 15;
const NOT_ENGAGED_SECONDS: u64 = 15;
const NOT_RELAYED_SECONDS: u64 = 300;

/// What the look has to know from one time to the next.
#[derive(Debug, Default)]
pub struct Payouts {
    reconciled: Option<Instant>,
}

/// A redemption that the escrow would accept now.
#[derive(Debug)]
struct Ready {
    due: Due,
    row: Row,
    voucher: Box<Voucher>,
    gas: u64,
}

impl Ready {
    fn payment(&self) -> Payment {
        Payment { engagement: self.due.engagement, units: self.voucher.units, faults: self.voucher.faults }
    }
}

impl Payouts {
    /// Pays what is due, until nothing is.
    pub async fn look(&mut self, pool: &PgPool, chain: &Chain, config: &Config) -> Result<(), Error> {
        if self.reconciled.is_none_or(|at| at.elapsed() >= RECONCILE) {
            dues::reconcile(&mut *acquire(pool).await?, chain.id, &config.relay.listed()).await?;
            self.reconciled = Some(Instant::now());
        }
        loop {
            let taken = dues::take(&mut *acquire(pool).await?, chain.id, config.lease, TAKEN_MAX).await?;
            if taken.is_empty() {
                return Ok(());
            }
            let round = Round {
                pool,
                chain,
                policy: &config.policy,
                relay: &config.relay,
                gas_price: chain.gas_price().await?,
                now: chain_time(pool, chain).await?,
            };
            let ready = round.choose(taken).await?;
            for batch in batches(ready) {
                // What is under way comes first, or the account needs money: the rest is another look's.
                let go_on = round.pay(batch).await?;
                if !go_on {
                    return Ok(());
                }
            }
        }
    }
}

/// What time it is for the escrow: the newest block's, as the mirror has it. A chain that makes blocks only when there is something to put
/// in them would give its next one the clock's.
async fn chain_time(pool: &PgPool, chain: &Chain) -> Result<Timestamp, Error> {
    let head = chains::cursor(&mut *acquire(pool).await?, chain.id).await?.map(|cursor| cursor.time);
    let now = clock::now();
    Ok(head.filter(|head| now.since(*head) <= HEAD_SECONDS_MAX).map_or(now, |head| head.min(now)))
}

/// Those of modest needs that never failed in batches, the others alone.
fn batches(ready: Vec<Ready>) -> Vec<Vec<Ready>> {
    let gas_max = |r: &Ready| if r.row.terms.token == NATIVE { BATCHED_GAS_MAX } else { BATCHED_TOKEN_GAS_MAX };
    let (batched, alone): (Vec<_>, Vec<_>) = ready.into_iter().partition(|r| r.gas <= gas_max(r) && !r.due.failed);
    let mut batches: Vec<Vec<Ready>> = Vec::new();
    for ready in batched {
        match batches.last_mut().filter(|batch| batch.len() < BATCH_MAX) {
            Some(batch) => batch.push(ready),
            None => batches.push(vec![ready]),
        }
    }
    batches.extend(alone.into_iter().map(|ready| vec![ready]));
    batches
}

/// What one round over taken engagements has to go by.
struct Round<'a> {
    pool: &'a PgPool,
    chain: &'a Chain,
    policy: &'a Policy,
    relay: &'a Relay,
    gas_price: u128,
    now: Timestamp,
}

impl Round<'_> {
    /// Those of `taken` that can be paid now; the others are told to wait.
    async fn choose(&self, taken: Vec<Due>) -> Result<Vec<Ready>, Error> {
        let mut payable = Vec::new();
        {
            let mut db = acquire(self.pool).await?;
            for due in taken {
                payable.extend(self.decide(&mut db, due).await?);
            }
        }
        // No connection is held while others' code runs.
        let mut tried = futures::stream::iter(payable)
            .map(|(due, row, voucher, gain)| async move {
                let data = redeem_call(&row.terms, &row.engagement.verifiers, &row.engagement.bid, &voucher);
                let gas = self.chain.estimate(&data, GAS_MAX).await;
                (due, row, voucher, gain, gas)
            })
            .buffer_unordered(SIDE_BY_SIDE);
        let mut ready = Vec::new();
        while let Some((due, row, voucher, gain, gas)) = tried.next().await {
            let mut db = acquire(self.pool).await?;
            let id = due.engagement;
            match gas {
                Ok(gas) => match self.relay.takes(&row.terms, &row.engagement.bid, &gain, gas, self.gas_price) {
                    Ok(()) => ready.push(Ready { due, row, voucher, gas }),
                    Err(why) => self.wait(&mut db, id, NOT_RELAYED_SECONDS, why.code(), &why.to_string()).await?,
                },
                // The mirror is behind the chain or somebody else was faster; or the newest block is older than the clock.
                Err(Refused::Reverts(Revert { code, detail }))
                    if ["nothing_new", "challenge_open"].contains(&&*code) =>
                {
                    self.wait(&mut db, id, RETRY_SECONDS, &code, &detail).await?;
                }
                Err(Refused::Reverts(Revert { code, detail })) => {
                    tracing::warn!(engagement = %id, code, detail, "not redeemed: it would revert");
                    dues::refuse(&mut db, id, Refusal::Estimated, &code, &detail).await?;
                }
                Err(Refused::Unknown(err)) => {
                    tracing::warn!(engagement = %id, error = &err as &dyn std::error::Error, "not redeemed; trying again");
                    self.wait(&mut db, id, RETRY_SECONDS, "endpoint_unavailable", "").await?;
                }
            }
        }
        // As statements are, so that one multiproof holds many.
        ready.sort_by_key(|ready| ready.due.engagement);
        Ok(ready)
    }

    async fn decide(&self, db: &mut PgConnection, due: Due) -> Result<Option<(Due, Row, Box<Voucher>, Gain)>, Error> {
        let id = due.engagement;
        let Some(row) = engagements::get(db, id, Certainty::Latest).await? else {
            // A reorg took it, or the mirror is behind: it may come back.
            self.wait(db, id, NOT_ENGAGED_SECONDS, "not_engaged", "").await?;
            return Ok(None);
        };
        if !self.relay.lists(row.terms.token) {
            let why = NotRelayed::Token(row.terms.token);
            dues::wait(db, id, None, why.code(), &why.to_string()).await?;
            return Ok(None);
        }
        let now = self.now;
        let until = Timestamp(now.0.saturating_sub(row.terms.challenge_seconds.into()));
        let verdicts = statements::attested(db, id, until, VERDICT_DEPTH).await?;
        let wish = payout_wishes::get(db, &[id]).await?.remove(&id);
        let facts = Facts {
            terms: &row.terms,
            engagement: &row.engagement,
            verdicts: &verdicts,
            next_attested: statements::next_attested(db, id, until).await?,
            sent_seconds_ago: due.sent_seconds_ago,
            gas_price: self.gas_price,
            wish: wish.as_ref(),
        };
        match decide(&facts, self.policy, now) {
            Decision::Pay(voucher, gain) => Ok(Some((due, row, voucher, gain))),
            Decision::Wait { until, reason } => {
                // The chain's time may be behind.
                let until = until.map(|until| until.max(clock::now().plus(1)));
                dues::wait(db, id, until, reason, "").await?;
                Ok(None)
            }
        }
    }

    /// Sends `batch`, or its halves where the whole would revert. False if there is no use in sending more now.
    async fn pay(&self, batch: Vec<Ready>) -> Result<bool, Error> {
        let mut go_on = true;
        let mut waiting = vec![batch];
        while let Some(mut batch) = waiting.pop() {
            let (data, gas) = match self.call(&batch).await {
                Ok(call) => call,
                Err(Refused::Reverts(_)) if batch.len() > 1 => {
                    let second = batch.split_off(batch.len() / 2);
                    waiting.extend([second, batch]);
                    continue;
                }
                Err(Refused::Reverts(Revert { code, detail })) => {
                    for ready in &batch {
                        let id = ready.due.engagement;
                        dues::refuse(&mut *acquire(self.pool).await?, id, Refusal::Estimated, &code, &detail).await?;
                    }
                    continue;
                }
                Err(Refused::Unknown(err)) => {
                    self.release(&batch, RETRY_SECONDS, "endpoint_unavailable", "").await?;
                    return Err(err);
                }
            };
            let payments: Vec<_> = batch.iter().map(Ready::payment).collect();
            let leases: Vec<_> = batch.iter().map(|ready| ready.due.lease).collect();
            match outbox::pay(self.pool, self.chain, data, gas, &payments, &leases).await {
                Ok(Sent::Yes(tx)) => {
                    for ready in &batch {
                        let (id, units) = (ready.due.engagement, ready.voucher.units);
                        tracing::info!(engagement = %id, units, paid = ready.row.engagement.units_paid, %tx, "redeeming a voucher");
                    }
                }
                Ok(Sent::UnderWay) => self.release(&batch, RETRY_SECONDS, "under_way", "").await?,
                Ok(Sent::Full) => {
                    self.release(&batch, RETRY_SECONDS, "too_many_under_way", "").await?;
                    go_on = false;
                }
                // What the account holds may be enough for fewer.
                Ok(Sent::LowBalance(_)) if batch.len() > 1 => {
                    let second = batch.split_off(batch.len() / 2);
                    waiting.extend([second, batch]);
                }
                Ok(Sent::LowBalance(detail)) => {
                    self.release(&batch, LOW_BALANCE_SECONDS, "operator_balance_low", &detail).await?;
                    go_on = false;
                }
                Err(err) => {
                    self.release(&batch, RETRY_SECONDS, "endpoint_unavailable", "").await?;
                    return Err(err);
                }
            }
        }
        Ok(go_on)
    }

    /// The calldata that redeems `batch`, and the gas it takes.
    async fn call(&self, batch: &[Ready]) -> Result<(Bytes, u64), Refused> {
        if let [one] = batch {
            let e = &one.row.engagement;
            let data = redeem_call(&one.row.terms, &e.verifiers, &e.bid, &one.voucher);
            return Ok((data, one.gas.saturating_add(PUSHES_GAS)));
        }
        let entries: Vec<_> = batch
            .iter()
            .map(|r| (&r.row.terms, &r.row.engagement.verifiers, &r.row.engagement.bid, &*r.voucher))
            .collect();
        let data = redeem_batch_call(&entries)
            .map_err(|err| Refused::Reverts(Revert { code: "invalid_batch".to_owned(), detail: err.to_string() }))?;
        if data.len() > CALLDATA_MAX {
            let detail = format!("{} bytes of calldata", data.len());
            return Err(Refused::Reverts(Revert { code: "batch_too_large".to_owned(), detail }));
        }
        let gas = self.chain.estimate(&data, BATCH_GAS_MAX).await?;
        // What an entry took alone: one that takes more in a block than when it was tried must not cost the others theirs.
        let alone = batch.iter().fold(0_u64, |sum, ready| sum.saturating_add(ready.gas).saturating_add(PUSHES_GAS));
        Ok((data, gas.max(alone.min(BATCH_GAS_MAX))))
    }

    async fn release(&self, batch: &[Ready], seconds: u64, reason: &str, detail: &str) -> Result<(), Error> {
        let mut db = acquire(self.pool).await?;
        for ready in batch {
            self.wait(&mut db, ready.due.engagement, seconds, reason, detail).await?;
        }
        Ok(())
    }

    async fn wait(
        &self,
        db: &mut PgConnection,
        id: EngagementId,
        seconds: u64,
        reason: &str,
        detail: &str,
    ) -> Result<(), Error> {
        Ok(dues::wait(db, id, Some(clock::now().plus(seconds)), reason, detail).await?)
    }
}
