//! Where nodes serve.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use piecework_domain::ids::EngagementId;
use piecework_domain::messages::{ENDPOINT_CHARS_MAX, SignedEndpoint};
use piecework_domain::signature;
use piecework_domain::spec::Spec;
use piecework_store::{endpoints as stored, specs};

use super::lookup;
use crate::error::Problem;
use crate::extract::{Body, Id};
use crate::state::AppState;
use crate::{Error, Result, clock};

/// Where the node of an `rpc` engagement serves. Authorised by the node's signature; a later `since` replaces an earlier one. Everybody
/// can read it.
#[utoipa::path(post, path = "/v1/engagements/{id}/endpoint", tag = "evidence", params(("id" = String, Path)),
    request_body = SignedEndpoint,
    responses((status = 201, body = SignedEndpoint), (status = 404, body = Problem), (status = 409, body = Problem),
              (status = 422, body = Problem), (status = 400, body = Problem)))]
pub async fn post(
    State(state): State<AppState>,
    Id(id): Id<EngagementId>,
    Body(endpoint): Body<SignedEndpoint>,
) -> Result<(StatusCode, Json<SignedEndpoint>)> {
    if !SignedEndpoint::is_url(&endpoint.url) {
        let detail = format!(
            "url is http(s)://host…, with a host that has IPv4, without user and password, at most {ENDPOINT_CHARS_MAX} characters, got {:.80?}",
            endpoint.url
        );
        return Err(Error::rule("invalid_endpoint", detail));
    }
    let now = clock::now();
    if endpoint.since > now.plus(clock::SKEW_SECONDS) {
        return Err(Error::rule("signed_in_future", format!("since is {}, now is {now}", endpoint.since)));
    }
    let mut db_tx = state.pool.begin().await.map_err(piecework_store::Error::from)?;
    let row = lookup::engagement_not_closed(&mut db_tx, id).await?;
    let spec = specs::get(&mut db_tx, &[row.terms.spec_hash]).await?.remove(&row.terms.spec_hash);
    if !matches!(spec, Some(Spec::Rpc(_))) {
        return Err(Error::rule("not_rpc", "only the node of an `rpc` bounty has an endpoint that is probed"));
    }
    signature::verify(row.engagement.bid.node, endpoint.digest(id, &state.chain.domain), &endpoint.signature)
        .map_err(|err| Error::signature("node", &err))?;
    if !stored::put(&mut db_tx, id, &endpoint).await? {
        let known = stored::get(&mut db_tx, &[id]).await?.remove(&id);
        // Sending again is safe.
        if known.as_ref() != Some(&endpoint) {
            let since = known.map(|known| known.since).unwrap_or_default();
            let detail = format!("an endpoint signed at {since} is known, this one was signed at {}", endpoint.since);
            return Err(Error::conflict("endpoint_superseded", detail));
        }
    }
    db_tx.commit().await.map_err(piecework_store::Error::from)?;
    Ok((StatusCode::CREATED, Json(endpoint)))
}
