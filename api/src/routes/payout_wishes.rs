//! How runners want to be paid.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use piecework_domain::ids::EngagementId;
use piecework_domain::payout_wish::SignedPayoutWish;
use piecework_domain::signature;
use piecework_store::{dues, payout_wishes as stored};

use super::lookup;
use crate::error::Problem;
use crate::extract::{Body, Id};
use crate::state::AppState;
use crate::{Error, Result, clock};

/// When and from which amount the operator's worker redeems for this engagement. Authorised by the runner's signature; a later `since`
/// replaces an earlier one. Anyone can still redeem any voucher at any time.
#[utoipa::path(post, path = "/v1/engagements/{id}/payout-wish", tag = "engagements", params(("id" = String, Path)),
    request_body = SignedPayoutWish,
    responses((status = 201, body = SignedPayoutWish), (status = 404, body = Problem), (status = 409, body = Problem),
              (status = 422, body = Problem), (status = 400, body = Problem)))]
pub async fn post(
    State(state): State<AppState>,
    Id(id): Id<EngagementId>,
    Body(wish): Body<SignedPayoutWish>,
) -> Result<(StatusCode, Json<SignedPayoutWish>)> {
    let now = clock::now();
    if wish.since > now.plus(clock::SKEW_SECONDS) {
        return Err(Error::rule("signed_in_future", format!("since is {}, now is {now}", wish.since)));
    }
    // As databases count.
    if i64::try_from(wish.every_seconds).is_err() {
        return Err(Error::rule("number_too_large", format!("everySeconds is below 2^63, got {}", wish.every_seconds)));
    }
    let mut db_tx = state.pool.begin().await.map_err(piecework_store::Error::from)?;
    let row = lookup::engagement_not_closed(&mut db_tx, id).await?;
    signature::verify(row.engagement.bid.runner, wish.digest(id, &state.chain.domain), &wish.signature)
        .map_err(|err| Error::signature("runner", &err))?;
    if stored::put(&mut db_tx, id, &wish).await? {
        // What waited by the old wish may be due by this one.
        dues::announce(&mut db_tx, state.chain.id, &[(id, now)]).await?;
    } else {
        let known = stored::get(&mut db_tx, &[id]).await?.remove(&id);
        // Sending again is safe.
        if known.as_ref() != Some(&wish) {
            let since = known.map(|known| known.since).unwrap_or_default();
            let detail = format!("a wish signed at {since} is known, this one was signed at {}", wish.since);
            return Err(Error::conflict("payout_wish_superseded", detail));
        }
    }
    db_tx.commit().await.map_err(piecework_store::Error::from)?;
    Ok((StatusCode::CREATED, Json(wish)))
}
