//! Where a request comes from, as far as limits go.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::Extensions;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use tower_governor::errors::GovernorError;
use tower_governor::key_extractor::KeyExtractor;

use crate::Error;
use crate::state::AppState;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// What one customer of a provider has at the least.
const V6_NETWORK_BITS: u32 = 64;

/// An IPv4 address, or the network of an IPv6 one: whoever has that has 2^64 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Network {
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(ip) => Self(Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << V6_NETWORK_BITS)).into()),
            v4 => Self(v4),
        }
    }

    /// The peer's; behind a proxy, what that added to `X-Forwarded-For` itself: entries before it are the caller's own words.
    fn read(headers: &HeaderMap, extensions: &Extensions, trust_proxy: bool) -> Option<Self> {
        if trust_proxy {
            let last = headers.get_all(FORWARDED_FOR).iter().next_back()?.to_str().ok()?.rsplit(',').next()?.trim();
            let address = last.parse::<IpAddr>().or_else(|_| last.parse::<SocketAddr>().map(|at| at.ip()));
            return address.ok().map(Self::of);
        }
        extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| Self::of(peer.0.ip()))
    }
}

impl FromRequestParts<AppState> for Network {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Error> {
        Self::read(&parts.headers, &parts.extensions, state.shares.trust_proxy)
            .ok_or_else(|| Error::malformed("unknown_address", "the address of this request is not known"))
    }
}

/// Counts requests by network.
#[derive(Clone, Copy, Debug)]
pub struct ByNetwork {
    pub trust_proxy: bool,
}

impl KeyExtractor for ByNetwork {
    type Key = Network;

    fn extract<T>(&self, request: &axum::http::Request<T>) -> Result<Network, GovernorError> {
        let network = Network::read(request.headers(), request.extensions(), self.trust_proxy);
        network.ok_or(GovernorError::UnableToExtractKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Network {
        Network::of(text.parse().unwrap())
    }

    #[test]
    fn an_ipv6_network_is_one_and_an_ipv4_address_is_one_however_it_is_spelt() {
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[test]
    fn behind_a_proxy_only_its_own_word_counts() {
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED_FOR, "198.51.100.7".parse().unwrap());
        headers.append(FORWARDED_FOR, "198.51.100.8, 192.0.2.1".parse().unwrap());
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 80))));
        assert_eq!(Network::read(&headers, &extensions, true), Some(of("192.0.2.1")));
        assert_eq!(Network::read(&headers, &extensions, false), Some(of("10.0.0.1")));
        headers.append(FORWARDED_FOR, "unknown".parse().unwrap());
        assert_eq!(Network::read(&headers, &extensions, true), None);
    }
}
