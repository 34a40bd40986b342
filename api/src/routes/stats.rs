//! Marketplace totals.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use piecework_store::{bounties, engagements};
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::lookup::Snapshot;
use crate::state::AppState;
use crate::views::{Certainty, ChainView};
use crate::{Result, clock};

/// How long totals are told again: counting a million rows takes half a second.
const FRESH: Duration = Duration::from_secs(5);

/// Marketplace totals as of the block in `chain`, counted at most every 5 seconds.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    pub bounties: u64,
    pub bounties_open: u64,
    pub engagements: u64,
    pub engagements_active: u64,
    pub chain: ChainView,
}

/// The totals counted last. Whoever comes while they are counted waits for them instead of counting, too.
#[derive(Debug, Default)]
pub struct Counted(Mutex<Option<(Instant, Stats)>>);

/// Totals of everything on chain.
#[utoipa::path(get, path = "/v1/stats", tag = "service", responses((status = 200, body = Stats)))]
pub async fn read(State(state): State<AppState>) -> Result<Json<Stats>> {
    let mut counted = state.counted.0.lock().await;
    if let Some((at, stats)) = &*counted
        && at.elapsed() < FRESH
    {
        return Ok(Json(stats.clone()));
    }
    let mut snapshot = Snapshot::take(&state, Certainty::Latest).await?;
    let (bounties, bounties_open) = bounties::count(&mut snapshot.db, clock::now()).await?;
    let (engagements, engagements_active) = engagements::count(&mut snapshot.db).await?;
    let chain = snapshot.chain_now();
    let stats = Stats { bounties, bounties_open, engagements, engagements_active, chain };
    *counted = Some((Instant::now(), stats.clone()));
    Ok(Json(stats))
}
