//! Verifiers' statements: one signature over all verdicts of a round.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use piecework_domain::ids::{EngagementId, EvidenceHash};
use piecework_domain::merkle::Tree;
use piecework_domain::messages::{Statement, Verdict};
use piecework_domain::report::{Judgement, Observed, Report};
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, Bytes, canonical, rules, signature};
use piecework_store::{PgConnection, dues, engagements, evidence, specs, statements as stored};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use super::lookup;
use crate::error::Problem;
use crate::extract::Body;
use crate::state::{AppState, Chain};
use crate::{Error, Result, clock};

const VERDICTS_MAX: usize = 1_000;
/// Bytes of canonical JSON a report may have: what the database keeps of an evidence file.
const REPORT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Statements whose reports are read at once.
static READING: Semaphore = Semaphore::const_new(4);

/// A verdict and the evidence file it names.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Finding {
    pub verdict: Verdict,
    pub report: Report,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatementBody {
    #[schema(value_type = String)]
    pub verifier: Address,
    pub statement: Statement,
    /// The verifier's EIP-712 signature of the statement, 65 bytes.
    #[schema(value_type = String)]
    pub signature: Bytes,
    /// 1 to 1,000, in the order of the Merkle tree's leaves.
    #[schema(value_type = Vec<Finding>)]
    pub findings: Vec<Unread>,
}

/// A finding whose report is text yet: reading one can take a hundred times its size, which strangers don't get.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unread {
    verdict: Verdict,
    report: Box<RawValue>,
}

impl Unread {
    fn read(self) -> Result<Finding> {
        let text = self.report.get();
        // With room for spaces and escapes: the bytes that count are those of canonical JSON.
        if text.len() > 2 * REPORT_BYTES_MAX {
            return Err(Error::rule(
                "report_too_large",
                format!("a report has at most {REPORT_BYTES_MAX} bytes of canonical JSON"),
            ));
        }
        let report =
            serde_json::from_str(text).map_err(|err| Error::rule("invalid_body", format!("a report: {err}")))?;
        Ok(Finding { verdict: self.verdict, report })
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatementView {
    pub verdicts: u64,
    /// False if the same statement was stored before.
    pub new: bool,
}

/// All verdicts of a verifier's round. Authorised by its signature over their Merkle root; all are stored or none.
#[utoipa::path(post, path = "/v1/statements", tag = "verifiers", request_body = StatementBody,
    responses((status = 201, body = StatementView), (status = 409, body = Problem), (status = 413, body = Problem),
              (status = 422, body = Problem), (status = 400, body = Problem)))]
pub async fn post(
    State(state): State<AppState>,
    Body(body): Body<StatementBody>,
) -> Result<(StatusCode, Json<StatementView>)> {
    let StatementBody { verifier, statement, signature, findings } = body;
    if findings.is_empty() || findings.len() > VERDICTS_MAX {
        let detail = format!("a statement has 1 to {VERDICTS_MAX} verdicts, this one has {}", findings.len());
        return Err(Error::rule("invalid_statement", detail));
    }
    signature::verify(verifier, statement.digest(&state.chain.domain), &signature)
        .map_err(|err| Error::signature("verifier", &err))?;
    let now = clock::now();
    if statement.attested_at > now.plus(clock::SKEW_SECONDS) {
        return Err(Error::rule(
            "attested_in_future",
            format!("attestedAt is {}, now is {now}", statement.attested_at),
        ));
    }
    let tree = Tree::new(findings.iter().map(|f| f.verdict.leaf()).collect());
    let tree = tree.ok_or_else(|| Error::rule("invalid_statement", "no verdicts"))?;
    if tree.root() != statement.root {
        let detail = format!("the verdicts' Merkle root is {}, the statement says {}", tree.root(), statement.root);
        return Err(Error::rule("root_mismatch", detail));
    }

    let mut db_tx = state.pool.begin().await.map_err(piecework_store::Error::from)?;
    let verdicts = u64::try_from(findings.len()).unwrap_or(u64::MAX);
    let Some(id) = stored::put(&mut db_tx, state.chain.id, verifier, &statement, &signature).await? else {
        return Ok((StatusCode::CREATED, Json(StatementView { verdicts, new: false })));
    };
    let mut rows = Vec::with_capacity(findings.len());
    for finding in &findings {
        rows.push(judged_by(&mut db_tx, verifier, finding.verdict.engagement).await?);
    }
    // One at a time is in memory.
    let _turn = READING.acquire().await.map_err(|err| Error::Failed(Box::new(err)))?;
    let mut looks = Vec::with_capacity(findings.len());
    for (index, (finding, row)) in findings.into_iter().zip(rows).enumerate() {
        let finding = tokio::task::block_in_place(|| finding.read())?;
        let report = file(&finding.report)?;
        let (judgement, matures_at) = check(&mut db_tx, &state.chain, verifier, &statement, &row, &finding).await?;
        // What proves nothing more pays nothing more.
        let Report { units_before, faults_before, .. } = finding.report;
        if (finding.verdict.units, finding.verdict.faults) != (units_before, faults_before) {
            looks.push((finding.verdict.engagement, matures_at));
        }
        let verdict = &finding.verdict;
        let kind = finding.report.observed.kind();
        evidence::put(&mut db_tx, verdict.evidence, kind, verdict.engagement, verifier, &report).await?;
        stored::add_verdict(&mut db_tx, id, verifier, verdict, &judgement, &tree.proof(index)).await?;
    }
    // With the verdicts or not at all: no payout is forgotten.
    dues::announce(&mut db_tx, state.chain.id, &looks).await?;
    db_tx.commit().await.map_err(piecework_store::Error::from)?;
    Ok((StatusCode::CREATED, Json(StatementView { verdicts, new: true })))
}

/// The evidence file that a report is stored as: what anyone who reads it can judge again.
fn file(report: &Report) -> Result<Vec<u8>> {
    let body = canonical::bytes(report)?;
    if body.len() > REPORT_BYTES_MAX {
        let detail =
            format!("a report has at most {REPORT_BYTES_MAX} bytes of canonical JSON, this one has {}", body.len());
        return Err(Error::rule("report_too_large", detail));
    }
    // Canonical JSON's numbers are doubles (RFC 8785): a larger integer is written as another one.
    if serde_json::from_slice::<Report>(&body).ok().as_ref() != Some(report) {
        let detail = "the report has a number that canonical JSON can't hold";
        return Err(Error::rule("number_too_large", detail));
    }
    Ok(body)
}

/// Only members of an engagement's set speak about it.
async fn judged_by(db: &mut PgConnection, verifier: Address, id: EngagementId) -> Result<engagements::Row> {
    let row = lookup::engagement(db, id).await?;
    if !row.engagement.verifiers.contains(verifier) {
        return Err(Error::rule("not_verifier", format!("{verifier} is not in the verifier set of engagement {id}")));
    }
    Ok(row)
}

/// A verdict must be within its engagement's clock, above the verifier's last one, and be what its own evidence adds up to. Returns the judgement and when the verdict's window will have passed.
async fn check(
    db: &mut PgConnection,
    chain: &Chain,
    verifier: Address,
    statement: &Statement,
    row: &engagements::Row,
    Finding { verdict, report }: &Finding,
) -> Result<(Judgement, Timestamp)> {
    let hash = EvidenceHash(canonical::hash(report)?);
    if hash != verdict.evidence {
        let detail = format!("the report's hash is {hash}, the verdict names {}", verdict.evidence);
        return Err(Error::rule("evidence_mismatch", detail));
    }
    check_window(row, statement, verdict)?;
    check_report(db, chain, verifier, row, verdict, report).await?;

    // Many signatures: other requests move to other threads meanwhile.
    let judgement = tokio::task::block_in_place(|| report.judge());
    let (units, faults) = (report.units(&judgement), report.faults(&judgement));
    if (verdict.units, verdict.faults) != (units, faults) {
        let detail = format!(
            "the report adds up to {units} units and {faults} faults, the verdict says {} and {}",
            verdict.units, verdict.faults
        );
        return Err(Error::rule("verdict_mismatch", detail));
    }
    Ok((judgement, statement.attested_at.plus(row.terms.challenge_seconds.into())))
}

fn check_window(row: &engagements::Row, statement: &Statement, verdict: &Verdict) -> Result<()> {
    let e = &row.engagement;
    let window = rules::epoch_window(&row.terms, e.started_at, e.ends_at, verdict.epoch);
    let (_, to) = window.ok_or_else(|| {
        Error::rule("no_such_epoch", format!("epoch {} begins at or after the engagement's end", verdict.epoch))
    })?;
    if statement.attested_at < to {
        return Err(Error::rule("epoch_not_over", format!("epoch {} runs until {to}", verdict.epoch)));
    }
    let cap = cap_at(row, to);
    if verdict.units > cap {
        let detail =
            format!("the clock allows {cap} units by the end of epoch {}, got {}", verdict.epoch, verdict.units);
        return Err(Error::rule("above_clock_cap", detail));
    }
    Ok(())
}

/// Nobody is judged by what another's endpoint answered.
fn is_endpoint_signed(chain: &Chain, report: &Report) -> bool {
    let Observed::Rpc(observed) = &report.observed else { return true };
    observed.endpoint.as_ref().is_none_or(|endpoint| {
        let digest = endpoint.digest(report.engagement, &chain.domain);
        signature::verify(report.node, digest, &endpoint.signature).is_ok()
    })
}

/// The same without extensions.
fn cap_before(row: &engagements::Row, time: Timestamp) -> u64 {
    let e = &row.engagement;
    rules::units_cap(&row.terms, row.terms.units_max, e.started_at, e.ends_at, time)
}

/// Most units the clock allows by `time`: an extension reserves more than the terms say, and an end shrinks the reserve after
/// verifiers have judged.
fn cap_at(row: &engagements::Row, time: Timestamp) -> u64 {
    let e = &row.engagement;
    rules::units_cap(&row.terms, row.terms.units_max.max(e.units_max), e.started_at, e.ends_at, time)
}

async fn check_report(
    db: &mut PgConnection,
    chain: &Chain,
    verifier: Address,
    row: &engagements::Row,
    verdict: &Verdict,
    report: &Report,
) -> Result<()> {
    let e = &row.engagement;
    let spec = specs::get(db, &[row.terms.spec_hash]).await?.remove(&row.terms.spec_hash);
    let last = stored::last_verdict(db, e.id, verifier).await?;
    let (units_before, faults_before) = last.as_ref().map_or((0, 0), |last| (last.units, last.faults));
    if let Some(last) = last.as_ref().filter(|last| last.epoch >= verdict.epoch) {
        let detail = format!("epoch {} of engagement {} is judged already", last.epoch, e.id);
        return Err(Error::conflict("epoch_already_judged", detail));
    }
    let window = rules::epoch_window(&row.terms, e.started_at, e.ends_at, verdict.epoch);
    let length = u64::from(row.terms.epoch_seconds);
    let whole = window.is_some_and(|(from, to)| to.since(from) == length);
    let expected = [
        ("engagement", report.engagement == e.id),
        ("verifier", report.verifier == verifier),
        ("node", report.node == e.bid.node),
        ("chainId", report.chain_id == chain.id),
        ("escrow", report.escrow == chain.escrow),
        ("epoch", report.epoch == verdict.epoch),
        ("from, to", window == Some((report.from, report.to))),
        ("whole", report.whole == whole),
        ("spec", spec == Some(report.observed.spec())),
        ("endpoint", is_endpoint_signed(chain, report)),
        // It may have been judged before an extension.
        ("unitsCap", window.is_some_and(|(_, to)| (cap_before(row, to)..=cap_at(row, to)).contains(&report.units_cap))),
        ("unitsBefore", report.units_before == units_before),
        ("faultsBefore", report.faults_before == faults_before),
    ];
    match expected.iter().find(|(_, holds)| !holds) {
        Some((field, _)) => {
            Err(Error::rule("report_mismatch", format!("the report's {field} is not the engagement's")))
        }
        None => Ok(()),
    }
}
