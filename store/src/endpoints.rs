//! Where nodes serve. Written by the API.

use std::collections::HashMap;

use piecework_domain::ids::EngagementId;
use piecework_domain::messages::SignedEndpoint;
use sqlx::PgConnection;

use crate::Result;
use crate::convert::{hash, to_time, to_timestamp};

/// Stores where an engagement's node serves unless a later word of it is stored. Returns whether it was newer.
pub async fn put(db: &mut PgConnection, id: EngagementId, endpoint: &SignedEndpoint) -> Result<bool> {
    let done = sqlx::query!(
        "insert into endpoints (engagement_id, url, since, signature) values ($1, $2, $3, $4)
         on conflict (engagement_id) do update set url = excluded.url, since = excluded.since, signature = excluded.signature
         where endpoints.since < excluded.since",
        id.0.as_slice(),
        endpoint.url,
        to_time(endpoint.since),
        endpoint.signature.as_ref(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Those that are known.
pub async fn get(db: &mut PgConnection, ids: &[EngagementId]) -> Result<HashMap<EngagementId, SignedEndpoint>> {
    let ids: Vec<_> = ids.iter().map(|id| id.0.to_vec()).collect();
    let rows =
        sqlx::query!("select engagement_id, url, since, signature from endpoints where engagement_id = any($1)", &ids)
            .fetch_all(db)
            .await?;
    let endpoints = rows.into_iter().map(|row| {
        let since = to_timestamp(row.since)?;
        let endpoint = SignedEndpoint { url: row.url, since, signature: row.signature.into() };
        Ok((EngagementId(hash(&row.engagement_id)?), endpoint))
    });
    endpoints.collect()
}
