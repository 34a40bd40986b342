//! Two blocks that one node signed for one place in its chain: proof that costs it its bond.

use axum::Json;
use axum::extract::State;
use piecework_contracts::slash_node_call;
use piecework_domain::ids::EngagementId;
use piecework_domain::money::Amount;
use piecework_domain::{B256, Bytes};
use piecework_store::equivocations::{self as stored, Equivocation};
use serde::Serialize;
use utoipa::ToSchema;

use super::lookup::Snapshot;
use crate::error::Problem;
use crate::extract::Id;
use crate::state::AppState;
use crate::views::{Certainty, ChainView, UnsignedTransaction};
use crate::{Error, Result};

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EquivocationView {
    pub engagement: EngagementId,
    pub number: u64,
    pub revision: u64,
    #[schema(value_type = Vec<String>)]
    pub block_hashes: [B256; 2],
    #[schema(value_type = Vec<String>)]
    pub signatures: [Bytes; 2],
    /// Whether it has cost the bond already.
    pub slashed: bool,
    /// What is left to take, in the bounty's token: half goes to whoever reports it, half to the poster.
    pub bond_left: Amount,
    /// Reports it: anyone can send this. The operator's worker does, where half the bond is worth the gas.
    pub transaction: UnsignedTransaction,
    pub chain: ChainView,
}

/// What proves that the engagement's node signed two blocks for one number and revision, with the transaction that takes its bond.
#[utoipa::path(get, path = "/v1/engagements/{id}/equivocation", tag = "evidence", params(("id" = String, Path)),
    responses((status = 200, body = EquivocationView), (status = 404, body = Problem), (status = 400, body = Problem)))]
pub async fn read(State(state): State<AppState>, Id(id): Id<EngagementId>) -> Result<Json<EquivocationView>> {
    let mut snapshot = Snapshot::take(&state, Certainty::Latest).await?;
    let row = snapshot.engagement(id).await?;
    let found = stored::get(&mut snapshot.db, id).await?;
    let Equivocation { number, revision, claims, .. } = found
        .ok_or_else(|| Error::not_found("no_equivocation", "equivocation of this engagement's node".to_owned()))?;
    let e = &row.engagement;
    let data = slash_node_call(&row.terms, &e.verifiers, &e.bid, (number, revision), claims.clone());
    let [(first, first_signature), (second, second_signature)] = claims;
    Ok(Json(EquivocationView {
        engagement: id,
        number,
        revision,
        block_hashes: [first, second],
        signatures: [first_signature, second_signature],
        slashed: e.slashed.is_some(),
        bond_left: e.bond_left(&row.terms),
        transaction: UnsignedTransaction {
            chain_id: state.chain.id,
            to: state.chain.escrow,
            value: Amount::ZERO,
            data,
        },
        chain: snapshot.chain(row.block_number),
    }))
}
