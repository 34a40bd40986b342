//! Canaries: epochs that a poster knows to be bad, committed to before they can be judged and opened afterwards.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use piecework_domain::canary::{Opening, SignedCanary};
use piecework_domain::ids::EngagementId;
use piecework_domain::{B256, rules, signature};
use piecework_store::canaries::{self as stored, Canary};
use piecework_store::specs;
use serde::Serialize;
use utoipa::ToSchema;

use super::lookup;
use crate::error::Problem;
use crate::extract::{Body, Id, Ids};
use crate::state::AppState;
use crate::views::rfc3339;
use crate::{Error, Result, clock};

/// Of one engagement.
const CANARIES_MAX: usize = 100;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CanaryView {
    #[schema(value_type = String)]
    pub commitment: B256,
    pub committed_at: String,
    /// What it was to, once its poster said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opening: Option<Opening>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Canaries {
    /// Oldest first; at most 100.
    pub canaries: Vec<CanaryView>,
}

impl From<Canary> for CanaryView {
    fn from(canary: Canary) -> Self {
        Self {
            commitment: canary.commitment,
            committed_at: rfc3339(canary.committed_at),
            opened_at: canary.opened.map(|(at, _)| rfc3339(at)),
            opening: canary.opened.map(|(_, opening)| opening),
        }
    }
}

/// Commits to an epoch that the poster knows will be bad, without saying which. Authorised by the poster's signature.
#[utoipa::path(post, path = "/v1/engagements/{id}/canaries", tag = "verifiers", params(("id" = String, Path)),
    request_body = SignedCanary,
    responses((status = 201, body = CanaryView), (status = 404, body = Problem), (status = 409, body = Problem),
              (status = 422, body = Problem), (status = 400, body = Problem)))]
pub async fn post(
    State(state): State<AppState>,
    Id(id): Id<EngagementId>,
    Body(canary): Body<SignedCanary>,
) -> Result<(StatusCode, Json<CanaryView>)> {
    let mut db_tx = state.pool.begin().await.map_err(piecework_store::Error::from)?;
    let row = lookup::engagement_not_closed(&mut db_tx, id).await?;
    signature::verify(row.terms.poster, canary.digest(id, &state.chain.domain), &canary.signature)
        .map_err(|err| Error::signature("poster", &err))?;
    let known = stored::of_engagement(&mut db_tx, id).await?;
    let is_new = known.iter().all(|known| known.commitment != canary.commitment);
    if is_new && known.len() >= CANARIES_MAX {
        let detail = format!("an engagement has at most {CANARIES_MAX} canaries");
        return Err(Error::conflict("too_many_canaries", detail));
    }
    stored::commit(&mut db_tx, id, &canary).await?;
    let view = find(stored::of_engagement(&mut db_tx, id).await?, canary.commitment)?;
    db_tx.commit().await.map_err(piecework_store::Error::from)?;
    Ok((StatusCode::CREATED, Json(view.into())))
}

/// Says what a commitment was to, once its epoch can be judged. Needs no signature: only its poster knows the salt.
#[utoipa::path(post, path = "/v1/engagements/{id}/canaries/{commitment}/opening", tag = "verifiers",
    params(("id" = String, Path), ("commitment" = String, Path)), request_body = Opening,
    responses((status = 201, body = CanaryView), (status = 404, body = Problem), (status = 422, body = Problem),
              (status = 400, body = Problem)))]
pub async fn open(
    State(state): State<AppState>,
    Ids(id, commitment): Ids<EngagementId, B256>,
    Body(opening): Body<Opening>,
) -> Result<(StatusCode, Json<CanaryView>)> {
    let mut db_tx = state.pool.begin().await.map_err(piecework_store::Error::from)?;
    let row = lookup::engagement(&mut db_tx, id).await?;
    let canary = find(stored::of_engagement(&mut db_tx, id).await?, commitment)?;
    if opening.commitment(id) != commitment {
        let detail = format!("epoch, unitsMax and salt commit to {}", opening.commitment(id));
        return Err(Error::rule("opening_mismatch", detail));
    }
    let e = &row.engagement;
    let window = rules::epoch_window(&row.terms, e.started_at, e.ends_at, opening.epoch);
    let (_, to) = window.ok_or_else(|| {
        Error::rule("no_such_epoch", format!("epoch {} begins at or after the engagement's end", opening.epoch))
    })?;
    // Nobody can have judged it yet, and nobody can have told a verifier what to find.
    if canary.committed_at >= to {
        let detail = format!("it was committed to at {}, when its epoch was over", rfc3339(canary.committed_at));
        return Err(Error::rule("canary_too_late", detail));
    }
    let spec = specs::get(&mut db_tx, &[row.terms.spec_hash]).await?.remove(&row.terms.spec_hash);
    let judged_at = to.plus(spec.map_or(0, |spec| spec.grace_seconds().into()));
    if clock::now() < judged_at {
        let detail = format!("verifiers judge its epoch from {} on", rfc3339(judged_at));
        return Err(Error::rule("canary_still_secret", detail));
    }
    stored::open(&mut db_tx, id, commitment, &opening).await?;
    let view = find(stored::of_engagement(&mut db_tx, id).await?, commitment)?;
    db_tx.commit().await.map_err(piecework_store::Error::from)?;
    Ok((StatusCode::CREATED, Json(view.into())))
}

/// An engagement's canaries. What they are to is not said before they are opened.
#[utoipa::path(get, path = "/v1/engagements/{id}/canaries", tag = "verifiers", params(("id" = String, Path)),
    responses((status = 200, body = Canaries), (status = 404, body = Problem), (status = 400, body = Problem)))]
pub async fn list(State(state): State<AppState>, Id(id): Id<EngagementId>) -> Result<Json<Canaries>> {
    let mut db = lookup::db(&state.pool).await?;
    lookup::engagement(&mut db, id).await?;
    let canaries = stored::of_engagement(&mut db, id).await?.into_iter().map(CanaryView::from).collect();
    Ok(Json(Canaries { canaries }))
}

fn find(canaries: Vec<Canary>, commitment: B256) -> Result<Canary> {
    let found = canaries.into_iter().find(|canary| canary.commitment == commitment);
    found.ok_or_else(|| Error::not_found("canary_not_found", format!("canary {commitment} of this engagement")))
}
