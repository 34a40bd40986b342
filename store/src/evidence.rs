//! Evidence files by hash. Written by the API, never rewritten.

use piecework_domain::Address;
use piecework_domain::ids::{EngagementId, EvidenceHash};
use sqlx::PgConnection;

use crate::Result;

/// Stores a file under the keccak256 of its canonical bytes; storing it again changes nothing.
pub async fn put(
    db: &mut PgConnection,
    hash: EvidenceHash,
    kind: &str,
    engagement: EngagementId,
    author: Address,
    body: &[u8],
) -> Result<()> {
    sqlx::query!(
        "insert into evidence (hash, kind, engagement_id, author, body) values ($1, $2, $3, $4, $5)
         on conflict (hash) do nothing",
        hash.0.as_slice(),
        kind,
        engagement.0.as_slice(),
        author.as_slice(),
        body,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The canonical bytes of a file.
pub async fn get(db: &mut PgConnection, hash: EvidenceHash) -> Result<Option<Vec<u8>>> {
    let row = sqlx::query!("select body from evidence where hash = $1", hash.0.as_slice()).fetch_optional(db).await?;
    Ok(row.map(|row| row.body))
}
