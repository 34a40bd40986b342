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

/// Stores an offer; storing it again changes nothing. Its spec must be stored already.
pub async fn put(db: &mut PgConnection, offer: &Offer) -> Result<()> {
    sqlx::query!(
        "insert into offers (bounty_id, chain_id, terms, verifiers, spec_hash, deposit_address, cost, open_until)
         values ($1, $2, $3, $4, $5, $6, $7::text::numeric, $8) on conflict (bounty_id) do nothing",
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

/// Offers whose deposits are worth looking at: still open at `now`, in id order after `after`.
pub async fn watched(
    db: &mut PgConnection,
    chain_id: u64,
    now: Timestamp,
    after: Option<BountyId>,
    limit: i64,
) -> Result<Vec<Offer>> {
    let rows = sqlx::query!(
        r#"select bounty_id, terms as "terms: Json<Terms>", verifiers as "verifiers: Json<VerifierSet>", deposit_address,
                  cost::text as "cost!"
           from offers where chain_id = $1 and open_until > $2 and ($3::bytea is null or bounty_id > $3)
           order by bounty_id limit $4"#,
        to_i64(chain_id)?,
        to_time(now),
        after.as_ref().map(|id| id.0.as_slice()),
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
