//! Marketplace totals.

use axum::Json;
use axum::extract::State;
use piecework_store::{bounties, engagements};
use serde::Serialize;
use utoipa::ToSchema;

use super::lookup::Snapshot;
use crate::state::AppState;
use crate::views::{Certainty, ChainView};
use crate::{Result, clock};

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    pub bounties: u64,
    pub bounties_open: u64,
    pub engagements: u64,
    pub engagements_active: u64,
    pub chain: ChainView,
}

/// Totals of everything on chain.
#[utoipa::path(get, path = "/v1/stats", tag = "service", responses((status = 200, body = Stats)))]
pub async fn read(State(state): State<AppState>) -> Result<Json<Stats>> {
    let mut snapshot = Snapshot::take(&state, Certainty::Latest).await?;
    let (bounties, bounties_open) = bounties::count(&mut snapshot.db, clock::now()).await?;
    let (engagements, engagements_active) = engagements::count(&mut snapshot.db).await?;
    let chain = snapshot.chain_now();
    Ok(Json(Stats { bounties, bounties_open, engagements, engagements_active, chain }))
}
