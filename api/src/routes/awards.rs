//! The poster's signed choice; the worker relays it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::messages::Award;
use piecework_domain::{Bytes, signature};
use piecework_store::chains::Certainty;
use piecework_store::txs::{self, Kind};
use piecework_store::{awards, bids, engagements};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::lookup;
use crate::error::Problem;
use crate::extract::{Body, Id};
use crate::state::AppState;
use crate::views::rfc3339;
use crate::{Error, Result, clock};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AwardBody {
    pub award: Award,
    /// The poster's EIP-712 signature of the award, 65 bytes.
    #[schema(value_type = String)]
    pub signature: Bytes,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwardView {
    /// The engagement that the award makes.
    pub engagement: EngagementId,
    /// `accepted`, `queued`, `signed`, `mined`, `final` (no reorg can undo it) or `failed`.
    pub relay: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub tx_hash: Option<piecework_domain::B256>,
    /// Why the last relay failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Chooses a bid. Authorised by the poster's signature; sending it again tells how the relay stands.
#[utoipa::path(post, path = "/v1/bounties/{id}/awards", tag = "bids", params(("id" = String, Path)), request_body = AwardBody,
    responses((status = 202, body = AwardView), (status = 404, body = Problem), (status = 409, body = Problem),
              (status = 422, body = Problem), (status = 400, body = Problem)))]
pub async fn post(
    State(state): State<AppState>,
    Id(bounty): Id<BountyId>,
    Body(AwardBody { award, signature }): Body<AwardBody>,
) -> Result<(StatusCode, Json<AwardView>)> {
    if award.bounty != bounty {
        return Err(Error::rule("wrong_bounty", format!("the award is for bounty {}, not {bounty}", award.bounty)));
    }
    let mut db = lookup::db(&state.pool).await?;
    let terms = lookup::terms(&mut db, bounty).await?;
    signature::verify(terms.poster, award.digest(&state.chain.domain), &signature)
        .map_err(|err| Error::signature("poster", &err))?;
    let known = awards::get(&mut db, award.bid).await?;
    if known.as_ref() != Some(&award) {
        let now = clock::now();
        if award.expires_at <= now {
            return Err(Error::rule("award_expired", format!("the award expired at {}", rfc3339(award.expires_at))));
        }
        let bid = bids::get(&mut db, award.bid).await?.filter(|row| row.bid.bounty == bounty);
        let bid = bid.ok_or_else(|| Error::not_found("bid_not_found", format!("bid {} on this bounty", award.bid)))?;
        if bid.withdrawn_at.is_some() {
            return Err(Error::conflict("bid_withdrawn", "the runner has withdrawn this bid"));
        }
        if bid.bid.expires_at <= now {
            return Err(Error::rule("bid_expired", format!("the bid expired at {}", rfc3339(bid.bid.expires_at))));
        }
        if engagements::get(&mut db, award.bid, Certainty::Latest).await?.is_none() {
            lookup::check_open(&lookup::bounty(&mut db, bounty).await?.bounty, now)?;
        }
        if known.is_some() {
            return Err(Error::conflict("already_awarded", "another award of this bid is stored already"));
        }
        awards::put(&mut db, &award, &signature).await?;
    }
    let relay = txs::latest(&mut db, state.chain.id, Kind::Award, award.bid.0).await?;
    let view = match relay {
        None => AwardView { engagement: award.bid, relay: "accepted".to_owned(), tx_hash: None, error: None },
        Some(tx) => AwardView { engagement: award.bid, relay: tx.state, tx_hash: tx.tx_hash, error: tx.error },
    };
    Ok((StatusCode::ACCEPTED, Json(view)))
}
