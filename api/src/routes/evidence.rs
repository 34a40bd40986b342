//! Evidence from nodes, and reading evidence files.

use axum::Json;
use axum::body::Body as HttpBody;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::Response;
use piecework_domain::ids::{EngagementId, EvidenceHash};
use piecework_domain::sequencer::{CLAIMS_PER_BATCH_MAX, SignedClaim};
use piecework_domain::{Address, canonical, signature};
use piecework_store::{PgConnection, claims as stored_claims, equivocations, evidence as stored};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::lookup;
use crate::error::Problem;
use crate::extract::{Body, Id, Params};
use crate::state::AppState;
use crate::{Error, Result};

/// Of one block. Verifiers look at 100 in an epoch at most.
const REVISIONS_MAX: u64 = 128;
/// Claims one read returns, at most.
const CLAIMS_READ_MAX: i64 = 5_000;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EvidenceBody {
    /// 1 to 500 claims, strictly ascending by number, then revision.
    pub claims: Vec<SignedClaim>,
    /// Takes a claim that contradicts a published one for a race of two companions of one node, not for its word: it is refused like any,
    /// but not kept as proof. Nobody has seen it then, and the bond is safe.
    #[serde(default)]
    pub if_unclaimed: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Names the file of the new claims: `GET /v1/evidence/{hash}`. Absent when none is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceHash>,
    /// Claims that are new.
    pub accepted: u64,
    /// Claims that were stored before: sending again is safe.
    pub known: u64,
}

/// The stored form of a batch.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Batch<'a> {
    kind: &'static str,
    engagement: EngagementId,
    claims: &'a [&'a SignedClaim],
}

/// Block claims of the engagement's node. Authorised by the node's signature on each claim; all are stored or none.
#[utoipa::path(post, path = "/v1/engagements/{id}/evidence", tag = "evidence", params(("id" = String, Path)),
    request_body = EvidenceBody,
    responses((status = 201, body = Receipt), (status = 404, body = Problem), (status = 409, body = Problem),
              (status = 413, body = Problem), (status = 422, body = Problem), (status = 400, body = Problem)))]
pub async fn post(
    State(state): State<AppState>,
    Id(id): Id<EngagementId>,
    Body(EvidenceBody { claims, if_unclaimed }): Body<EvidenceBody>,
) -> Result<(StatusCode, Json<Receipt>)> {
    check_shape(&claims)?;
    let mut db = lookup::db(&state.pool).await?;
    let row = lookup::engagement_not_closed(&mut db, id).await?;
    let stored = stored_claims::of(&mut db, id, &claims).await?;
    // What follows takes its time: others need the connection.
    drop(db);
    for claim in claims.iter().filter(|claim| known(&stored, claim) != Some(claim)) {
        signature::verify(row.engagement.bid.node, claim.claim().digest(id, &state.chain.domain), &claim.signature)
            .map_err(|err| Error::signature(&format!("node (block {})", claim.number), &err))?;
    }
    if claims.iter().all(|claim| known(&stored, claim).is_some_and(|known| known.block_hash == claim.block_hash)) {
        // Claims are public: anybody can send them again, and nobody waits for that.
        let known = u64::try_from(claims.len()).unwrap_or(u64::MAX);
        return Ok((StatusCode::CREATED, Json(Receipt { evidence: None, accepted: 0, known })));
    }
    // Who waits for another batch of the engagement holds no connection meanwhile.
    let _turn = state.turns.of(id.0).await;
    let mut db_tx = state.pool.begin().await.map_err(piecework_store::Error::from)?;
    stored_claims::lock(&mut db_tx, id).await?;
    let stored = stored_claims::of(&mut db_tx, id, &claims).await?;
    if let Some([first, second]) = conflict(&stored, &claims) {
        let was =
            format!("block {} revision {} was claimed as {} before", first.number, first.revision, first.block_hash);
        if if_unclaimed {
            return Err(Error::conflict("conflicting_claim", format!("{was}: nothing of this batch is kept")));
        }
        // The proof stays, whatever becomes of the batch.
        equivocations::put(&mut db_tx, row.chain_id, id, [first, second]).await?;
        db_tx.commit().await.map_err(piecework_store::Error::from)?;
        let detail = format!("{was}: two hashes for one revision cost the bond");
        return Err(Error::conflict("conflicting_claim", detail));
    }
    let highest = stored_claims::highest(&mut db_tx, id).await?;
    let new = unknown(&stored, highest, &claims)?;
    let accepted = u64::try_from(new.len()).unwrap_or(u64::MAX);
    for claim in &new {
        stored_claims::add(&mut db_tx, id, claim).await?;
    }
    let evidence = match new.is_empty() {
        // Claims are public: storing known ones again would let anyone fill the disk.
        true => None,
        false => Some(store_batch(&mut db_tx, id, row.engagement.bid.node, &new).await?),
    };
    db_tx.commit().await.map_err(piecework_store::Error::from)?;
    let known = u64::try_from(claims.len()).unwrap_or(u64::MAX).saturating_sub(accepted);
    Ok((StatusCode::CREATED, Json(Receipt { evidence, accepted, known })))
}

/// Stores the file of a batch's new claims.
async fn store_batch(
    db: &mut PgConnection,
    id: EngagementId,
    node: Address,
    claims: &[&SignedClaim],
) -> Result<EvidenceHash> {
    let batch = Batch { kind: "block-claims", engagement: id, claims };
    let hash = EvidenceHash(canonical::hash(&batch)?);
    stored::put(db, hash, batch.kind, id, node, &canonical::bytes(&batch)?).await?;
    Ok(hash)
}

fn check_shape(claims: &[SignedClaim]) -> Result<()> {
    if claims.is_empty() || claims.len() > CLAIMS_PER_BATCH_MAX {
        let detail = format!("a batch has 1 to {CLAIMS_PER_BATCH_MAX} claims, this one has {}", claims.len());
        return Err(Error::rule("invalid_batch", detail));
    }
    for pair in claims.windows(2) {
        let [a, b] = [(pair[0].number, pair[0].revision), (pair[1].number, pair[1].revision)];
        if a == b {
            return Err(Error::rule("duplicate_claim", format!("block {} is claimed twice in this batch", a.0)));
        }
        if a > b {
            return Err(Error::rule("claims_out_of_order", format!("block {} comes after block {}", b.0, a.0)));
        }
    }
    if let Some(claim) = claims.iter().find(|claim| claim.revision >= REVISIONS_MAX) {
        let detail = format!("block {} has revisions below {REVISIONS_MAX}, got {}", claim.number, claim.revision);
        return Err(Error::rule("revision_too_high", detail));
    }
    // Evidence is canonical JSON, whose numbers are doubles (RFC 8785).
    match claims.iter().find(|claim| claim.number >= 1 << 53) {
        Some(claim) => Err(Error::rule("number_too_large", format!("block {} is not below 2^53", claim.number))),
        None => Ok(()),
    }
}

fn key(claim: &SignedClaim) -> (u64, u64) {
    (claim.number, claim.revision)
}

/// `stored` is in order.
fn known<'a>(stored: &'a [SignedClaim], claim: &SignedClaim) -> Option<&'a SignedClaim> {
    stored.binary_search_by_key(&key(claim), key).ok().map(|at| &stored[at])
}

/// A stored claim and one that contradicts it.
fn conflict<'a>(stored: &'a [SignedClaim], claims: &'a [SignedClaim]) -> Option<[&'a SignedClaim; 2]> {
    let differs = |claim: &'a SignedClaim| {
        known(stored, claim).filter(|known| known.block_hash != claim.block_hash).map(|known| [known, claim])
    };
    claims.iter().find_map(differs)
}

/// The claims that aren't stored yet. A first claim of a number below the highest is refused.
fn unknown<'a>(
    stored: &[SignedClaim],
    highest: Option<u64>,
    claims: &'a [SignedClaim],
) -> Result<Vec<&'a SignedClaim>> {
    let mut new = Vec::new();
    for claim in claims.iter().filter(|claim| known(stored, claim).is_none()) {
        if claim.revision == 0 && highest.is_some_and(|highest| claim.number <= highest) {
            let detail = format!("block {} comes after block {} was claimed", claim.number, highest.unwrap_or(0));
            return Err(Error::conflict("claims_out_of_order", detail));
        }
        new.push(claim);
    }
    Ok(new)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClaimsParams {
    /// First block number.
    from: u64,
    /// Last block number.
    to: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    /// Ascending by number, then revision; at most 5,000.
    pub claims: Vec<SignedClaim>,
}

/// Stored block claims of a range of numbers.
#[utoipa::path(get, path = "/v1/engagements/{id}/claims", tag = "evidence", params(("id" = String, Path), ClaimsParams),
    responses((status = 200, body = Claims), (status = 404, body = Problem), (status = 400, body = Problem),
              (status = 422, body = Problem)))]
pub async fn claims(
    State(state): State<AppState>,
    Id(id): Id<EngagementId>,
    Params(params): Params<ClaimsParams>,
) -> Result<Json<Claims>> {
    let mut db = lookup::db(&state.pool).await?;
    lookup::engagement(&mut db, id).await?;
    let claims = stored_claims::between(&mut db, id, params.from, params.to, CLAIMS_READ_MAX).await?;
    Ok(Json(Claims { claims }))
}

/// An evidence file: canonical JSON whose keccak256 is its name.
#[utoipa::path(get, path = "/v1/evidence/{hash}", tag = "evidence", params(("hash" = String, Path)),
    responses((status = 200, body = serde_json::Value), (status = 404, body = Problem), (status = 400, body = Problem)))]
pub async fn read(State(state): State<AppState>, Id(hash): Id<EvidenceHash>) -> Result<Response> {
    let mut db = lookup::db(&state.pool).await?;
    let body = stored::get(&mut db, hash).await?;
    let body = body.ok_or_else(|| Error::not_found("evidence_not_found", format!("evidence {hash}")))?;
    Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CACHE_CONTROL, "public, max-age=31536000, immutable")
        .body(HttpBody::from(body))
        .map_err(|err| Error::Failed(Box::new(err)))
}
