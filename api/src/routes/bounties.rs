//! Searching and reading bounties.

use axum::Json;
use axum::extract::State;
use piecework_domain::ids::BountyId;
use piecework_domain::terms::Terms;
use piecework_store::bounties::{Filter, Row};
use piecework_store::{bounties, specs as stored_specs};
use serde::Deserialize;
use utoipa::IntoParams;

use super::lookup::{self, ReadParams, Snapshot};
use crate::error::Problem;
use crate::extract::{Id, Params, page_size, parse_id, read_cursor, write_cursor};
use crate::state::AppState;
use crate::views::{BountyView, Certainty, Page, rfc3339};
use crate::{Error, Result, clock};

const TEXT_CHARS_MAX: usize = 200;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListParams {
    /// `latest` unless given: how sure the answer has to be.
    #[serde(default)]
    certainty: Certainty,
    /// `sequencer`, …
    kind: Option<String>,
    /// Words of the spec's title and description: `rpc -archive "low latency"`; at most 200 characters.
    q: Option<String>,
    /// A token's address; the zero address is the native coin.
    token: Option<String>,
    poster: Option<String>,
    /// `open`: only bounties that still take runners.
    status: Option<String>,
    /// From the page before.
    cursor: Option<String>,
    /// 1 to 100, 50 unless given.
    limit: Option<u32>,
}

/// Bounties on chain, newest first.
#[utoipa::path(get, path = "/v1/bounties", tag = "bounties", params(ListParams),
    responses((status = 200, body = Page<BountyView>), (status = 400, body = Problem)))]
pub async fn list(State(state): State<AppState>, Params(params): Params<ListParams>) -> Result<Json<Page<BountyView>>> {
    let limit = page_size(params.limit)?;
    let open_at = match params.status.as_deref() {
        None => None,
        Some("open") => Some(clock::now()),
        Some(other) => {
            return Err(Error::malformed("malformed_query", format!("status is `open`, got {other:.40?}")));
        }
    };
    // PostgreSQL's text can't hold NUL.
    for (name, text) in [("kind", &params.kind), ("q", &params.q)] {
        if text.as_deref().is_some_and(|text| text.contains('\0')) {
            return Err(Error::malformed("malformed_query", format!("{name} must not contain NUL")));
        }
    }
    if let Some(chars) = params.q.as_deref().map(|q| q.chars().count()).filter(|chars| *chars > TEXT_CHARS_MAX) {
        return Err(Error::malformed(
            "malformed_query",
            format!("q has at most {TEXT_CHARS_MAX} characters, got {chars}"),
        ));
    }
    let filter = Filter {
        poster: params.poster.as_deref().map(parse_id).transpose()?,
        token: params.token.as_deref().map(parse_id).transpose()?,
        kind: params.kind,
        text: params.q,
        open_at,
        certainty: params.certainty.into(),
        after: read_cursor(params.cursor.as_deref())?,
    };
    let mut snapshot = Snapshot::take(&state, filter.certainty).await?;
    let rows = bounties::list(&mut snapshot.db, &filter, limit).await?;
    let cursors: Vec<_> = rows.iter().map(|row| write_cursor(row.bounty.posted_at, row.bounty.id)).collect();
    let views = views(&mut snapshot, &state, rows).await?.into_iter().zip(cursors).collect();
    Ok(Json(Page::new(views, limit, |(_, cursor): &(BountyView, String)| cursor.clone(), |(view, _)| view)))
}

/// One bounty.
#[utoipa::path(get, path = "/v1/bounties/{id}", tag = "bounties", params(("id" = String, Path), ReadParams),
    responses((status = 200, body = BountyView), (status = 404, body = Problem), (status = 400, body = Problem)))]
pub async fn read(
    State(state): State<AppState>,
    Id(id): Id<BountyId>,
    Params(params): Params<ReadParams>,
) -> Result<Json<BountyView>> {
    let mut snapshot = Snapshot::take(&state, params.certainty).await?;
    let row = snapshot.bounty(id).await?;
    Ok(Json(view(&mut snapshot, &state, row).await?))
}

pub async fn view(snapshot: &mut Snapshot, state: &AppState, row: Row) -> Result<BountyView> {
    let views = views(snapshot, state, vec![row]).await?;
    views.into_iter().next().ok_or_else(|| Error::Unavailable("the bounty has no view".into()))
}

/// All of a page with as many queries as one takes.
async fn views(snapshot: &mut Snapshot, state: &AppState, rows: Vec<Row>) -> Result<Vec<BountyView>> {
    let ids: Vec<_> = rows.iter().map(|row| row.bounty.id).collect();
    let hashes: Vec<_> = rows.iter().map(|row| row.bounty.terms.spec_hash).collect();
    let mut verifiers = lookup::verifiers(&mut snapshot.db, &ids).await?;
    let specs = stored_specs::get(&mut snapshot.db, &hashes).await?;
    let now = clock::now();
    let problem = |terms: &Terms| match lookup::check_terms(&state.chain, terms, specs.get(&terms.spec_hash)) {
        Err(Error::Refused { detail, .. }) => Some(detail),
        _ => None,
    };
    let views = rows.into_iter().map(|Row { block_number, bounty, .. }| BountyView {
        problem: problem(&bounty.terms),
        id: bounty.id,
        status: BountyView::status(&bounty, now),
        verifiers: verifiers.remove(&bounty.id),
        spec: specs.get(&bounty.terms.spec_hash).cloned(),
        deposit_address: piecework_contracts::deposit_address(state.chain.escrow, bounty.id),
        escrow: bounty.escrow,
        funded: bounty.funded,
        seats_taken: bounty.seats_taken,
        seats_vacated: bounty.seats_vacated,
        posted_at: rfc3339(bounty.posted_at),
        terms: bounty.terms,
        chain: snapshot.chain(block_number),
    });
    Ok(views.collect())
}
