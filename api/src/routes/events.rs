//! `GET /v1/events`: what happens, as it happens.

use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{KeepAlive, Sse};
use piecework_domain::chain::Event;
use piecework_store::feed::{self, About, Filter};
use serde::Deserialize;
use utoipa::IntoParams;

use super::lookup;
use crate::error::Problem;
use crate::extract::{LastEventId, Params, parse_id};
use crate::state::AppState;
use crate::{Error, Result, stream};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventParams {
    /// At most one of these three.
    bounty: Option<String>,
    engagement: Option<String>,
    /// What it posted, runs, is paid for or verifies, and its balances.
    account: Option<String>,
    /// Event names, separated by commas. A `reverted` comes with the events that it takes back.
    names: Option<String>,
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
    let about = about(params.bounty.as_deref(), params.engagement.as_deref(), params.account.as_deref())?;
    let names = params.names.map(|list| known_names(list.split(',').map(|name| name.trim().to_owned()).collect()));
    let filter = Filter { about, names: names.transpose()? };
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

/// The one subject that is asked for.
pub fn about(bounty: Option<&str>, engagement: Option<&str>, account: Option<&str>) -> Result<Option<About>> {
    match (bounty, engagement, account) {
        (None, None, None) => Ok(None),
        (Some(id), None, None) => Ok(Some(About::Bounty(parse_id(id)?))),
        (None, Some(id), None) => Ok(Some(About::Engagement(parse_id(id)?))),
        (None, None, Some(account)) => Ok(Some(About::Account(parse_id(account)?))),
        _ => Err(Error::malformed("too_many_filters", "ask for one of bounty, engagement and account")),
    }
}

/// Each must be the name of an event, or a typing error would wait for ever.
pub fn known_names(mut names: Vec<String>) -> Result<Vec<String>> {
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return Err(Error::malformed("unknown_event", "`names` is empty: leave it out for all"));
    }
    match names.iter().find(|name| !Event::NAMES.contains(&name.as_str())) {
        None => Ok(names),
        Some(unknown) => {
            let known = Event::NAMES.join(", ");
            Err(Error::malformed("unknown_event", format!("{unknown:.40?} is not an event's name; these are: {known}")))
        }
    }
}
