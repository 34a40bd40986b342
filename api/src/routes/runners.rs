//! A runner's history.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use piecework_domain::Address;
use piecework_domain::chain::Status;
use piecework_domain::money::Amount;
use piecework_store::engagements::{self, Filter};
use serde::Serialize;
use utoipa::ToSchema;

use super::lookup::{ReadParams, Snapshot};
use crate::Result;
use crate::error::Problem;
use crate::extract::{Id, Params};
use crate::state::AppState;
use crate::views::ChainView;

/// Newest engagements that are added up.
const ENGAGEMENTS_MAX: i64 = 10_000;

/// Sums in one token.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenTotals {
    #[schema(value_type = String)]
    pub token: Address,
    pub earned: Amount,
    pub penalties: Amount,
    pub bond_at_risk: Amount,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunnerView {
    #[schema(value_type = String)]
    pub runner: Address,
    pub engagements: u64,
    pub active: u64,
    pub units_paid: u64,
    pub faults: u64,
    pub tokens: Vec<TokenTotals>,
    pub chain: ChainView,
}

/// What a runner has done: units, faults, earnings and bond at risk per token.
#[utoipa::path(get, path = "/v1/runners/{address}", tag = "runners", params(("address" = String, Path), ReadParams),
    responses((status = 200, body = RunnerView), (status = 400, body = Problem)))]
pub async fn read(
    State(state): State<AppState>,
    Id(runner): Id<Address>,
    Params(params): Params<ReadParams>,
) -> Result<Json<RunnerView>> {
    let mut snapshot = Snapshot::take(&state, params.certainty).await?;
    let filter = Filter { runner: Some(runner), certainty: snapshot.certainty, ..Filter::default() };
    let rows = engagements::list(&mut snapshot.db, &filter, ENGAGEMENTS_MAX).await?;
    // The sums are as sure as the newest of what they are made of.
    let newest = rows.iter().map(|row| row.block_number).max().unwrap_or_default();
    let chain = snapshot.chain(newest);
    let mut view = RunnerView { runner, engagements: 0, active: 0, units_paid: 0, faults: 0, tokens: vec![], chain };
    let mut tokens: BTreeMap<Address, TokenTotals> = BTreeMap::new();
    for row in rows {
        let e = row.engagement;
        view.engagements += 1;
        view.active += u64::from(e.status == Status::Active);
        view.units_paid = view.units_paid.saturating_add(e.units_paid);
        view.faults = view.faults.saturating_add(e.faults);
        let sums = tokens.entry(row.terms.token).or_default();
        sums.token = row.terms.token;
        // Sums of what one contract holds of one token can't exceed 256 bits.
        sums.earned = sums.earned.checked_add(e.paid).unwrap_or(sums.earned);
        sums.penalties = sums.penalties.checked_add(e.penalties).unwrap_or(sums.penalties);
        let bond = e.bond_left(&row.terms);
        sums.bond_at_risk = sums.bond_at_risk.checked_add(bond).unwrap_or(sums.bond_at_risk);
    }
    view.tokens = tokens.into_values().collect();
    Ok(Json(view))
}
