//! Block claims. Written by the API.

use piecework_domain::ids::EngagementId;
use piecework_domain::sequencer::SignedClaim;
use sqlx::PgConnection;

use crate::Result;
use crate::convert::{hash, to_i64, to_u64};

/// Makes claims of one engagement wait for each other until the db_tx ends.
pub async fn lock(db: &mut PgConnection, id: EngagementId) -> Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(7003, hashtext(encode($1, 'hex')))", id.0.as_slice())
        .fetch_one(db)
        .await?;
    Ok(())
}

/// Adds a claim that is not stored yet.
pub async fn add(db: &mut PgConnection, id: EngagementId, claim: &SignedClaim) -> Result<()> {
    sqlx::query!(
        "insert into block_claims (engagement_id, number, revision, block_hash, signature) values ($1, $2, $3, $4, $5)",
        id.0.as_slice(),
        to_i64(claim.number)?,
        to_i64(claim.revision)?,
        claim.block_hash.as_slice(),
        claim.signature.as_ref(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A claim's columns as the queries below select them.
struct Stored {
    number: i64,
    revision: i64,
    block_hash: Vec<u8>,
    signature: Vec<u8>,
}

impl Stored {
    fn claim(self) -> Result<SignedClaim> {
        Ok(SignedClaim {
            number: to_u64(self.number)?,
            revision: to_u64(self.revision)?,
            block_hash: hash(&self.block_hash)?,
            signature: self.signature.into(),
        })
    }
}

/// Stored claims with numbers in `[from, to]`, ascending by number, then revision.
pub async fn between(
    db: &mut PgConnection,
    id: EngagementId,
    from: u64,
    to: u64,
    limit: i64,
) -> Result<Vec<SignedClaim>> {
    let rows = sqlx::query_as!(
        Stored,
        "select number, revision, block_hash, signature from block_claims
         where engagement_id = $1 and number between $2 and $3 order by number, revision limit $4",
        id.0.as_slice(),
        to_i64(from)?,
        to_i64(to)?,
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Stored::claim).collect()
}

/// The stored claims of the blocks and revisions that `claims` are about, ascending by number, then revision.
pub async fn of(db: &mut PgConnection, id: EngagementId, claims: &[SignedClaim]) -> Result<Vec<SignedClaim>> {
    let numbers: Vec<i64> = claims.iter().map(|claim| to_i64(claim.number)).collect::<Result<_>>()?;
    let revisions: Vec<i64> = claims.iter().map(|claim| to_i64(claim.revision)).collect::<Result<_>>()?;
    let rows = sqlx::query_as!(
        Stored,
        "select number, revision, block_hash, signature from block_claims
         where engagement_id = $1 and (number, revision) in (select * from unnest($2::bigint[], $3::bigint[]))
         order by number, revision",
        id.0.as_slice(),
        &numbers,
        &revisions,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Stored::claim).collect()
}

/// The highest number claimed so far.
pub async fn highest(db: &mut PgConnection, id: EngagementId) -> Result<Option<u64>> {
    let row = sqlx::query!("select max(number) as number from block_claims where engagement_id = $1", id.0.as_slice())
        .fetch_one(db)
        .await?;
    row.number.map(to_u64).transpose()
}
