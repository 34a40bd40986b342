//! Searching and reading bounties.

use axum::Json;
use axum::extract::State;
use piecework_domain::Address;
use piecework_domain::ids::BountyId;
use piecework_domain::terms::Terms;
use piecework_store::bounties::ranked::{self, Pay, Ranked};
use piecework_store::bounties::{Filter, Row};
use piecework_store::{bounties, chains as stored_chains, specs as stored_specs};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::lookup::{self, ReadParams, Snapshot};
use crate::error::Problem;
use crate::extract::{Id, Params, malformed_cursor, page_size, parse_id, read_cursor, write_cursor};
use crate::state::AppState;
use crate::views::{BountyView, Certainty, Page, rfc3339};
use crate::{Error, Result, clock};

const TEXT_CHARS_MAX: usize = 200;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
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
    /// `newest` unless given; `payPerHour` and `payPerBond` (the most first, in one `token`, without bounties whose units have no time or that
    /// take no bond), `deadline` (what closes first). All but `newest` need `status=open`, and tell the newest block only.
    #[serde(default)]
    sort: Sort,
    /// From the page before.
    cursor: Option<String>,
    /// 1 to 100, 50 unless given.
    limit: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Sort {
    #[default]
    Newest,
    PayPerHour,
    PayPerBond,
    Deadline,
}

/// Bounties on chain, newest first unless `sort` says otherwise.
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
    let (poster, token) =
        (params.poster.as_deref().map(parse_id).transpose()?, params.token.as_deref().map(parse_id).transpose()?);
    let cursor = params.cursor.as_deref();
    if params.sort != Sort::Newest {
        let open_at = open_at.filter(|_| params.certainty == Certainty::Latest).ok_or_else(|| {
            Error::malformed("malformed_query", "this sort needs `status=open`, and tells the newest block only")
        })?;
        let ranked = Ranked { poster, kind: params.kind, text: params.q, open_at };
        return sorted(&state, params.sort, token, &ranked, cursor, limit).await;
    }
    let (certainty, after) = (params.certainty.into(), read_cursor(cursor)?);
    let filter = Filter { poster, token, kind: params.kind, text: params.q, open_at, certainty, after };
    let mut snapshot = Snapshot::take(&state, filter.certainty).await?;
    let rows = bounties::list(&mut snapshot.db, &filter, limit).await?;
    let rows = rows.into_iter().map(|row| (write_cursor(row.bounty.posted_at, row.bounty.id), row)).collect();
    page(&mut snapshot, &state, rows, limit).await
}

async fn sorted(
    state: &AppState,
    sort: Sort,
    token: Option<Address>,
    filter: &Ranked,
    cursor: Option<&str>,
    limit: i64,
) -> Result<Json<Page<BountyView>>> {
    let mut snapshot = Snapshot::take(state, stored_chains::Certainty::Latest).await?;
    let pay = match sort {
        Sort::PayPerHour => Pay::PerHour,
        Sort::PayPerBond => Pay::PerBond,
        Sort::Newest | Sort::Deadline => {
            let after = read_cursor(cursor)?;
            let rows = ranked::by_deadline(&mut snapshot.db, token, filter, after, limit).await?;
            let cursor = |row: &Row| write_cursor(row.bounty.terms.open_until, row.bounty.id);
            let rows = rows.into_iter().map(|row| (cursor(&row), row)).collect();
            return page(&mut snapshot, state, rows, limit).await;
        }
    };
    let token = token
        .ok_or_else(|| Error::malformed("malformed_query", "pay is compared in one token: say which by `token`"))?;
    let after = cursor.map(rank_cursor).transpose()?;
    let rows = ranked::by_pay(&mut snapshot.db, pay, token, filter, after, limit).await?;
    let rows = rows.into_iter().map(|(rank, row)| (format!("{rank}_{}", row.bounty.id), row)).collect();
    page(&mut snapshot, state, rows, limit).await
}

/// A rank is a decimal number of PostgreSQL's.
fn rank_cursor(cursor: &str) -> Result<(&str, BountyId)> {
    const RANK_CHARS_MAX: usize = 200;
    let (rank, id) = cursor.split_once('_').ok_or_else(malformed_cursor)?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = rank.split_once('.').unwrap_or((rank, "0"));
    if rank.len() > RANK_CHARS_MAX || !digits(whole) || !digits(fraction) {
        return Err(malformed_cursor());
    }
    Ok((rank, id.parse().map_err(|_| malformed_cursor())?))
}

/// Rows with their cursors.
async fn page(
    snapshot: &mut Snapshot,
    state: &AppState,
    rows: Vec<(String, Row)>,
    limit: i64,
) -> Result<Json<Page<BountyView>>> {
    let (cursors, rows): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    let views = views(snapshot, state, rows).await?.into_iter().zip(cursors).collect();
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
        pay_per_hour: bounty.terms.pay_per_hour(),
        terms: bounty.terms,
        chain: snapshot.chain(block_number),
    });
    Ok(views.collect())
}
