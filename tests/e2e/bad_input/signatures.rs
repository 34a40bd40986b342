//! Ways to spoil a signature.

use piecework_domain::messages::Domain;
use piecework_domain::{Address, Bytes, U256};

use super::world::World;

/// The order of secp256k1.
const ORDER: U256 =
    U256::from_limbs([0xBFD2_5E8C_D036_4141, 0xBAAE_DCE6_AF48_A03B, 0xFFFF_FFFF_FFFF_FFFE, 0xFFFF_FFFF_FFFF_FFFF]);

/// `good` in all forms that are not the one allowed: 65 bytes, low s, v of 27 or 28.
pub fn spoilt(good: &Bytes) -> Vec<(&'static str, Bytes)> {
    let (short, v) = (&good[..64], good[64]);
    let with_v = |v: u8| Bytes::from([short, &[v]].concat());
    vec![
        ("high s", high_s(good)),
        ("64 bytes", Bytes::copy_from_slice(short)),
        ("66 bytes", [&good[..], &[0]].concat().into()),
        ("no bytes", Bytes::new()),
        ("v of 0 or 1", with_v(v - 27)),
        ("the other v", with_v(55 - v)),
        ("v of 255", with_v(255)),
        ("zeros", [&[0; 64][..], &[27]].concat().into()),
        ("all bits set", [&[0xff; 64][..], &[28]].concat().into()),
    ]
}

/// The same key's other signature of the same digest: n − s, and the other v.
pub fn high_s(good: &Bytes) -> Bytes {
    let s = ORDER - U256::from_be_slice(&good[32..64]);
    [&good[..32], &s.to_be_bytes::<32>(), &[55 - good[64]]].concat().into()
}

/// Domains that are not this escrow's.
pub fn elsewhere(world: &World<'_>) -> [(&'static str, Domain); 2] {
    let ready = &world.cast.dev.ready;
    [
        ("signed for another chain", Domain::new(ready.chain_id + 1, ready.escrow)),
        ("signed for another escrow", Domain::new(ready.chain_id, Address::repeat_byte(7))),
    ]
}
