//! Keys, terms and an engagement for tests.

use alloy_primitives::{Address, B256, Bytes};
use k256::ecdsa::SigningKey;

use crate::chain::{Engagement, Event};
use crate::ids::{BountyId, SpecHash};
use crate::messages::Bid;
use crate::money::Amount;
use crate::terms::{Terms, VerifierSet};
use crate::time::Timestamp;

pub const START: Timestamp = Timestamp(1_000_000);

pub fn key(n: u8) -> SigningKey {
    SigningKey::from_slice(&[n; 32]).expect("is a key")
}

pub fn address(n: u8) -> Address {
    Address::from_private_key(&key(n))
}

pub fn sign(n: u8, digest: B256) -> Bytes {
    let (signature, parity) = key(n).sign_prehash_recoverable(digest.as_slice()).expect("signs");
    let mut bytes = signature.to_bytes().to_vec();
    bytes.push(27 + u8::from(parity.is_y_odd()));
    bytes.into()
}

/// 2 of 3.
pub fn verifiers() -> VerifierSet {
    let mut members: Vec<_> = (1..=3).map(address).collect();
    members.sort();
    VerifierSet { threshold: 2, members }
}

/// 0.5 per unit, one unit a second, 100 units, epochs of 10 s.
pub fn terms() -> Terms {
    Terms {
        poster: address(9),
        token: Address::ZERO,
        rate_max: 500,
        units_max: 100,
        unit_seconds: 1,
        epoch_seconds: 10,
        seats: 2,
        bond: 5_000,
        fault_penalty: 1_000,
        faults_max: 3,
        open_until: Timestamp(2_000_000),
        challenge_seconds: 20,
        notice_seconds: 30,
        silence_seconds: 60,
        verifier_fee: 7,
        verifier_bond_min: 0,
        open_claim: false,
        verifier_set: verifiers().hash(),
        arbiter: Address::ZERO,
        spec_hash: SpecHash(B256::repeat_byte(5)),
        salt: Amount::ZERO,
    }
}

/// At the highest rate, by runner 4, paid to 5, with the node 6.
pub fn bid() -> Bid {
    Bid {
        bounty: BountyId(B256::repeat_byte(1)),
        runner: address(4),
        payee: address(5),
        node: address(6),
        rate: 500,
        relay_fee: 0,
        expires_at: Timestamp(2_000_000),
        nonce: Amount::ZERO,
    }
}

/// What `bid` becomes at `START`: 100 units until 100 s later.
pub fn engaged() -> Event {
    Event::Engaged {
        engagement: bid().engagement_id(),
        bounty: bid().bounty,
        bid: bid(),
        verifiers: verifiers(),
        units_max: 100,
        started_at: START,
        ends_at: Some(START.plus(100)),
        reserve: 50_210.into(),
        spare: false,
        escrow: 0.into(),
    }
}

pub fn engagement() -> Engagement {
    Engagement::apply(None, &engaged()).expect("is consistent").expect("exists")
}
