//! Signed bids.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::messages::Bid;
use piecework_domain::money::Amount;
use piecework_domain::terms::Terms;
use piecework_domain::{Address, Bytes, signature};
use piecework_store::bids::{Newcomer, Ranked};
use piecework_store::chains::Certainty;
use piecework_store::{PgConnection, balances, bids, bounties};
use serde::Deserialize;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use super::lookup;
use crate::error::Problem;
use crate::extract::{Body, Id, Ids};
use crate::state::AppState;
use crate::views::{BidView, HistoryView, Page, rfc3339};
use crate::{Error, Result, clock};

/// Bids a bounty's book holds; beyond, a better one takes the place of the worst.
const BIDS_MAX: u64 = 1_000;
/// Of one runner on one bounty.
const BIDS_OF_RUNNER_MAX: u64 = 5;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BidBody {
    pub bid: Bid,
    /// The runner's EIP-712 signature of the bid, 65 bytes.
    #[schema(value_type = String)]
    pub signature: Bytes,
}

/// Offers to do the work. Authorised by the runner's signature; sending it again changes nothing. The runner must be able to bond now: deposited,
/// or held (and approved, for a token).
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
    lookup::check_judgeable(&mut db, &state.chain, &terms).await?;
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
    let known = bids::get(&mut db, id).await?;
    if known.is_some_and(|row| row.withdrawn_at.is_some()) {
        return Err(Error::conflict("bid_withdrawn", "this bid is off the book; sign one with another nonce"));
    }
    let deposited = balances::get(&mut db, state.chain.id, bid.runner, terms.token).await?;
    drop(db);
    check_cover(&state, &terms, bid.runner, deposited).await?;

    let mut db_tx = state.pool.begin().await.map_err(piecework_store::Error::from)?;
    bids::lock(&mut db_tx, bounty).await?;
    if bids::get(&mut db_tx, id).await?.is_none() {
        make_room(&mut db_tx, &state, &terms, &bid).await?;
        bids::put(&mut db_tx, &bid, &signature).await?;
    }
    let ranked = bids::ranked(&mut db_tx, state.chain.id, bounty, terms.token, Some(id), 1).await?;
    db_tx.commit().await.map_err(piecework_store::Error::from)?;
    let ranked = ranked.into_iter().next().ok_or_else(|| Error::Failed("the stored bid is gone".into()))?;
    Ok((StatusCode::CREATED, Json(view(ranked))))
}

/// Who could not bond is not serious: without this, anybody could fill the book.
async fn check_cover(state: &AppState, terms: &Terms, runner: Address, deposited: Amount) -> Result<()> {
    let bond = Amount::from(terms.bond);
    if deposited >= bond {
        return Ok(());
    }
    let held = match &state.tokens {
        Some(tokens) => tokens.bondable(runner, terms.token, state.chain.escrow).await?,
        None => Amount::ZERO,
    };
    if deposited.checked_add(held).is_none_or(|cover| cover >= bond) {
        return Ok(());
    }
    let detail = format!(
        "the bond is {bond} base units; {runner} has {deposited} deposited and {held} more that the escrow could take: deposit the bond, or          hold it (and approve the escrow, for a token)"
    );
    Err(Error::rule("bond_not_covered", detail))
}

async fn make_room(db_tx: &mut PgConnection, state: &AppState, terms: &Terms, bid: &Bid) -> Result<()> {
    if bids::count_of(db_tx, bid.bounty, bid.runner).await? >= BIDS_OF_RUNNER_MAX {
        let detail = format!("{} has {BIDS_OF_RUNNER_MAX} bids on this bounty: withdraw one first", bid.runner);
        return Err(Error::conflict("too_many_bids", detail));
    }
    if bids::count(db_tx, bid.bounty).await? < BIDS_MAX {
        return Ok(());
    }
    let bond = Amount::from(terms.bond);
    let (chain_id, token) = (state.chain.id, terms.token);
    let is_deposited = balances::get(db_tx, chain_id, bid.runner, token).await? >= bond;
    let newcomer = Newcomer { bounty: bid.bounty, chain_id, token, bond, rate: bid.rate, is_deposited };
    if bids::displace(db_tx, &newcomer).await? {
        return Ok(());
    }
    let detail = match is_deposited {
        true => format!("the bounty has {BIDS_MAX} bids with a deposited bond, none of them dearer than {}", bid.rate),
        false => format!(
            "the bounty has {BIDS_MAX} bids and none dearer than {} without a deposited bond: deposit {bond} base units and bid again to \
             come before all those who have not",
            bid.rate
        ),
    };
    Err(Error::conflict("book_full", detail))
}

/// Bids that can be awarded, cheapest first, with what a poster ranks by.
#[utoipa::path(get, path = "/v1/bounties/{id}/bids", tag = "bids", params(("id" = String, Path)),
    responses((status = 200, body = Page<BidView>), (status = 404, body = Problem), (status = 400, body = Problem)))]
pub async fn list(State(state): State<AppState>, Id(bounty): Id<BountyId>) -> Result<Json<Page<BidView>>> {
    let mut db = lookup::db(&state.pool).await?;
    let terms = lookup::terms(&mut db, bounty).await?;
    let max = i64::try_from(BIDS_MAX).unwrap_or(i64::MAX);
    let ranked = bids::ranked(&mut db, state.chain.id, bounty, terms.token, None, max).await?;
    Ok(Json(Page { items: ranked.into_iter().map(view).collect(), next_cursor: None }))
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

fn view(Ranked { row, deposited, history }: Ranked) -> BidView {
    BidView {
        id: row.bid.engagement_id(),
        signature: row.signature,
        received_at: row.created_at.format(&Rfc3339).unwrap_or_default(),
        bid: row.bid,
        free_balance: deposited,
        history: HistoryView {
            engagements: history.engagements,
            units_paid: history.units_paid,
            faults: history.faults,
            ended_for_cause: history.ended_for_cause,
        },
    }
}
