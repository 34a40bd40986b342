//! Nodes that signed two blocks for one place in their chain. Written by the API, which sees both claims; the worker reports them.

use piecework_domain::ids::EngagementId;
use piecework_domain::sequencer::SignedClaim;
use piecework_domain::{B256, Bytes};
use sqlx::PgConnection;

use crate::convert::{hash, to_i64, to_u64};
use crate::{Error, Result};

/// Two signed claims of one number and revision with different hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equivocation {
    pub engagement: EngagementId,
    pub number: u64,
    pub revision: u64,
    /// Each hash with the node's signature.
    pub claims: [(B256, Bytes); 2],
}

/// Stores the first of an engagement; later ones cost nothing more.
pub async fn put(
    db: &mut PgConnection,
    chain_id: u64,
    id: EngagementId,
    [first, second]: [&SignedClaim; 2],
) -> Result<()> {
    sqlx::query!(
        "insert into equivocations (engagement_id, chain_id, number, revision, hashes, signatures) values ($1, $2, $3, $4, $5, $6)
         on conflict (engagement_id) do nothing",
        id.0.as_slice(),
        to_i64(chain_id)?,
        to_i64(first.number)?,
        to_i64(first.revision)?,
        &[first.block_hash.to_vec(), second.block_hash.to_vec()],
        &[first.signature.to_vec(), second.signature.to_vec()],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What is known against an engagement's node.
pub async fn get(db: &mut PgConnection, id: EngagementId) -> Result<Option<Equivocation>> {
    let row = sqlx::query_as!(
        Stored,
        "select engagement_id, number, revision, hashes, signatures from equivocations where engagement_id = $1",
        id.0.as_slice()
    )
    .fetch_optional(db)
    .await?;
    row.map(Stored::equivocation).transpose()
}

/// Takes those that are due for this db_tx; other workers skip them.
pub async fn take(db: &mut PgConnection, chain_id: u64, limit: i64) -> Result<Vec<Equivocation>> {
    let rows = sqlx::query_as!(
        Stored,
        "select engagement_id, number, revision, hashes, signatures from equivocations
         where chain_id = $1 and due_at <= now() order by due_at limit $2 for update skip locked",
        to_i64(chain_id)?,
        limit
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Stored::equivocation).collect()
}

/// Asks for the next look after `seconds`; for none where that is `None`.
pub async fn wait(db: &mut PgConnection, id: EngagementId, seconds: Option<u32>) -> Result<()> {
    sqlx::query!(
        "update equivocations set due_at = coalesce(now() + $2::float8 * interval '1 second', 'infinity') where engagement_id = $1",
        id.0.as_slice(),
        seconds.map(f64::from),
    )
    .execute(db)
    .await?;
    Ok(())
}

struct Stored {
    engagement_id: Vec<u8>,
    number: i64,
    revision: i64,
    hashes: Vec<Vec<u8>>,
    signatures: Vec<Vec<u8>>,
}

impl Stored {
    fn equivocation(self) -> Result<Equivocation> {
        let claims =
            self.hashes.iter().zip(self.signatures).map(|(block, signature)| Ok((hash(block)?, signature.into())));
        let claims: Vec<_> = claims.collect::<Result<_>>()?;
        Ok(Equivocation {
            engagement: EngagementId(hash(&self.engagement_id)?),
            number: to_u64(self.number)?,
            revision: to_u64(self.revision)?,
            claims: claims.try_into().map_err(|_| Error::Corrupt("equivocation"))?,
        })
    }
}
