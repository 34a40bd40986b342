//! Where an engagement's money stands.

use piecework_domain::outlook;
use piecework_domain::time::Timestamp;
use piecework_store::engagements::Row;
use piecework_store::{PgConnection, dues, specs, statements};

use super::engagements::VERDICT_DEPTH;
use crate::views::{MoneyView, NextPayout, rfc3339};
use crate::{Result, clock};

/// Where an engagement's money stands, from its verdicts and what the worker last said.
pub async fn of(db: &mut PgConnection, row: &Row) -> Result<MoneyView> {
    let (terms, now) = (&row.terms, clock::now());
    let id = row.engagement.id;
    let grace = specs::get(db, &[terms.spec_hash]).await?.remove(&terms.spec_hash).map(|spec| spec.grace_seconds());
    let past = Timestamp(now.0.saturating_sub(terms.challenge_seconds.into()));
    let mut verdicts = statements::attested(db, id, past, VERDICT_DEPTH).await?;
    verdicts.extend(statements::attested(db, id, now.plus(clock::SKEW_SECONDS), 1).await?);
    let facts = outlook::Facts {
        terms,
        engagement: &row.engagement,
        verdicts: &verdicts,
        grace_seconds: grace.unwrap_or_default(),
    };
    let standing = dues::standing(db, id).await?;
    let payout = standing.map(|standing| NextPayout {
        at: standing.due_at.map(rfc3339),
        tx_hash: standing.tx_hash,
        reason: standing.reason,
        detail: standing.detail,
    });
    Ok(MoneyView { outlook: outlook::outlook(&facts, now), payout })
}
