//! Engagements: state, epochs, payouts, voucher.

use axum::Json;
use axum::extract::State;
use piecework_domain::ids::EngagementId;
use piecework_domain::money::Amount;
use piecework_domain::time::Timestamp;
use piecework_domain::{rules, voucher as rule};
use piecework_store::engagements::Filter;
use piecework_store::statements::Finding;
use piecework_store::{endpoints, engagements as stored, payout_wishes, payouts as stored_payouts, statements};
use serde::Deserialize;
use utoipa::IntoParams;

use super::lookup::{self, ReadParams, Snapshot};
use super::money;
use crate::error::Problem;
use crate::extract::{Id, Params, malformed_cursor, page_size, parse_id, read_cursor, write_cursor};
use crate::state::AppState;
use crate::views::{
    Certainty, EngagementDetail, EngagementView, EpochView, FindingView, Page, PayoutView, UnsignedTransaction,
    VoucherView, rfc3339,
};
use crate::{Error, Result, clock};

/// Verdicts per verifier that are looked at for one whose window has passed.
pub const VERDICT_DEPTH: i64 = 64;

/// Refusals after which a page of epochs ends: up to 32 verifiers each have some in every epoch.
const REFUSALS_PER_PAGE: usize = 2_000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListParams {
    /// `latest` unless given: how sure the answer has to be.
    #[serde(default)]
    certainty: Certainty,
    bounty: Option<String>,
    runner: Option<String>,
    /// `active`, `ended` or `closed`.
    status: Option<String>,
    cursor: Option<String>,
    /// 1 to 100, 50 unless given.
    limit: Option<u32>,
}

/// Engagements, newest first.
#[utoipa::path(get, path = "/v1/engagements", tag = "engagements", params(ListParams),
    responses((status = 200, body = Page<EngagementView>), (status = 400, body = Problem)))]
pub async fn list(
    State(state): State<AppState>,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<EngagementView>>> {
    let limit = page_size(params.limit)?;
    if let Some(status) = params.status.as_deref().filter(|s| !["active", "ended", "closed"].contains(s)) {
        let detail = format!("status is `active`, `ended` or `closed`, got {status:.40?}");
        return Err(Error::malformed("malformed_query", detail));
    }
    let filter = Filter {
        bounty: params.bounty.as_deref().map(parse_id).transpose()?,
        runner: params.runner.as_deref().map(parse_id).transpose()?,
        status: params.status,
        certainty: params.certainty.into(),
        after: read_cursor(params.cursor.as_deref())?,
    };
    let mut snapshot = Snapshot::take(&state, filter.certainty).await?;
    let rows = stored::list(&mut snapshot.db, &filter, limit).await?;
    let ids: Vec<_> = rows.iter().map(|row| row.engagement.id).collect();
    let mut served = endpoints::get(&mut snapshot.db, &ids).await?;
    Ok(Json(Page::new(
        rows,
        limit,
        |row| write_cursor(row.engagement.started_at, row.engagement.id),
        |row| {
            let endpoint = served.remove(&row.engagement.id);
            EngagementView::new(row.engagement, row.terms, endpoint, snapshot.chain(row.block_number))
        },
    )))
}

/// One engagement, with where its money stands and what happens next.
#[utoipa::path(get, path = "/v1/engagements/{id}", tag = "engagements", params(("id" = String, Path), ReadParams),
    responses((status = 200, body = EngagementDetail), (status = 404, body = Problem), (status = 400, body = Problem)))]
pub async fn read(
    State(state): State<AppState>,
    Id(id): Id<EngagementId>,
    Params(params): Params<ReadParams>,
) -> Result<Json<EngagementDetail>> {
    let mut snapshot = Snapshot::take(&state, params.certainty).await?;
    let row = snapshot.engagement(id).await?;
    let db = &mut snapshot.db;
    let endpoint = endpoints::get(db, &[id]).await?.remove(&id);
    let payout_wish = payout_wishes::get(db, &[id]).await?.remove(&id);
    let money = money::of(db, &row).await?;
    let engagement = EngagementView::new(row.engagement, row.terms, endpoint, snapshot.chain(row.block_number));
    Ok(Json(EngagementDetail { engagement, money, payout_wish }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EpochParams {
    /// First epoch, 0 unless given.
    from: Option<u64>,
    /// From the page before; goes before `from`.
    cursor: Option<String>,
    /// 1 to 100, 50 unless given.
    limit: Option<u32>,
}

/// What verifiers found, epoch by epoch, with a reason for every unit that was refused.
#[utoipa::path(get, path = "/v1/engagements/{id}/epochs", tag = "engagements", params(("id" = String, Path), EpochParams),
    responses((status = 200, body = Page<EpochView>), (status = 404, body = Problem), (status = 400, body = Problem)))]
pub async fn epochs(
    State(state): State<AppState>,
    Id(id): Id<EngagementId>,
    Params(params): Params<EpochParams>,
) -> Result<Json<Page<EpochView>>> {
    let limit = u64::try_from(page_size(params.limit)?).unwrap_or(1);
    let refuse = || Error::malformed("malformed_cursor", "this cursor was not given out by this list");
    let from = match params.cursor.as_deref() {
        Some(cursor) => cursor.parse().map_err(|_| refuse())?,
        None => params.from.unwrap_or(0),
    };
    let mut db = lookup::db(&state.pool).await?;
    let row = lookup::engagement(&mut db, id).await?;
    let e = &row.engagement;
    let to = from.saturating_add(limit);
    let mut findings = statements::findings(&mut db, id, from, to).await?.into_iter().peekable();
    let now = clock::now();
    let mut items = Vec::new();
    let mut refusals = 0;
    let mut next = from;
    for epoch in from..to {
        let Some((start, end)) = rules::epoch_window(&row.terms, e.started_at, e.ends_at, epoch) else {
            break;
        };
        if start > now {
            break;
        }
        let mut found = Vec::new();
        while let Some(finding) = findings.next_if(|finding| finding.epoch == epoch) {
            refusals += finding.refused.len();
            found.push(finding_view(finding));
        }
        items.push(EpochView::new(epoch, start, end, &e.verifiers, found));
        next = epoch + 1;
        if refusals >= REFUSALS_PER_PAGE {
            break;
        }
    }
    let full = next == to || refusals >= REFUSALS_PER_PAGE;
    let next_cursor = full.then(|| next.to_string());
    Ok(Json(Page { items, next_cursor }))
}

fn finding_view(finding: Finding) -> FindingView {
    FindingView {
        verifier: finding.verifier,
        units: finding.units,
        faults: finding.faults,
        counted: finding.counted,
        fault: finding.fault,
        refused: finding.refused,
        refused_count: finding.refused_count,
        evidence: finding.evidence,
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PayoutParams {
    /// `latest` unless given: how sure the answer has to be.
    #[serde(default)]
    certainty: Certainty,
    cursor: Option<String>,
    /// 1 to 100, 50 unless given.
    limit: Option<u32>,
}

/// What was paid, oldest first.
#[utoipa::path(get, path = "/v1/engagements/{id}/payouts", tag = "engagements", params(("id" = String, Path), PayoutParams),
    responses((status = 200, body = Page<PayoutView>), (status = 404, body = Problem), (status = 400, body = Problem)))]
pub async fn payouts(
    State(state): State<AppState>,
    Id(id): Id<EngagementId>,
    Params(params): Params<PayoutParams>,
) -> Result<Json<Page<PayoutView>>> {
    let limit = page_size(params.limit)?;
    let refuse = malformed_cursor;
    let after = match params.cursor.as_deref() {
        None => None,
        Some(cursor) => {
            let (block, log) = cursor.split_once('_').ok_or_else(refuse)?;
            Some((block.parse().map_err(|_| refuse())?, log.parse().map_err(|_| refuse())?))
        }
    };
    let mut snapshot = Snapshot::take(&state, params.certainty).await?;
    snapshot.engagement(id).await?;
    let certainty = snapshot.certainty;
    let rows = stored_payouts::of_engagement(&mut snapshot.db, id, certainty, after, limit).await?;
    Ok(Json(Page::new(
        rows,
        limit,
        |row| format!("{}_{}", row.block_number, row.log_index),
        |row| PayoutView {
            payee: row.payee,
            submitter: row.submitter,
            units: row.units,
            amount: row.amount,
            relay_fee: row.relay_fee,
            tx_hash: row.tx_hash,
            block_number: row.block_number,
            time: rfc3339(row.time),
            chain: snapshot.chain(row.block_number),
        },
    )))
}

/// The voucher that proves most, with the transaction that redeems it. Needs no permission: it pays only the payee.
#[utoipa::path(get, path = "/v1/engagements/{id}/voucher", tag = "engagements", params(("id" = String, Path)),
    responses((status = 200, body = VoucherView), (status = 404, body = Problem), (status = 400, body = Problem)))]
pub async fn voucher(State(state): State<AppState>, Id(id): Id<EngagementId>) -> Result<Json<VoucherView>> {
    let mut snapshot = Snapshot::take(&state, Certainty::Latest).await?;
    let row = snapshot.engagement(id).await?;
    let e = &row.engagement;
    let now = clock::now();
    let until = Timestamp(now.0.saturating_sub(row.terms.challenge_seconds.into()));
    let verdicts = statements::attested(&mut snapshot.db, id, until, VERDICT_DEPTH).await?;
    let voucher = rule::best(&row.terms, e.verifiers.threshold, e.members_left(), e.record.resolved_at, &verdicts, now);
    let voucher = voucher.ok_or_else(|| {
        Error::not_found(
            "no_voucher",
            format!("voucher yet: {} verdicts past their window are needed", e.verifiers.threshold),
        )
    })?;
    let cap = rules::units_cap(&row.terms, e.units_max, e.started_at, e.ends_at, voucher.attested_at());
    Ok(Json(VoucherView {
        engagement: id,
        units: voucher.units,
        faults: voucher.faults,
        redeemable_at: rfc3339(voucher.redeemable_at),
        units_new: voucher.units.min(cap).saturating_sub(e.units_paid),
        transaction: UnsignedTransaction {
            chain_id: state.chain.id,
            to: state.chain.escrow,
            value: Amount::ZERO,
            data: piecework_contracts::redeem_call(&row.terms, &e.verifiers, &e.bid, &voucher),
        },
        voucher,
        chain: snapshot.chain(row.block_number),
    }))
}
