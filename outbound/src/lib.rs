//! HTTP to URLs that strangers chose. No redirects, no proxies of the environment, and (unless the operator allows more) public
//! addresses only, checked at the moment of connecting.

mod names;

use std::io::ErrorKind;
use std::net::IpAddr;

pub use names::{Busy, Family, Names};
use piecework_domain::public::is_public;
use reqwest::redirect;

/// Which addresses may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The public internet alone.
    Public,
    /// Private networks and this machine, too.
    Everywhere,
}

impl Reach {
    /// Whether the operator allowed private places.
    pub fn allowing_private(allowed: bool) -> Self {
        if allowed { Self::Everywhere } else { Self::Public }
    }

    /// A client that goes nowhere else by name. Addresses in URLs are not looked up: [`Reach::check`] them first.
    pub fn client(self, names: &Names) -> reqwest::ClientBuilder {
        let builder = reqwest::Client::builder().redirect(redirect::Policy::none()).no_proxy();
        match self {
            Self::Public => builder.dns_resolver(names.clone()),
            Self::Everywhere => builder,
        }
    }

    /// Why a URL's host, where it is an address, must not be called.
    pub fn check(self, url: &reqwest::Url, family: Family) -> Result<(), &'static str> {
        let Some(ip) = url.host_str().and_then(|host| host.trim_matches(['[', ']']).parse::<IpAddr>().ok()) else {
            return Ok(());
        };
        if !family.has(ip) {
            return Err("endpoints are asked by IPv4");
        }
        if self == Self::Public && !is_public(ip) {
            return Err("the endpoint is not on the public internet");
        }
        Ok(())
    }
}

/// Whether it is this machine that can't connect: that says nothing about who was called.
pub fn is_own_failure(err: &reqwest::Error) -> bool {
    const TOO_MANY_FILES: [i32; 2] = [23, 24];
    let mut cause = std::error::Error::source(err);
    while let Some(inner) = cause {
        if inner.is::<Busy>() {
            return true;
        }
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            let here = matches!(
                io.kind(),
                ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown | ErrorKind::AddrNotAvailable
            );
            if here || io.raw_os_error().is_some_and(|code| TOO_MANY_FILES.contains(&code)) {
                return true;
            }
        }
        cause = inner.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_out_of_reach_are_refused_however_they_are_spelt() {
        for (url, by_v4, by_both) in [
            ("http://1.1.1.1/", true, true),
            ("http://example.com/", true, true),
            ("http://[2606:4700::1111]/", false, true),
            ("http://127.0.0.1:80/", false, false),
            ("http://2130706433/", false, false), // the same as a number
            ("http://0x7f.1/", false, false),
            ("http://169.254.169.254/latest/meta-data", false, false),
            ("http://[::1]/", false, false),
            ("http://[::ffff:10.0.0.1]/", false, false),
            ("http://0/", false, false),
        ] {
            let parsed = url.parse().expect("is a URL");
            assert_eq!(Reach::Public.check(&parsed, Family::V4).is_ok(), by_v4, "{url}");
            assert_eq!(Reach::Public.check(&parsed, Family::Both).is_ok(), by_both, "{url}");
            assert!(Reach::Everywhere.check(&parsed, Family::Both).is_ok(), "{url}");
        }
    }
}
