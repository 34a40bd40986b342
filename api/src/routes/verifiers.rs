//! What a verifier has to judge, and how it has judged.

use axum::Json;
use axum::extract::State;
use piecework_domain::Address;
use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::messages::{Bid, SignedEndpoint};
use piecework_domain::spec::Spec;
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::time::Timestamp;
use piecework_store::assignments::{self, Filter, Place};
use piecework_store::{canaries, endpoints, records};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::lookup::{self, Snapshot};
use crate::error::Problem;
use crate::extract::{Id, Params, malformed_cursor, page_size_up_to, parse_id};
use crate::state::AppState;
use crate::views::{Certainty, ChainView, Page, rfc3339};
use crate::{Error, Result};

/// What a verifier has done, by its newest 1,000 verdicts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerifierView {
    #[schema(value_type = String)]
    pub verifier: Address,
    pub verdicts: u64,
    pub engagements: u64,
    /// Epochs that others of its sets judged, too.
    pub compared: u64,
    /// Of these, epochs in which most others counted another number of units.
    pub apart: u64,
    /// From an epoch's end, the grace of its spec included, to the arrival of the verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_seconds_p50: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_seconds_p95: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen_at: Option<String>,
    /// Epochs that posters knew to be bad, by poster: what such an epoch was is the poster's word.
    pub canaries: Vec<CanaryScore>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CanaryScore {
    #[schema(value_type = String)]
    pub poster: Address,
    /// Bad epochs in which it counted no more than there was.
    pub caught: u64,
    /// Bad epochs in which it counted more.
    pub missed: u64,
}

/// How a verifier has judged: how often, how fast, how often apart from the others, and how it did where posters knew the answer.
#[utoipa::path(get, path = "/v1/verifiers/{address}", tag = "verifiers", params(("address" = String, Path)),
    responses((status = 200, body = VerifierView), (status = 400, body = Problem)))]
pub async fn read(State(state): State<AppState>, Id(verifier): Id<Address>) -> Result<Json<VerifierView>> {
    let mut db = lookup::db(&state.pool).await?;
    let record = records::of_verifier(&mut db, verifier).await?;
    let scores = canaries::scores(&mut db, verifier).await?;
    Ok(Json(VerifierView {
        verifier,
        verdicts: record.verdicts,
        engagements: record.engagements,
        compared: record.compared,
        apart: record.apart,
        delay_seconds_p50: record.delay_seconds_p50,
        delay_seconds_p95: record.delay_seconds_p95,
        last_seen_at: record.last_seen_at.map(rfc3339),
        canaries: scores
            .into_iter()
            .map(|score| CanaryScore { poster: score.poster, caught: score.caught, missed: score.missed })
            .collect(),
    }))
}

/// Rows of a page: with the longest specs, still less than clients read at once.
const ASSIGNMENTS_MAX: u32 = 500;
const CHAINS_MAX: usize = 100;

/// An engagement to judge, with all that judging takes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssignmentView {
    pub engagement: EngagementId,
    pub bounty: BountyId,
    pub chain_id: u64,
    #[schema(value_type = String)]
    pub escrow: Address,
    #[schema(value_type = String)]
    pub node: Address,
    /// The engagement's id is its hash.
    pub bid: Bid,
    pub terms: Terms,
    pub verifiers: VerifierSet,
    pub spec: Spec,
    /// Unix seconds: epoch n is `[startedAt + n × epochSeconds, …)`, cut at `endsAt`.
    pub started_at: Timestamp,
    pub ends_at: Option<Timestamp>,
    /// Units reserved: more than the terms' once the engagement was extended.
    pub units_max: u64,
    /// The first epoch this verifier has not judged.
    pub next_epoch: u64,
    /// This verifier's cumulative counts so far.
    pub units: u64,
    pub faults: u64,
    /// Where the node serves; absent until it said so, and for other kinds than `rpc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<SignedEndpoint>,
    pub chain: ChainView,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AssignmentParams {
    /// Ids of the chains whose blocks the verifier can judge, separated by commas: all unless given.
    chains: Option<String>,
    /// Paid in this token.
    token: Option<String>,
    /// Posted by this account.
    poster: Option<String>,
    cursor: Option<String>,
    /// 1 to 500, 50 unless given.
    limit: Option<u32>,
}

/// Engagements whose verifier set names this verifier and that can still be paid, with the highest fee per epoch first, then the most
/// locked.
#[utoipa::path(get, path = "/v1/verifiers/{address}/assignments", tag = "verifiers",
    params(("address" = String, Path), AssignmentParams),
    responses((status = 200, body = Page<AssignmentView>), (status = 400, body = Problem)))]
pub async fn assignments(
    State(state): State<AppState>,
    Id(verifier): Id<Address>,
    Params(params): Params<AssignmentParams>,
) -> Result<Json<Page<AssignmentView>>> {
    let limit = page_size_up_to(params.limit, ASSIGNMENTS_MAX)?;
    let filter = Filter {
        chains: params.chains.as_deref().map(chain_ids).transpose()?,
        token: params.token.as_deref().map(parse_id).transpose()?,
        poster: params.poster.as_deref().map(parse_id).transpose()?,
        after: params.cursor.as_deref().map(place).transpose()?,
    };
    let mut snapshot = Snapshot::take(&state, Certainty::Latest).await?;
    let rows = assignments::list(&mut snapshot.db, verifier, &filter, limit).await?;
    let ids: Vec<_> = rows.iter().map(|a| a.row.engagement.id).collect();
    let mut served = endpoints::get(&mut snapshot.db, &ids).await?;
    let escrow = state.chain.escrow;
    Ok(Json(Page::new(
        rows,
        limit,
        |a| {
            let Place { fee, locked, id } = a.place();
            format!("{fee}_{locked}_{id}")
        },
        |a| AssignmentView {
            engagement: a.row.engagement.id,
            bounty: a.row.engagement.bounty,
            chain_id: a.row.chain_id,
            escrow,
            node: a.row.engagement.bid.node,
            bid: a.row.engagement.bid.clone(),
            started_at: a.row.engagement.started_at,
            ends_at: a.row.engagement.ends_at,
            units_max: a.row.engagement.units_max,
            terms: a.row.terms,
            verifiers: a.row.engagement.verifiers,
            spec: a.spec,
            next_epoch: a.next_epoch,
            units: a.units,
            faults: a.faults,
            endpoint: served.remove(&a.row.engagement.id),
            chain: snapshot.chain(a.row.block_number),
        },
    )))
}

fn chain_ids(text: &str) -> Result<Vec<u64>> {
    let ids: Option<Vec<u64>> = text.split(',').map(|id| id.parse().ok()).collect();
    ids.filter(|ids| ids.len() <= CHAINS_MAX).ok_or_else(|| {
        let detail = format!("chains is at most {CHAINS_MAX} ids separated by commas, got {text:.40?}");
        Error::malformed("malformed_query", detail)
    })
}

fn place(cursor: &str) -> Result<Place> {
    let mut parts = cursor.splitn(3, '_');
    let mut next = || parts.next().ok_or_else(malformed_cursor);
    let (fee, locked, id) = (next()?, next()?, next()?);
    Ok(Place {
        fee: fee.parse().map_err(|_| malformed_cursor())?,
        locked: locked.parse().map_err(|_| malformed_cursor())?,
        id: parse_id(id).map_err(|_| malformed_cursor())?,
    })
}
