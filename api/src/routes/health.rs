//! Whether this process is up, whether it can serve, and its metrics.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use piecework_store::chains;
use serde::Serialize;
use utoipa::ToSchema;

use super::lookup;
use crate::clock;
use crate::state::AppState;

/// The mirror counts as current while its newest block is at most this old.
const LAG_SECONDS_MAX: u64 = 60;

/// The process is up.
#[utoipa::path(get, path = "/healthz", tag = "service", responses((status = 200, body = String)))]
pub async fn healthz() -> &'static str {
    "ok"
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Readiness {
    pub ready: bool,
    /// What is not ready; empty when all is.
    pub problems: Vec<String>,
}

/// Whether requests can be answered, and if not, what is missing.
#[utoipa::path(get, path = "/readyz", tag = "service",
    responses((status = 200, body = Readiness), (status = 503, body = Readiness)))]
pub async fn readyz(State(state): State<AppState>) -> (StatusCode, Json<Readiness>) {
    let mut problems = Vec::new();
    match lookup::db(&state.pool).await {
        Err(_) => problems.push("database: does not answer".to_owned()),
        Ok(mut db) => match chains::cursor(&mut db, state.chain.id).await {
            Err(_) => problems.push("database: does not answer".to_owned()),
            Ok(None) => problems.push(format!("chain {}: no block is indexed yet", state.chain.id)),
            Ok(Some(cursor)) => {
                let lag = clock::now().since(cursor.time);
                if lag > LAG_SECONDS_MAX {
                    problems.push(format!("chain {}: the newest indexed block is {lag} s old", state.chain.id));
                }
            }
        },
    }
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready: problems.is_empty(), problems }))
}

/// Prometheus text format.
pub async fn metrics(State(state): State<AppState>) -> String {
    state.metrics.render()
}
