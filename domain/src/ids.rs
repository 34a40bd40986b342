//! One type per identity, so that a bounty's id can't be passed for an engagement's.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String))]
        #[serde(transparent)]
        pub struct $name(pub B256);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = <B256 as FromStr>::Err;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

id!(
    /// `keccak256(abi.encode(chainid, escrow, terms))`, 32 bytes of 0x-hex in JSON.
    BountyId
);
id!(
    /// The struct hash of the bid that the engagement came from.
    EngagementId
);
id!(
    /// keccak256 of an evidence file's canonical bytes.
    EvidenceHash
);
id!(
    /// keccak256 of a spec's canonical bytes.
    SpecHash
);
