//! Specs by hash. Written by the API.

use piecework_domain::ids::SpecHash;
use piecework_domain::spec::Spec;
use sqlx::PgConnection;

use crate::{Error, Result};

/// Stores a spec under its hash; storing it again changes nothing. `body` is its canonical JSON.
pub async fn put(db: &mut PgConnection, hash: SpecHash, spec: &Spec, body: &[u8]) -> Result<()> {
    sqlx::query!(
        "insert into specs (hash, kind, title, body) values ($1, $2, $3, $4) on conflict (hash) do nothing",
        hash.0.as_slice(),
        spec.kind(),
        spec.title(),
        body,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn get(db: &mut PgConnection, hash: SpecHash) -> Result<Option<Spec>> {
    let row = sqlx::query!("select body from specs where hash = $1", hash.0.as_slice()).fetch_optional(db).await?;
    row.map(|row| Spec::parse(&row.body).map_err(|_| Error::Corrupt("spec"))).transpose()
}
