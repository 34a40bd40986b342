//! Signed bids.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::messages::Bid;
use piecework_domain::terms::Terms;
use piecework_domain::{Bytes, signature};
use piecework_store::bids::Row;
use piecework_store::chains::Certainty;
use piecework_store::{PgConnection, balances, bids, bounties};
use serde::Deserialize;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use super::lookup;
use crate::error::Problem;
use crate::extract::{Body, Id, Ids};
use crate::state::AppState;
use crate::views::{BidView, Page, rfc3339};
use crate::{Error, Result, clock};

/// Bids a bounty's book holds.
const BIDS_MAX: u64 = 1_000;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BidBody {
    pub bid: Bid,
    /// The runner's EIP-712 signature of the bid, 65 bytes.
    #[schema(value_type = String)]
    pub signature: Bytes,
}

/// Offers to do the work. Authorised by the runner's signature; sending it again changes nothing.
#[utoipa::path(post, path = "/v1/bounties/{id}/bids", tag = "bids", params(("id" = String, Path)), request_body = BidBody,
    responses((status = 201, body = BidView), (status = 404, body = Problem), (status = 409, body = Problem),
              (status = 422, body = Problem), (status = 400, body = Problem)))]
pub async fn post(
    State(state): State<AppState>,
    Id(bounty): Id<BountyId>,
    Body(BidBody { bid, signature }): Body<BidBody>,
) -> Result<(StatusCode, Json<BidView>)> {
    if bid.bounty != bounty {
        return Err(Error::rule("wrong_bounty", format!("the bid is for bounty {}, not {bounty}", bid.bounty)));
    }
    let now = clock::now();
    if bid.expires_at <= now {
        return Err(Error::rule("bid_expired", format!("the bid expired at {}", rfc3339(bid.expires_at))));
    }
    for (field, address) in [("runner", bid.runner), ("payee", bid.payee), ("node", bid.node)] {
        lookup::check_not_zero(field, address)?;
    }
    signature::verify(bid.runner, bid.digest(&state.chain.domain), &signature)
        .map_err(|err| Error::signature("runner", &err))?;

    let mut db = lookup::db(&state.pool).await?;
    let terms = lookup::terms(&mut db, bounty).await?;
    if bid.rate > terms.rate_max {
        let detail = format!("the bounty pays at most {} per unit, the bid asks {}", terms.rate_max, bid.rate);
        return Err(Error::rule("rate_too_high", detail));
    }
    match bounties::get(&mut db, bounty, Certainty::Latest).await? {
        Some(row) => lookup::check_open(&row.bounty, now)?,
        None if now >= terms.open_until => {
            return Err(Error::conflict("closed", format!("the bounty was open until {}", rfc3339(terms.open_until))));
        }
        None => {}
    }
    let id = bid.engagement_id();
    if bids::get(&mut db, id).await?.is_none() && bids::count(&mut db, bounty).await? >= BIDS_MAX {
        return Err(Error::conflict("book_full", format!("the bounty has {BIDS_MAX} bids already")));
    }
    bids::put(&mut db, &bid, &signature).await?;
    let row = bids::get(&mut db, id).await?.ok_or_else(|| Error::Failed("the stored bid is gone".into()))?;
    if row.withdrawn_at.is_some() {
        return Err(Error::conflict("bid_withdrawn", "this bid was withdrawn; sign one with another nonce"));
    }
    Ok((StatusCode::CREATED, Json(view(&mut db, &state, &terms, row).await?)))
}

/// Bids that were not withdrawn, cheapest first.
#[utoipa::path(get, path = "/v1/bounties/{id}/bids", tag = "bids", params(("id" = String, Path)),
    responses((status = 200, body = Page<BidView>), (status = 404, body = Problem), (status = 400, body = Problem)))]
pub async fn list(State(state): State<AppState>, Id(bounty): Id<BountyId>) -> Result<Json<Page<BidView>>> {
    let mut db = lookup::db(&state.pool).await?;
    let terms = lookup::terms(&mut db, bounty).await?;
    let mut items = Vec::new();
    for row in bids::of_bounty(&mut db, bounty, i64::try_from(BIDS_MAX).unwrap_or(i64::MAX)).await? {
        items.push(view(&mut db, &state, &terms, row).await?);
    }
    Ok(Json(Page { items, next_cursor: None }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WithdrawBody {
    /// The runner's EIP-191 signature of `Withdraw bid 0x<hash>`, 65 bytes.
    #[schema(value_type = String)]
    pub signature: Bytes,
}

/// Takes a bid off the book. Authorised by the runner's personal signature (EIP-191) of `Withdraw bid 0x<hash>`.
///
/// Who holds the bid's signature can still use it on chain until it expires: bid with short expiries.
#[utoipa::path(delete, path = "/v1/bounties/{id}/bids/{hash}", tag = "bids",
    params(("id" = String, Path), ("hash" = String, Path)), request_body = WithdrawBody,
    responses((status = 204), (status = 404, body = Problem), (status = 422, body = Problem), (status = 400, body = Problem)))]
pub async fn withdraw(
    State(state): State<AppState>,
    Ids(bounty, id): Ids<BountyId, EngagementId>,
    Body(WithdrawBody { signature }): Body<WithdrawBody>,
) -> Result<StatusCode> {
    let mut db = lookup::db(&state.pool).await?;
    let row = bids::get(&mut db, id).await?.filter(|row| row.bid.bounty == bounty);
    let row = row.ok_or_else(|| Error::not_found("bid_not_found", format!("bid {id} on bounty {bounty}")))?;
    let digest = signature::personal_digest(format!("Withdraw bid {id}").as_bytes());
    signature::verify(row.bid.runner, digest, &signature).map_err(|err| Error::signature("runner", &err))?;
    bids::withdraw(&mut db, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn view(db: &mut PgConnection, state: &AppState, terms: &Terms, row: Row) -> Result<BidView> {
    Ok(BidView {
        id: row.bid.engagement_id(),
        free_balance: balances::get(db, state.chain.id, row.bid.runner, terms.token).await?,
        signature: row.signature,
        received_at: row.created_at.format(&Rfc3339).unwrap_or_default(),
        bid: row.bid,
    })
}
