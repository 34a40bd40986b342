//! `POST /v1/specs/check`: what an offer means, before anything is paid.

use axum::Json;
use axum::extract::State;
use piecework_domain::ids::{BountyId, SpecHash};
use piecework_domain::money::Amount;
use piecework_domain::rules;
use piecework_domain::spec::Spec;
use piecework_domain::terms::{Terms, VerifierSet};
use piecework_domain::{Address, B256};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::lookup;
use crate::error::Problem;
use crate::extract::Body;
use crate::state::{AppState, Chain};
use crate::{Error, Result, clock};

/// Windows that leave time to see, judge and get a dispute mined, with some room.
const WINDOW_SECONDS: u32 = 30;

/// An offer: terms, the spec they hash, the verifier set they hash.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OfferBody {
    pub terms: Terms,
    pub verifiers: VerifierSet,
    pub spec: Spec,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    pub bounty_id: BountyId,
    pub spec_hash: SpecHash,
    #[schema(value_type = String)]
    pub verifier_set: B256,
    /// Send `cost` of `terms.token` here by any means.
    #[schema(value_type = String)]
    pub deposit_address: Address,
    /// Fills every seat at the highest rate, fees included.
    pub cost: Amount,
    /// What one engagement locks at the highest rate.
    pub reserve_per_seat: Amount,
    /// Fees within it.
    pub fees_per_seat: Amount,
    /// How long one engagement runs, in seconds; absent without a clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs_seconds: Option<u64>,
    /// Why nobody might want this, in words.
    pub warnings: Vec<String>,
}

/// An offer that holds together.
pub struct Valid {
    pub bounty: BountyId,
    pub deposit_address: Address,
    pub cost: Amount,
    pub spec_body: Vec<u8>,
}

/// Checks everything that can be checked without the chain.
pub fn validate(chain: &Chain, offer: &OfferBody) -> Result<Valid> {
    let OfferBody { terms, verifiers, spec } = offer;
    terms.validate()?;
    verifiers.validate()?;
    spec.validate()?;
    // PostgreSQL's text can't hold NUL.
    if spec.title().contains('\0') {
        return Err(Error::rule("invalid_spec", "title: must not contain NUL"));
    }
    let spec_hash = spec.hash()?;
    if spec_hash != terms.spec_hash {
        let detail = format!("terms.specHash is {}, but the spec's hash is {spec_hash}", terms.spec_hash);
        return Err(Error::rule("spec_mismatch", detail));
    }
    if verifiers.hash() != terms.verifier_set {
        let detail = format!("terms.verifierSet is {}, but the set's hash is {}", terms.verifier_set, verifiers.hash());
        return Err(Error::rule("verifier_set_mismatch", detail));
    }
    // Seconds beyond the year 9999 can be posted on chain, but not told as a time here.
    if terms.open_until.0 > 253_402_300_799 {
        return Err(Error::rule("invalid_terms", "openUntil: must be before the year 10000"));
    }
    lookup::check_terms(chain, terms, Some(spec))?;
    let cost = terms.cost(verifiers.members.len());
    let cost = cost.ok_or_else(|| Error::rule("invalid_terms", "the cost exceeds 256 bits"))?;
    let bounty = terms.bounty_id(chain.id, chain.escrow);
    Ok(Valid {
        bounty,
        deposit_address: piecework_contracts::deposit_address(chain.escrow, bounty),
        cost,
        spec_body: piecework_domain::canonical::bytes(spec)?,
    })
}

/// What an offer means: its id, deposit address, cost, and why nobody might bid.
#[utoipa::path(post, path = "/v1/specs/check", tag = "bounties", request_body = OfferBody,
    responses((status = 200, body = Checked), (status = 422, body = Problem), (status = 400, body = Problem)))]
pub async fn check(State(state): State<AppState>, Body(offer): Body<OfferBody>) -> Result<Json<Checked>> {
    let valid = validate(&state.chain, &offer)?;
    let OfferBody { terms, verifiers, .. } = &offer;
    let too_large = || Error::rule("invalid_terms", "the reserve exceeds 256 bits");
    let members = verifiers.members.len();
    Ok(Json(Checked {
        bounty_id: valid.bounty,
        spec_hash: terms.spec_hash,
        verifier_set: terms.verifier_set,
        deposit_address: valid.deposit_address,
        cost: valid.cost,
        reserve_per_seat: rules::reserve(terms, members, terms.rate_max).ok_or_else(too_large)?,
        fees_per_seat: rules::fee_reserve(terms, members, terms.units_max).ok_or_else(too_large)?,
        runs_seconds: (terms.unit_seconds != 0).then(|| terms.units_max * u64::from(terms.unit_seconds)),
        warnings: warnings(&offer),
    }))
}

fn warnings(offer: &OfferBody) -> Vec<String> {
    let OfferBody { terms, verifiers, spec } = offer;
    let mut warnings = Vec::new();
    let mut warn = |text: &str| warnings.push(text.to_owned());
    if terms.open_until <= clock::now() {
        warn("openUntil has passed: a deposit would go back to the poster");
    }
    if terms.verifier_fee == 0 {
        warn("verifierFee is 0: verifiers may not bother to judge");
    }
    if verifiers.threshold == 1 {
        warn("threshold is 1: a single verifier decides alone");
    }
    if terms.challenge_seconds == 0 {
        warn("challengeSeconds is 0: verdicts pay at once and can't be disputed");
    } else if terms.challenge_seconds < WINDOW_SECONDS {
        warn("challengeSeconds is short: verifiers may not see a false assertion in time to dispute it");
    }
    if terms.bond == 0 {
        warn("bond is 0: faults cost the runner nothing");
    }
    if terms.unit_seconds != 0 && u64::from(terms.epoch_seconds) > terms.units_max * u64::from(terms.unit_seconds) {
        warn("epochSeconds is longer than the whole engagement");
    }
    match spec {
        Spec::Sequencer(spec) => {
            let per_epoch = u64::from(terms.epoch_seconds) / u64::from(terms.unit_seconds.max(1));
            if spec.blocks_min > per_epoch {
                warn("blocksMin is more than an epoch has units: every epoch would be a fault");
            }
        }
        Spec::Rpc(spec) => {
            if spec.fault_below_bps == 0 && terms.bond != 0 {
                warn("faultBelowBps is 0: no epoch is ever a fault, however bad");
            }
        }
    }
    warnings
}
