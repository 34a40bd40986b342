//! Verdicts become money.

use std::time::Duration;

use piecework_contracts::redeem_call;
use piecework_domain::chain::{Contested, Engagement, Status};
use piecework_domain::time::Timestamp;
use piecework_domain::voucher::Voucher;
use piecework_domain::{rules, voucher};
use piecework_store::engagements::{self, Row};
use piecework_store::txs::{self, Kind};
use piecework_store::{PgPool, statements};

use crate::chain::Chain;
use crate::{Error, clock};

const BATCH: i64 = 100;
const VERDICT_DEPTH: i64 = 64;
/// Least time between two redemptions of an engagement whose time is over.
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// Decides on a `redeem` for every engagement that has more proven than paid and was not paid for `pause`.
pub async fn look(pool: &PgPool, chain: &Chain, pause: Duration) -> Result<(), Error> {
    let mut after = None;
    loop {
        let mut db = pool.acquire().await.map_err(piecework_store::Error::from)?;
        let batch = engagements::redeemable_candidates(&mut db, chain.id, after, BATCH).await?;
        let Some(last) = batch.last() else {
            return Ok(());
        };
        after = Some(last.engagement.id);
        for row in batch {
            decide(&mut db, chain, &row, pause).await?;
        }
    }
}

async fn decide(
    db: &mut piecework_store::PgConnection,
    chain: &Chain,
    row: &Row,
    pause: Duration,
) -> Result<(), Error> {
    let e = &row.engagement;
    // The newest whose window can have passed, however many are still in theirs.
    let until = Timestamp(clock::now().0.saturating_sub(row.terms.challenge_seconds.into()));
    let verdicts = statements::attested(db, e.id, until, VERDICT_DEPTH).await?;
    let Some(voucher) = voucher::best(
        &row.terms,
        e.verifiers.threshold,
        e.members_left(),
        e.record.resolved_at,
        &verdicts,
        clock::now(),
    ) else {
        return Ok(());
    };
    if is_frozen(e, &voucher) {
        return Ok(());
    }
    let attested_at = voucher.verdicts.iter().map(|v| v.statement.attested_at).max().unwrap_or_default();
    let cap = rules::units_cap(&row.terms, e.units_max, e.started_at, e.ends_at, attested_at);
    if voucher.units.min(cap) <= e.units_paid && !has_consequence(row, voucher.faults) {
        return Ok(());
    }
    // Once the time is over the redemption period runs: what is proven then is not made to wait.
    let over = e.ends_at.is_some_and(|end| end <= clock::now());
    let pause = if over { pause.min(LAST_PAUSE) } else { pause };
    if let Some(tx) = txs::latest(db, chain.id, Kind::Redeem, e.id.0).await? {
        let pause_seconds = i64::try_from(pause.as_secs()).unwrap_or(i64::MAX);
        if tx.age_seconds < pause_seconds {
            return Ok(());
        }
    }
    let data = redeem_call(&row.terms, &e.verifiers, &e.bid, &voucher);
    if txs::queue(db, chain.id, Kind::Redeem, e.id.0, &data, Some(voucher.units)).await? {
        tracing::info!(engagement = %e.id, units = voucher.units, paid = e.units_paid, "redeeming a voucher");
    }
    Ok(())
}

/// Whether newly proven faults move a bond or end the engagement. Others cost only gas.
fn has_consequence(row: &Row, faults: u64) -> bool {
    let (e, terms) = (&row.engagement, &row.terms);
    let takes = terms.fault_penalty != 0 && !rules::bond_left(terms, e.faults).is_zero();
    let ends = terms.faults_max != 0 && faults >= u64::from(terms.faults_max) && e.status == Status::Active;
    faults > e.faults && (takes || ends)
}

/// Nothing of the voucher can be redeemed while what it proves is in dispute.
fn is_frozen(e: &Engagement, voucher: &Voucher) -> bool {
    let below = |subject, count: u64| e.dispute(subject).map_or(count, |dispute| count.min(dispute.floor));
    !e.disputes.is_empty()
        && below(Contested::Units, voucher.units) <= e.units_paid
        && below(Contested::Faults, voucher.faults) <= e.faults
}
