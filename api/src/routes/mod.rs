//! All routes, and the OpenAPI document generated from them.

mod auth;
mod awards;
mod bids;
mod bounties;
mod canaries;
mod claim;
mod docs;
mod document;
mod endpoints;
mod engagements;
mod equivocations;
mod events;
mod evidence;
mod facilitator;
mod health;
pub mod lookup;
mod money;
mod network;
mod payments;
mod payout_wishes;
mod posting;
mod runners;
mod specs;
mod statements;
mod stats;
mod verifiers;
mod webhooks;

use std::sync::LazyLock;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use serde_json::Value;
pub use stats::Counted;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

/// A round's reports travel with its statement.
pub const STATEMENT_BYTES_MAX: usize = 16 * 1024 * 1024;

#[derive(OpenApi)]
#[openapi(info(
    title = "Piecework",
    description = "A marketplace for infrastructure work, paid on chain per verified unit. Amounts are decimal strings in \
                   token base units; ids and hashes are 0x-hex; times are RFC 3339 UTC, except inside `terms` and signed \
                   messages, which hold exactly the integers that are hashed and signed. Errors are \
                   `application/problem+json` with a stable `code`.",
    license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
), components(schemas(crate::views::Certainty, bounties::Sort, crate::error::Problem)), modifiers(&SignedIn))]
struct Doc;

/// How routes that ask for a session are asked.
struct SignedIn;

impl Modify for SignedIn {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("An access token: Sign-In with Ethereum at `/v1/auth/login`"))
            .build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("session", SecurityScheme::Http(bearer));
    }
}

/// Everything but streams.
pub fn all() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Doc::openapi())
        .routes(routes!(specs::check))
        .routes(routes!(posting::post, bounties::list))
        .routes(routes!(bounties::read))
        .routes(routes!(bids::post, bids::list))
        .routes(routes!(bids::withdraw))
        .routes(routes!(awards::post))
        .routes(routes!(claim::read))
        .routes(routes!(engagements::list))
        .routes(routes!(engagements::read))
        .routes(routes!(engagements::epochs))
        .routes(routes!(engagements::payouts))
        .routes(routes!(engagements::voucher))
        .routes(routes!(endpoints::post))
        .routes(routes!(payout_wishes::post))
        .routes(routes!(evidence::claims))
        .routes(routes!(evidence::post))
        .routes(routes!(evidence::read))
        .routes(routes!(equivocations::read))
        .routes(routes!(canaries::post, canaries::list))
        .routes(routes!(canaries::open))
        .routes(routes!(verifiers::read))
        .routes(routes!(verifiers::assignments))
        .merge(OpenApiRouter::new().routes(routes!(statements::post)).layer(DefaultBodyLimit::max(STATEMENT_BYTES_MAX)))
        .routes(routes!(runners::read))
        .routes(routes!(payments::read))
        .routes(routes!(facilitator::supported))
        .routes(routes!(facilitator::verify))
        .routes(routes!(facilitator::settle))
        .routes(routes!(auth::nonce))
        .routes(routes!(auth::login))
        .routes(routes!(auth::refresh))
        .routes(routes!(auth::logout))
        .routes(routes!(auth::list))
        .routes(routes!(auth::end))
        .routes(routes!(auth::keys))
        .routes(routes!(webhooks::post, webhooks::list))
        .routes(routes!(webhooks::read, webhooks::delete))
        .routes(routes!(webhooks::resume))
        .routes(routes!(webhooks::rotate))
        .routes(routes!(network::read))
        .routes(routes!(stats::read))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
}

pub fn streams() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(events::stream))
}

/// Not part of the API proper: its description, and metrics for the operator.
pub fn unlisted() -> Router<AppState> {
    Router::new().route("/openapi.json", get(described)).route("/metrics", get(health::metrics)).merge(docs::routes())
}

async fn described() -> axum::Json<&'static Value> {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(openapi);
    axum::Json(&DOCUMENT)
}

/// The OpenAPI document of this version, as committed in `api/openapi.json`.
pub fn openapi() -> Value {
    let mut described = all().split_for_parts().1;
    described.merge(streams().split_for_parts().1);
    document::finish(&described)
}
