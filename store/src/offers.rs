//! Announced terms. Written by the API; the worker watches their deposit addresses.

use std::collections::HashMap;

use piecework_domain::Address;
use piecework_domain::ids::BountyId;
use piecework_domain::money::Amount;
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::time::Timestamp;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::Result;
use crate::convert::{address, amount, hash, to_i64, to_time};

/// An offer as announced.
#[derive(Clone, Debug)]
pub struct Offer {
    pub bounty: BountyId,
    pub chain_id: u64,
    pub terms: Terms,
    pub verifiers: VerifierSet,
    pub deposit_address: Address,
    /// What fills every seat at the highest rate.
    pub cost: Amount,
}

/// Stores an offer, or says that it was announced again. Its spec must be stored already.
pub async fn put(db: &mut PgConnection, offer: &Offer) -> Result<()> {
    sqlx::query!(
        "insert into offers (bounty_id, chain_id, terms, verifiers, spec_hash, deposit_address, cost, open_until)
         values ($1, $2, $3, $4, $5, $6, $7::text::numeric, $8)
         on conflict (bounty_id) do update set announced_at = now(), next_look_at = now()
         where offers.announced_at < now() - interval '1 minute'",
        offer.bounty.0.as_slice(),
        to_i64(offer.chain_id)?,
        Json(&offer.terms) as _,
        Json(&offer.verifiers) as _,
        offer.terms.spec_hash.0.as_slice(),
        offer.deposit_address.as_slice(),
        offer.cost.to_string(),
        to_time(offer.terms.open_until),
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn get(db: &mut PgConnection, id: BountyId) -> Result<Option<Offer>> {
    let row = sqlx::query!(
        r#"select chain_id, terms as "terms: Json<Terms>", verifiers as "verifiers: Json<VerifierSet>", deposit_address,
                  cost::text as "cost!" from offers where bounty_id = $1"#,
        id.0.as_slice()
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(Offer {
            bounty: id,
            chain_id: crate::convert::to_u64(row.chain_id)?,
            terms: row.terms.0,
            verifiers: row.verifiers.0,
            deposit_address: address(&row.deposit_address)?,
            cost: amount(&row.cost)?,
        })
    })
    .transpose()
}

/// The verifier sets of those bounties that were announced.
pub async fn verifiers(db: &mut PgConnection, ids: &[BountyId]) -> Result<HashMap<BountyId, VerifierSet>> {
    let ids: Vec<_> = ids.iter().map(|id| id.0.to_vec()).collect();
    let rows = sqlx::query!(
        r#"select bounty_id, verifiers as "verifiers: Json<VerifierSet>" from offers where bounty_id = any($1)"#,
        &ids
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| Ok((BountyId(hash(&row.bounty_id)?), row.verifiers.0))).collect()
}

/// Forgets offers that nobody paid for in the week since they were last announced: whose money comes later announces them again. Returns
/// how many were looked at.
pub async fn forget(db: &mut PgConnection, limit: i64) -> Result<i64> {
    let row = sqlx::query!(
        r#"with old as (select bounty_id from offers where not kept and announced_at < now() - interval '7 days'
                        order by announced_at limit $1 for update skip locked),
                posted as (select bounty_id from old where exists (select from bounty_versions b where b.id = bounty_id)
                           or exists (select from x402_payments p where p.bounty_id = old.bounty_id and p.state <> 'failed')),
                stay as (update offers set kept = true where bounty_id in (select bounty_id from posted)),
                gone as (delete from offers where bounty_id in (select bounty_id from old except select bounty_id from posted))
           select count(*) as "looked_at!" from old"#,
        limit
    )
    .fetch_one(db)
    .await?;
    Ok(row.looked_at)
}

/// Takes offers whose deposits are to be looked at, still open at `now`, the longest waiting first. Each is taken again after a pause that
/// grows to ten minutes as the announcement gets older.
pub async fn watched(db: &mut PgConnection, chain_id: u64, now: Timestamp, limit: i64) -> Result<Vec<Offer>> {
    let rows = sqlx::query!(
        r#"with taken as (
               update offers set next_look_at = now() + least(interval '10 minutes', (now() - announced_at) / 60)
               where bounty_id in (select bounty_id from offers where chain_id = $1 and next_look_at <= now() and open_until > $2
                                   order by next_look_at limit $3 for update skip locked)
               returning *)
           select bounty_id, terms as "terms: Json<Terms>", verifiers as "verifiers: Json<VerifierSet>", deposit_address,
                  cost::text as "cost!"
           from taken"#,
        to_i64(chain_id)?,
        to_time(now),
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Offer {
                bounty: BountyId(hash(&row.bounty_id)?),
                chain_id,
                terms: row.terms.0,
                verifiers: row.verifiers.0,
                deposit_address: address(&row.deposit_address)?,
                cost: amount(&row.cost)?,
            })
        })
        .collect()
}
