//! Lookups that several routes share.

use piecework_domain::Address;
use piecework_domain::chain::Bounty;
use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::time::Timestamp;
use piecework_store::chains::Cursor;
use piecework_store::engagements::Filter;
use piecework_store::{PgConnection, PgPool, PoolConnection, bounties, chains, engagements, offers};

use crate::views::rfc3339;
use crate::{Error, Result};

pub async fn db(pool: &PgPool) -> Result<PoolConnection> {
    pool.acquire().await.map_err(|err| piecework_store::Error::from(err).into())
}

/// The mirror's cursor; until the first block is indexed there is nothing to answer from.
pub async fn cursor(db: &mut PgConnection, chain_id: u64) -> Result<Cursor> {
    let not_ready = || Error::Unavailable("no block is indexed yet".into());
    chains::cursor(db, chain_id).await?.ok_or_else(not_ready)
}

pub async fn bounty(db: &mut PgConnection, id: BountyId) -> Result<bounties::Row> {
    let row = bounties::get(db, id).await?;
    row.ok_or_else(|| Error::not_found("bounty_not_found", format!("bounty {id} on chain")))
}

pub async fn engagement(db: &mut PgConnection, id: EngagementId) -> Result<engagements::Row> {
    let row = engagements::get(db, id).await?;
    row.ok_or_else(|| Error::not_found("engagement_not_found", format!("engagement {id}")))
}

/// A bounty's verifier set, from its announcement or from any of its engagements.
pub async fn verifiers(db: &mut PgConnection, id: BountyId) -> Result<Option<VerifierSet>> {
    if let Some(offer) = offers::get(db, id).await? {
        return Ok(Some(offer.verifiers));
    }
    let filter = Filter { bounty: Some(id), ..Filter::default() };
    Ok(engagements::list(db, &filter, 1).await?.into_iter().next().map(|row| row.engagement.verifiers))
}

/// Terms of a bounty that is announced or posted.
pub async fn terms(db: &mut PgConnection, id: BountyId) -> Result<Terms> {
    if let Some(row) = bounties::get(db, id).await? {
        return Ok(row.bounty.terms);
    }
    let offer = offers::get(db, id).await?;
    let offer = offer.ok_or_else(|| Error::not_found("bounty_not_found", format!("bounty {id}")))?;
    Ok(offer.terms)
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
