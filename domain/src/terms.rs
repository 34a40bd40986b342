//! The immutable on-chain offer and the set of verifiers it names.

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::{SolValue, sol};
use serde::{Deserialize, Serialize};

use crate::ids::{BountyId, SpecHash};
use crate::money::{Amount, decimal};
use crate::rules;
use crate::time::Timestamp;

/// Most members a verifier set can have (`Rules.VERIFIERS_MAX`).
pub const VERIFIERS_MAX: usize = 32;

mod abi {
    use super::sol;
    sol! {
        struct Terms {
            address poster; address token; uint128 rateMax; uint64 unitsMax; uint32 unitSeconds; uint32 epochSeconds;
            uint32 seats; uint128 bond; uint128 faultPenalty; uint32 faultsMax; uint64 openUntil; uint32 challengeSeconds;
            uint32 noticeSeconds; uint32 silenceSeconds; uint128 verifierFee; uint128 verifierBondMin; bool openClaim;
            bytes32 verifierSet; address arbiter; bytes32 specHash; uint256 salt;
        }
    }
}

/// Amounts are base units of `token` (0 = native coin), times seconds. See `contracts/src/interfaces/IEscrow.sol`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Terms {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub poster: Address,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub token: Address,
    #[serde(with = "decimal")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub rate_max: u128,
    pub units_max: u64,
    pub unit_seconds: u32,
    pub epoch_seconds: u32,
    pub seats: u32,
    #[serde(with = "decimal")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub bond: u128,
    #[serde(with = "decimal")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub fault_penalty: u128,
    pub faults_max: u32,
    pub open_until: Timestamp,
    pub challenge_seconds: u32,
    pub notice_seconds: u32,
    pub silence_seconds: u32,
    #[serde(with = "decimal")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub verifier_fee: u128,
    #[serde(with = "decimal")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub verifier_bond_min: u128,
    pub open_claim: bool,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub verifier_set: B256,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub arbiter: Address,
    pub spec_hash: SpecHash,
    pub salt: Amount,
}

/// Why an offer can't be posted. The field is the JSON name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{field}: {problem}")]
pub struct InvalidTerms {
    pub field: &'static str,
    pub problem: &'static str,
}

impl Terms {
    /// The bounty's id at `escrow` on chain `chain_id`.
    pub fn bounty_id(&self, chain_id: u64, escrow: Address) -> BountyId {
        BountyId(keccak256((U256::from(chain_id), escrow, self.to_abi()).abi_encode()))
    }

    /// Base units of the token that an hour of work at `rateMax` pays, rounded down; `None` where units have no time.
    pub fn pay_per_hour(&self) -> Option<Amount> {
        let seconds = U256::from(self.unit_seconds);
        // 2^128 × 3600 fits.
        (!seconds.is_zero()).then(|| Amount(U256::from(self.rate_max) * U256::from(3_600) / seconds))
    }

    /// The same checks as `Rules.firstInvalid`, in the same order.
    pub fn validate(&self) -> Result<(), InvalidTerms> {
        let refuse = |field, problem| Err(InvalidTerms { field, problem });
        if self.poster == Address::ZERO {
            return refuse("poster", "must not be the zero address");
        }
        if self.rate_max == 0 {
            return refuse("rateMax", "must be above 0");
        }
        if self.units_max == 0 {
            return refuse("unitsMax", "must be above 0");
        }
        if u128::from(self.units_max) * u128::from(self.unit_seconds) > u128::from(u32::MAX) {
            return refuse("unitSeconds", "unitsMax × unitSeconds must fit 32 bits of seconds");
        }
        if self.units_max >= 1 << 53 {
            return refuse("unitsMax", "must be below 2^53");
        }
        if self.epoch_seconds == 0 {
            return refuse("epochSeconds", "must be above 0");
        }
        if self.seats == 0 {
            return refuse("seats", "must be above 0");
        }
        if self.fault_penalty > self.bond {
            return refuse("faultPenalty", "must be covered by the bond");
        }
        if self.verifier_set == B256::ZERO {
            return refuse("verifierSet", "must be the hash of a verifier set");
        }
        if self.arbiter != Address::ZERO && self.challenge_seconds == 0 {
            return refuse("challengeSeconds", "must be above 0 with an arbiter: nobody could call it in time");
        }
        if self.arbiter != Address::ZERO && self.silence_seconds == 0 {
            return refuse("silenceSeconds", "must be above 0 with an arbiter: it would have no time to answer");
        }
        if self.verifier_bond_min != 0 && rules::exit_seconds(self) > rules::THAW_SECONDS {
            return refuse(
                "verifierBondMin",
                "noticeSeconds + epochSeconds + 3 × silenceSeconds + 3 × challengeSeconds must be at most 30 days, \
                 the time for which a verifier's bond can be slashed after it was asked back",
            );
        }
        Ok(())
    }

    /// What fills every seat at the highest rate: the amount to deposit. `None` where it exceeds 256 bits.
    pub fn cost(&self, verifiers: usize) -> Option<Amount> {
        rules::reserve(self, verifiers, self.rate_max)?.checked_mul(u64::from(self.seats))
    }

    fn to_abi(&self) -> abi::Terms {
        abi::Terms {
            poster: self.poster,
            token: self.token,
            rateMax: self.rate_max,
            unitsMax: self.units_max,
            unitSeconds: self.unit_seconds,
            epochSeconds: self.epoch_seconds,
            seats: self.seats,
            bond: self.bond,
            faultPenalty: self.fault_penalty,
            faultsMax: self.faults_max,
            openUntil: self.open_until.0,
            challengeSeconds: self.challenge_seconds,
            noticeSeconds: self.notice_seconds,
            silenceSeconds: self.silence_seconds,
            verifierFee: self.verifier_fee,
            verifierBondMin: self.verifier_bond_min,
            openClaim: self.open_claim,
            verifierSet: self.verifier_set,
            arbiter: self.arbiter,
            specHash: self.spec_hash.0,
            salt: self.salt.0,
        }
    }
}

/// Who may attest, and how many of them it takes.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifierSet {
    pub threshold: u8,
    /// Strictly ascending.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub members: Vec<Address>,
}

impl VerifierSet {
    /// `keccak256(abi.encode(uint8 threshold, address[] members))`.
    pub fn hash(&self) -> B256 {
        keccak256((U256::from(self.threshold), self.members.clone()).abi_encode_params())
    }

    pub fn contains(&self, verifier: Address) -> bool {
        self.members.contains(&verifier)
    }

    /// The same checks as `Rules.isValid`.
    pub fn validate(&self) -> Result<(), InvalidTerms> {
        let refuse = |problem| Err(InvalidTerms { field: "verifiers", problem });
        if self.threshold == 0 || usize::from(self.threshold) > self.members.len() {
            return refuse("threshold must be between 1 and the number of members");
        }
        if self.members.len() > VERIFIERS_MAX {
            return refuse("at most 32 members");
        }
        let ascending = self.members.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending || self.members.first() == Some(&Address::ZERO) {
            return refuse("members must be strictly ascending and not the zero address");
        }
        Ok(())
    }
}
