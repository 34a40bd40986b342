//! Specs by hash. Written by the API.

use std::collections::HashMap;

use piecework_domain::ids::SpecHash;
use piecework_domain::spec::Spec;
use sqlx::PgConnection;

use crate::convert::{hash, to_i64};
use crate::{Error, Result};

/// Stores a spec under its hash, or says that it was announced again. `body` is its canonical JSON.
pub async fn put(db: &mut PgConnection, spec_hash: SpecHash, spec: &Spec, body: &[u8]) -> Result<()> {
    sqlx::query!(
        "insert into specs (hash, kind, title, chain_id, body, search) values ($1, $2, $3, $4, $5, to_tsvector('simple', $6))
         on conflict (hash) do update set announced_at = now() where specs.announced_at < now() - interval '1 minute'",
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

/// Forgets specs of no offer and no bounty, a week after they were last announced. Returns how many were looked at.
pub async fn forget(db: &mut PgConnection, limit: i64) -> Result<i64> {
    let row = sqlx::query!(
        r#"with old as (select hash from specs where not kept and announced_at < now() - interval '7 days'
                        order by announced_at limit $1 for update skip locked),
                posted as (select hash from old where exists (select from bounty_versions b where b.spec_hash = hash)),
                offered as (select hash from old where exists (select from offers o where o.spec_hash = hash)),
                stay as (update specs set kept = hash in (select hash from posted), announced_at = now()
                         where hash in (select hash from posted union select hash from offered)),
                gone as (delete from specs where hash in
                         (select hash from old except select hash from posted except select hash from offered))
           select count(*) as "looked_at!" from old"#,
        limit
    )
    .fetch_one(db)
    .await?;
    Ok(row.looked_at)
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
