//! `GET /v1/events`: what happens, as it happens.

use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{KeepAlive, Sse};
use piecework_store::feed::{self, Filter};
use serde::Deserialize;
use utoipa::IntoParams;

use super::lookup;
use crate::Result;
use crate::error::Problem;
use crate::extract::{LastEventId, Params, parse_id};
use crate::state::AppState;
use crate::stream;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventParams {
    bounty: Option<String>,
    engagement: Option<String>,
    /// Start after this item instead of now; `Last-Event-ID` goes before it.
    after: Option<u64>,
}

/// Server-sent events, resumable with `Last-Event-ID`. A reorg sends `reverted` for each event it undid.
#[utoipa::path(get, path = "/v1/events", tag = "service", params(EventParams),
    responses((status = 200, content_type = "text/event-stream", body = String), (status = 400, body = Problem)))]
pub async fn stream(
    State(state): State<AppState>,
    last: Option<LastEventId>,
    Params(params): Params<EventParams>,
) -> Result<impl IntoResponse> {
    let filter = Filter {
        bounty: params.bounty.as_deref().map(parse_id).transpose()?,
        engagement: params.engagement.as_deref().map(parse_id).transpose()?,
    };
    let seq = match last.map(|LastEventId(seq)| seq).or(params.after) {
        Some(seq) => seq,
        None => feed::newest(&mut *lookup::db(&state.pool).await?).await?,
    };
    if i64::try_from(seq).is_err() {
        // The feed's numbers are the database's: the stream would end at once, without a word.
        return Err(piecework_store::Error::OutOfRange(seq).into());
    }
    let items = stream::items(state.pool, state.feed, filter, seq, state.stop);
    Ok(Sse::new(items).keep_alive(KeepAlive::default()))
}
