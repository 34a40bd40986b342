//! Statements and their verdicts. Written by the API, never rewritten.

use piecework_domain::ids::{EngagementId, EvidenceHash};
use piecework_domain::messages::{Statement, Verdict};
use piecework_domain::report::{Judgement, Refusal};
use piecework_domain::time::Timestamp;
use piecework_domain::voucher::AttestedVerdict;
use piecework_domain::{Address, B256, Bytes};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::Result;
use crate::convert::{address, hash, to_i64, to_time, to_timestamp, to_u64};
use crate::error::OnConstraint;

/// Refusals kept of a verdict, the first ones: all of them are in its evidence file.
const REFUSALS_KEPT: usize = 50;

/// Stores a statement. `None` if it is stored already.
pub async fn put(
    db: &mut PgConnection,
    chain_id: u64,
    verifier: Address,
    statement: &Statement,
    signature: &Bytes,
) -> Result<Option<i64>> {
    let row = sqlx::query!(
        "insert into statements (chain_id, verifier, root, attested_at, signature) values ($1, $2, $3, $4, $5)
         on conflict on constraint statement_once do nothing returning id",
        to_i64(chain_id)?,
        verifier.as_slice(),
        statement.root.as_slice(),
        to_time(statement.attested_at),
        signature.as_ref(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| row.id))
}

/// Adds a verdict of a stored statement. A second one for its epoch is `Conflict("epoch_already_judged")`.
pub async fn add_verdict(
    db: &mut PgConnection,
    statement: i64,
    verifier: Address,
    verdict: &Verdict,
    judgement: &Judgement,
    proof: &[B256],
) -> Result<()> {
    let proof: Vec<Vec<u8>> = proof.iter().map(|node| node.to_vec()).collect();
    sqlx::query!(
        "insert into verdicts (engagement_id, verifier, epoch, units, faults, evidence_hash, counted, fault, refused, proof,
                               statement_id, refused_count)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        verdict.engagement.0.as_slice(),
        verifier.as_slice(),
        to_i64(verdict.epoch)?,
        to_i64(verdict.units)?,
        to_i64(verdict.faults)?,
        verdict.evidence.0.as_slice(),
        to_i64(judgement.counted)?,
        judgement.fault,
        Json(&judgement.refused[..judgement.refused.len().min(REFUSALS_KEPT)]) as _,
        &proof,
        statement,
        i64::try_from(judgement.refused.len()).unwrap_or(i64::MAX),
    )
    .execute(db)
    .await
    .on_constraint("verdict_once", "epoch_already_judged")?;
    Ok(())
}

/// The newest verdict of a verifier on an engagement.
pub async fn last_verdict(db: &mut PgConnection, id: EngagementId, verifier: Address) -> Result<Option<Verdict>> {
    let row = sqlx::query!(
        "select epoch, units, faults, evidence_hash from verdicts
         where engagement_id = $1 and verifier = $2 order by epoch desc limit 1",
        id.0.as_slice(),
        verifier.as_slice(),
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(Verdict {
            engagement: id,
            epoch: to_u64(row.epoch)?,
            units: to_u64(row.units)?,
            faults: to_u64(row.faults)?,
            evidence: EvidenceHash(hash(&row.evidence_hash)?),
        })
    })
    .transpose()
}

/// Each verifier's last `depth` verdicts on an engagement that were attested until then.
pub async fn attested(
    db: &mut PgConnection,
    id: EngagementId,
    until: Timestamp,
    depth: i64,
) -> Result<Vec<AttestedVerdict>> {
    let rows = sqlx::query!(
        r#"select v.verifier, v.epoch, v.units, v.faults, v.evidence_hash, v.proof, s.root, s.attested_at, s.signature
           from (select v.*, row_number() over (partition by v.verifier order by v.epoch desc) as age
                 from verdicts v join statements s on s.id = v.statement_id
                 where v.engagement_id = $1 and s.attested_at <= $3) v
           join statements s on s.id = v.statement_id
           where v.age <= $2"#,
        id.0.as_slice(),
        depth,
        to_time(until),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(AttestedVerdict {
                verifier: address(&row.verifier)?,
                statement: Statement { root: hash(&row.root)?, attested_at: to_timestamp(row.attested_at)? },
                signature: row.signature.into(),
                verdict: Verdict {
                    engagement: id,
                    epoch: to_u64(row.epoch)?,
                    units: to_u64(row.units)?,
                    faults: to_u64(row.faults)?,
                    evidence: EvidenceHash(hash(&row.evidence_hash)?),
                },
                proof: row.proof.iter().map(|node| hash(node)).collect::<Result<_>>()?,
            })
        })
        .collect()
}

/// When the first of an engagement's verdicts attested after `after` was attested.
pub async fn next_attested(db: &mut PgConnection, id: EngagementId, after: Timestamp) -> Result<Option<Timestamp>> {
    let row = sqlx::query!(
        "select min(s.attested_at) as at from verdicts v join statements s on s.id = v.statement_id
         where v.engagement_id = $1 and s.attested_at > $2",
        id.0.as_slice(),
        to_time(after),
    )
    .fetch_one(db)
    .await?;
    row.at.map(to_timestamp).transpose()
}

/// One verifier's finding for one epoch.
#[derive(Clone, Debug)]
pub struct Finding {
    pub verifier: Address,
    pub epoch: u64,
    pub units: u64,
    pub faults: u64,
    pub counted: u64,
    pub fault: bool,
    /// The first of them.
    pub refused: Vec<Refusal>,
    pub refused_count: u64,
    pub evidence: EvidenceHash,
}

/// Findings for the epochs `from` up to but not including `to`, by epoch, then verifier.
pub async fn findings(db: &mut PgConnection, id: EngagementId, from: u64, to: u64) -> Result<Vec<Finding>> {
    let rows = sqlx::query!(
        r#"select verifier, epoch, units, faults, counted, fault, refused as "refused: Json<Vec<Refusal>>", refused_count,
                  evidence_hash
           from verdicts where engagement_id = $1 and epoch >= $2 and epoch < $3 order by epoch, verifier"#,
        id.0.as_slice(),
        to_i64(from)?,
        to_i64(to)?,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Finding {
                verifier: address(&row.verifier)?,
                epoch: to_u64(row.epoch)?,
                units: to_u64(row.units)?,
                faults: to_u64(row.faults)?,
                counted: to_u64(row.counted)?,
                fault: row.fault,
                refused: row.refused.0,
                refused_count: to_u64(row.refused_count)?,
                evidence: EvidenceHash(hash(&row.evidence_hash)?),
            })
        })
        .collect()
}
