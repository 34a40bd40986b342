//! Specs by hash. Written by the API.

use std::collections::HashMap;

use piecework_domain::ids::SpecHash;
use piecework_domain::spec::Spec;
use sqlx::PgConnection;

use crate::convert::{hash, to_i64};
use crate::{Error, Result};

/// Stores a spec under its hash; storing it again changes nothing. `body` is its canonical JSON.
pub async fn put(db: &mut PgConnection, spec_hash: SpecHash, spec: &Spec, body: &[u8]) -> Result<()> {
    sqlx::query!(
        "insert into specs (hash, kind, title, chain_id, body, search) values ($1, $2, $3, $4, $5, to_tsvector('simple', $6))
         on conflict (hash) do nothing",
        spec_hash.0.as_slice(),
        spec.kind(),
        spec.title(),
        to_i64(spec.chain_id())?,
        body,
        // PostgreSQL's text can't hold NUL.
        format!("{} {}", spec.title(), spec.description()).replace('\0', " "),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Those of the specs that are stored.
pub async fn get(db: &mut PgConnection, hashes: &[SpecHash]) -> Result<HashMap<SpecHash, Spec>> {
    let hashes: Vec<_> = hashes.iter().map(|hash| hash.0.to_vec()).collect();
    let rows = sqlx::query!("select hash, body from specs where hash = any($1)", &hashes).fetch_all(db).await?;
    let specs = rows.into_iter().map(|row| {
        let spec = Spec::parse(&row.body).map_err(|_| Error::Corrupt("spec"))?;
        Ok((SpecHash(hash(&row.hash)?), spec))
    });
    specs.collect()
}
