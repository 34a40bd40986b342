//! Epochs that posters know to be bad, and how verifiers judged them. Written by the API.

use piecework_domain::canary::{Opening, SignedCanary};
use piecework_domain::ids::EngagementId;
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, B256};
use sqlx::PgConnection;

use crate::Result;
use crate::convert::{address, hash, to_i64, to_timestamp, to_u64};

/// A commitment, and what it was to once its poster said so.
#[derive(Clone, Debug)]
pub struct Canary {
    pub commitment: B256,
    pub committed_at: Timestamp,
    pub opened: Option<(Timestamp, Opening)>,
}

/// Stores a commitment. False if it is stored already.
pub async fn commit(db: &mut PgConnection, id: EngagementId, canary: &SignedCanary) -> Result<bool> {
    let done = sqlx::query!(
        "insert into canaries (engagement_id, commitment, signature) values ($1, $2, $3) on conflict do nothing",
        id.0.as_slice(),
        canary.commitment.as_slice(),
        canary.signature.as_ref(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Stores what a commitment was to; the first word stands.
pub async fn open(db: &mut PgConnection, id: EngagementId, commitment: B256, opening: &Opening) -> Result<()> {
    sqlx::query!(
        "update canaries set opened_at = now(), epoch = $3, units_max = $4, salt = $5
         where engagement_id = $1 and commitment = $2 and opened_at is null",
        id.0.as_slice(),
        commitment.as_slice(),
        to_i64(opening.epoch)?,
        to_i64(opening.units_max)?,
        opening.salt.as_slice(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// An engagement's canaries, oldest first; all of them, since their number is bounded.
pub async fn of_engagement(db: &mut PgConnection, id: EngagementId) -> Result<Vec<Canary>> {
    let rows = sqlx::query!(
        "select commitment, committed_at, opened_at, epoch, units_max, salt from canaries
         where engagement_id = $1 order by committed_at, commitment",
        id.0.as_slice()
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let opened = match (row.opened_at, row.epoch, row.units_max, row.salt) {
                (Some(at), Some(epoch), Some(units_max), Some(salt)) => {
                    let opening = Opening { epoch: to_u64(epoch)?, units_max: to_u64(units_max)?, salt: hash(&salt)? };
                    Some((to_timestamp(at)?, opening))
                }
                _ => None,
            };
            Ok(Canary { commitment: hash(&row.commitment)?, committed_at: to_timestamp(row.committed_at)?, opened })
        })
        .collect()
}

/// How a verifier judged epochs that one poster knew to be bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    pub poster: Address,
    pub caught: u64,
    pub missed: u64,
}

/// A verifier's scores by poster. A verdict given after its canary was opened says nothing.
pub async fn scores(db: &mut PgConnection, verifier: Address) -> Result<Vec<Score>> {
    let rows = sqlx::query!(
        r#"select b.poster, count(*) filter (where v.counted <= c.units_max) as "caught!",
                  count(*) filter (where v.counted > c.units_max) as "missed!"
           from canaries c
           join verdicts v on v.engagement_id = c.engagement_id and v.verifier = $1 and v.epoch = c.epoch
           join statements s on s.id = v.statement_id
           join engagements e on e.id = c.engagement_id
           join bounties b on b.id = e.bounty_id
           where c.opened_at > s.created_at
           group by b.poster order by b.poster"#,
        verifier.as_slice()
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Score { poster: address(&row.poster)?, caught: to_u64(row.caught)?, missed: to_u64(row.missed)? })
        })
        .collect()
}
