//! Saying where a node serves.

use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use piecework_domain::Bytes;
use piecework_domain::ids::EngagementId;
use piecework_domain::messages::{Domain, SignedEndpoint};
use piecework_domain::time::Timestamp;

use super::Seat;
use crate::cast::Cast;

fn signed(node: &PrivateKeySigner, id: EngagementId, domain: &Domain, url: &str, since: Timestamp) -> SignedEndpoint {
    let mut endpoint = SignedEndpoint { url: url.to_owned(), since, signature: Bytes::new() };
    endpoint.signature = node.sign_hash_sync(&endpoint.digest(id, domain)).unwrap().as_bytes().to_vec().into();
    endpoint
}

pub async fn announce(cast: &Cast<'_>, seat: &Seat) {
    let endpoint = signed(&seat.node, seat.id, &cast.domain, &seat.url, cast.now().await);
    cast.api.announce(seat.id, &endpoint).await.expect("the endpoint is taken");
}

/// Nobody but its node moves an engagement's endpoint, and an older word doesn't replace a newer one.
pub async fn others_words_are_refused(cast: &Cast<'_>, seat: &Seat, other: &Seat) {
    let (id, domain, url) = (seat.id, &cast.domain, "http://127.0.0.1:1/");
    let known = cast.engaged(id).await.endpoint.expect("is announced");
    assert_eq!(known.url, seat.url);
    let later = known.since.plus(1);
    let elsewhere = Domain::new(cast.dev.ready.chain_id + 1, cast.dev.ready.escrow);
    let good = signed(&seat.node, id, domain, url, later);
    let cases = [
        ("another node's", signed(&other.node, id, domain, url, later), "bad_signature"),
        ("of another engagement", signed(&seat.node, other.id, domain, url, later), "bad_signature"),
        ("of another chain", signed(&seat.node, id, &elsewhere, url, later), "bad_signature"),
        ("of another url", SignedEndpoint { url: seat.url.clone(), ..good.clone() }, "bad_signature"),
        ("of another time", SignedEndpoint { since: later.plus(1), ..good }, "bad_signature"),
        ("older", signed(&seat.node, id, domain, url, Timestamp(known.since.0 - 1)), "endpoint_superseded"),
        ("of the same time", signed(&seat.node, id, domain, url, known.since), "endpoint_superseded"),
    ];
    for (what, endpoint, code) in cases {
        let err = cast.api.announce(id, &endpoint).await.expect_err(what);
        assert_eq!(err.code(), Some(code), "{what}: {err}");
    }
    cast.api.announce(id, &known).await.expect("the same word again changes nothing");
    let still = cast.engaged(id).await.endpoint.expect("is announced");
    assert_eq!(still, known);
}
