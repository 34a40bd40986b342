//! Epochs that a poster knows to be bad, said beforehand without saying which: a verifier that copies others or waves everything through
//! counts units in them.
//!
//! The poster runs a seat itself, commits to an epoch while nobody can have judged it, does that epoch's work badly, and opens the
//! commitment once the verdicts are in. What was committed to is the poster's word, so scores name their posters.

use alloy_primitives::{B256, Bytes, keccak256};
use alloy_sol_types::{SolValue, sol};
use serde::{Deserialize, Serialize};

use crate::ids::EngagementId;
use crate::messages::Domain;

sol! {
    struct Canary { bytes32 engagement; bytes32 commitment; }
}

/// A commitment as its poster signs it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedCanary {
    /// `keccak256(abi.encode(bytes32 engagement, uint64 epoch, uint64 unitsMax, bytes32 salt))`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub commitment: B256,
    /// The poster's EIP-712 signature of `Canary(bytes32 engagement,bytes32 commitment)`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: Bytes,
}

impl SignedCanary {
    pub fn digest(&self, engagement: EngagementId, domain: &Domain) -> B256 {
        domain.digest(&Canary { engagement: engagement.0, commitment: self.commitment })
    }
}

/// What a commitment was to.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Opening {
    pub epoch: u64,
    /// The most units that an honest verifier can count in the epoch.
    pub units_max: u64,
    /// 32 random bytes: without them the epoch could be guessed from the commitment.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub salt: B256,
}

impl Opening {
    pub fn commitment(&self, engagement: EngagementId) -> B256 {
        keccak256((engagement.0, self.epoch, self.units_max, self.salt).abi_encode())
    }

    /// Whether a verifier that counted `units` in the epoch saw what was wrong with it.
    pub fn caught(&self, units: u64) -> bool {
        units <= self.units_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::bid;

    #[test]
    fn only_what_was_committed_to_opens_it() {
        let id = bid().engagement_id();
        let opening = Opening { epoch: 3, units_max: 0, salt: B256::repeat_byte(7) };
        let commitment = opening.commitment(id);
        for other in [
            Opening { epoch: 4, ..opening },
            Opening { units_max: 1, ..opening },
            Opening { salt: B256::repeat_byte(8), ..opening },
        ] {
            assert_ne!(other.commitment(id), commitment, "{other:?}");
        }
        assert_ne!(opening.commitment(EngagementId(B256::ZERO)), commitment);
        assert!(opening.caught(0) && !opening.caught(1));
    }
}
