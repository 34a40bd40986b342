//! Lookups that several routes share.

use std::collections::HashMap;

use piecework_domain::chain::{Bounty, Status};
use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::spec::Spec;
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, rules};
use piecework_store::chains::{Certainty, Cursor};
use piecework_store::{
    PgConnection, PgPool, PoolConnection, Transaction, bounties, chains, engagements, offers, specs,
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::state::{AppState, Chain};
use crate::views::{self, ChainView, rfc3339};
use crate::{Error, Result};

pub async fn db(pool: &PgPool) -> Result<PoolConnection> {
    pool.acquire().await.map_err(|err| piecework_store::Error::from(err).into())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReadParams {
    /// `latest` unless given: how sure the answer has to be.
    #[serde(default)]
    pub certainty: views::Certainty,
}

/// The mirror at one moment: all that is read through it belongs together, and to the block that its answers name.
pub struct Snapshot {
    pub db: Transaction<'static>,
    pub certainty: Certainty,
    cursor: Cursor,
}

impl Snapshot {
    pub async fn take(state: &AppState, certainty: impl Into<Certainty>) -> Result<Self> {
        let begun = state.pool.begin_with("begin isolation level repeatable read read only").await;
        let mut db = begun.map_err(piecework_store::Error::from)?;
        let cursor = cursor(&mut db, state.chain.id).await?;
        Ok(Self { db, certainty: certainty.into(), cursor })
    }

    /// About an object that block `changed` last changed.
    pub fn chain(&self, changed: u64) -> ChainView {
        ChainView::of(&self.cursor, self.certainty, changed)
    }

    /// About everything.
    pub fn chain_now(&self) -> ChainView {
        self.chain(self.cursor.at(self.certainty).number)
    }

    pub async fn bounty(&mut self, id: BountyId) -> Result<bounties::Row> {
        let row = bounties::get(&mut self.db, id, self.certainty).await?;
        row.ok_or_else(|| Error::not_found("bounty_not_found", format!("bounty {id} on chain")))
    }

    pub async fn engagement(&mut self, id: EngagementId) -> Result<engagements::Row> {
        let row = engagements::get(&mut self.db, id, self.certainty).await?;
        row.ok_or_else(|| Error::not_found("engagement_not_found", format!("engagement {id}")))
    }
}

/// The mirror's cursor; until the first block is indexed there is nothing to answer from.
pub async fn cursor(db: &mut PgConnection, chain_id: u64) -> Result<Cursor> {
    let not_ready = || Error::Unavailable("no block is indexed yet".into());
    chains::cursor(db, chain_id).await?.ok_or_else(not_ready)
}

pub async fn bounty(db: &mut PgConnection, id: BountyId) -> Result<bounties::Row> {
    let row = bounties::get(db, id, Certainty::Latest).await?;
    row.ok_or_else(|| Error::not_found("bounty_not_found", format!("bounty {id} on chain")))
}

pub async fn engagement(db: &mut PgConnection, id: EngagementId) -> Result<engagements::Row> {
    let row = engagements::get(db, id, Certainty::Latest).await?;
    row.ok_or_else(|| Error::not_found("engagement_not_found", format!("engagement {id}")))
}

/// One that something can still be earned in.
pub async fn engagement_not_closed(db: &mut PgConnection, id: EngagementId) -> Result<engagements::Row> {
    let row = engagement(db, id).await?;
    if matches!(row.engagement.status, Status::Closed { .. }) {
        return Err(Error::conflict("engagement_closed", "this engagement is closed: nothing can be earned any more"));
    }
    Ok(row)
}

/// Verifier sets of bounties, from their announcements or from any of their engagements.
pub async fn verifiers(db: &mut PgConnection, ids: &[BountyId]) -> Result<HashMap<BountyId, VerifierSet>> {
    let mut known = offers::verifiers(db, ids).await?;
    let missing: Vec<_> = ids.iter().copied().filter(|id| !known.contains_key(id)).collect();
    if !missing.is_empty() {
        known.extend(engagements::verifiers(db, &missing).await?);
    }
    Ok(known)
}

/// Terms of a bounty that is announced or posted.
pub async fn terms(db: &mut PgConnection, id: BountyId) -> Result<Terms> {
    if let Some(row) = bounties::get(db, id, Certainty::Latest).await? {
        return Ok(row.bounty.terms);
    }
    let offer = offers::get(db, id).await?;
    let offer = offer.ok_or_else(|| Error::not_found("bounty_not_found", format!("bounty {id}")))?;
    Ok(offer.terms)
}

/// Refuses a bounty that was posted on chain with terms that its spec can't be judged by, or that leave no time to pay: whoever worked for
/// it would not be paid.
pub async fn check_judgeable(db: &mut PgConnection, chain: &Chain, terms: &Terms) -> Result<()> {
    let spec = specs::get(db, &[terms.spec_hash]).await?.remove(&terms.spec_hash);
    check_terms(chain, terms, spec.as_ref())
}

/// Refuses terms that the spec can't be judged by, or whose reserve goes back to the poster before the last verdicts are paid.
pub fn check_terms(chain: &Chain, terms: &Terms, spec: Option<&Spec>) -> Result<()> {
    if let Some(spec) = spec {
        spec.check_terms(terms)?;
    }
    let grace = spec.map_or(0, Spec::grace_seconds);
    let (window, least) = (rules::payout_window(terms, grace), chain.payout_window_min);
    if window >= least {
        return Ok(());
    }
    let detail = format!(
        "epochSeconds + silenceSeconds + challengeSeconds - graceSeconds is {window}: the last payouts need {least} s here once they are due"
    );
    Err(Error::rule("payout_window_too_short", detail))
}

/// Refuses a bounty that takes nobody any more.
pub fn check_open(bounty: &Bounty, now: Timestamp) -> Result<()> {
    if now >= bounty.terms.open_until {
        return Err(Error::conflict(
            "closed",
            format!("the bounty was open until {}", rfc3339(bounty.terms.open_until)),
        ));
    }
    if bounty.seats_taken >= bounty.terms.seats {
        return Err(Error::conflict("seats_taken", format!("all {} seats are taken", bounty.terms.seats)));
    }
    Ok(())
}

/// Refuses addresses that nobody can sign for or be paid at.
pub fn check_not_zero(field: &str, address: Address) -> Result<()> {
    if address == Address::ZERO {
        return Err(Error::rule("zero_address", format!("{field} must not be the zero address")));
    }
    Ok(())
}
