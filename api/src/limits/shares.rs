//! What one network may take of what all share: places in the database, the operator's gas, memory.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::Network;
use crate::server::BODY_BYTES_MAX;
use crate::state::AppState;
use crate::{Error, Result};

const WEBHOOKS_PER_HOUR: NonZeroU32 = NonZeroU32::new(60).unwrap();
/// Requests with larger bodies than most routes take, at once.
const LARGE_OF_NETWORK: usize = 4;
const LARGE_OF_ALL: usize = 32;

type Hourly = DefaultKeyedRateLimiter<Network>;

#[derive(Debug)]
pub struct Shares {
    /// Whether `X-Forwarded-For` is believed.
    pub trust_proxy: bool,
    offers: Option<Hourly>,
    /// None: nothing is settled for others.
    settlements: Option<Hourly>,
    webhooks: Hourly,
    large: Large,
}

/// What the operator grants a network.
#[derive(Clone, Copy, Debug, Default)]
pub struct Grants {
    /// New offers per hour that nobody paid for yet; any number without.
    pub offers_per_hour: Option<NonZeroU32>,
    /// Payments settled for others per hour, at the operator's gas; none without.
    pub settlements_per_hour: Option<NonZeroU32>,
    /// Whether `X-Forwarded-For` is believed: only behind a proxy that sets it.
    pub trust_proxy: bool,
}

impl Shares {
    pub fn new(grants: Grants) -> Self {
        let hourly = |max| RateLimiter::keyed(Quota::per_hour(max));
        Self {
            trust_proxy: grants.trust_proxy,
            offers: grants.offers_per_hour.map(hourly),
            settlements: grants.settlements_per_hour.map(hourly),
            webhooks: hourly(WEBHOOKS_PER_HOUR),
            large: Large::default(),
        }
    }

    pub fn offer(&self, network: Network) -> Result<()> {
        let refuse = || {
            Error::too_many(
                "too_many_offers",
                "a network may make so many new offers an hour that nobody paid for; pay for some, or wait",
            )
        };
        self.offers.as_ref().map_or(Ok(()), |offers| offers.check_key(&network).map_err(|_| refuse()))
    }

    /// Whether payments for others are settled at all.
    pub fn settles(&self) -> bool {
        self.settlements.is_some()
    }

    pub fn settlement(&self, network: Network) -> Result<()> {
        let Some(settlements) = &self.settlements else {
            return Err(Error::Refused {
                status: StatusCode::FORBIDDEN,
                code: "not_a_facilitator",
                detail: "this API settles payments for bounties only".to_owned(),
            });
        };
        let refuse = |_| {
            Error::too_many(
                "too_many_settlements",
                "the operator pays for so many settlements an hour of one network; wait",
            )
        };
        settlements.check_key(&network).map_err(refuse)
    }

    pub fn webhook(&self, network: Network) -> Result<()> {
        let refuse =
            |_| Error::too_many("too_many_new_webhooks", "a network may make so many new webhooks an hour; wait");
        self.webhooks.check_key(&network).map_err(refuse)
    }

    /// Networks that have been quiet are forgotten.
    pub fn forget_quiet(&self) {
        for hourly in self.offers.iter().chain(&self.settlements).chain([&self.webhooks]) {
            hourly.retain_recent();
            hourly.shrink_to_fit();
        }
    }
}

/// Large bodies under way. Each is in memory as a whole.
#[derive(Clone, Debug, Default)]
struct Large(Arc<Mutex<HashMap<Network, usize>>>);

impl Large {
    fn held(&self) -> MutexGuard<'_, HashMap<Network, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more, or none.
    fn enter(&self, network: Network) -> Option<Place> {
        let mut held = self.held();
        let own = held.get(&network).copied().unwrap_or(0);
        if own >= LARGE_OF_NETWORK || held.values().sum::<usize>() >= LARGE_OF_ALL {
            return None;
        }
        held.insert(network, own + 1);
        Some(Place { large: self.clone(), network })
    }
}

struct Place {
    large: Large,
    network: Network,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.large.held();
        match held.get_mut(&self.network) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(held.remove(&self.network)),
        }
    }
}

/// Lets so many requests with large bodies in; one whose size is not known is one of them.
pub async fn large_bodies(State(state): State<AppState>, network: Network, request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    if length.unwrap_or(if chunked { usize::MAX } else { 0 }) <= BODY_BYTES_MAX {
        return next.run(request).await;
    }
    match state.shares.large.enter(network) {
        Some(_place) => next.run(request).await,
        None => Error::too_many(
            "too_many_large_bodies",
            "a network may send so many large bodies at once; wait for the others' answers",
        )
        .into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(n: u8) -> Network {
        Network::of([192, 0, 2, n].into())
    }

    #[test]
    fn one_network_leaves_room_for_others_and_a_place_is_free_again() {
        let large = Large::default();
        let mut places: Vec<_> = (0..LARGE_OF_NETWORK).map(|_| large.enter(network(1)).expect("has room")).collect();
        assert!(large.enter(network(1)).is_none());
        let of_others = (LARGE_OF_NETWORK..LARGE_OF_ALL).map(|n| large.enter(network(u8::try_from(n).unwrap())));
        places.extend(of_others.map(|place| place.expect("has room")));
        assert!(large.enter(network(200)).is_none(), "all places are taken");
        places.clear();
        assert!(large.enter(network(1)).is_some() && large.held().is_empty());
    }

    #[test]
    fn a_network_has_its_share_of_each_and_others_have_theirs() {
        let two = NonZeroU32::new(2);
        let shares = Shares::new(Grants { offers_per_hour: two, settlements_per_hour: two, trust_proxy: false });
        for ask in [Shares::offer, Shares::settlement] {
            assert_eq!((0..5).filter(|_| ask(&shares, network(1)).is_ok()).count(), 2);
            assert!(ask(&shares, network(2)).is_ok());
        }
        assert_eq!((0..100).filter(|_| shares.webhook(network(1)).is_ok()).count(), 60);
        let by_default = Shares::new(Grants::default());
        assert!((0..1_000).all(|_| by_default.offer(network(1)).is_ok()));
        assert!(!by_default.settles() && by_default.settlement(network(1)).is_err(), "nothing is settled for others");
    }
}
