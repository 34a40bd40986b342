//! How a runner wants to be paid by whoever relays for it. It binds nobody: anyone can redeem any voucher at any time.

use alloy_primitives::{B256, Bytes};
use alloy_sol_types::sol;
use serde::{Deserialize, Serialize};

use crate::ids::EngagementId;
use crate::messages::Domain;
use crate::money::decimal;
use crate::time::Timestamp;

sol! {
    struct PayoutWish { bytes32 engagement; uint64 everySeconds; uint128 amountMin; uint128 gasPriceMax; bool atEnd; uint64 since; }
}

/// What the runner signed. A later `since` replaces an earlier one. Once the engagement is over only `gasPriceMax` still holds, and that for
/// the first half of the redemption period: pay must not be lost for a wish.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedPayoutWish {
    /// Least time between two payouts; the operator's own, if that is longer.
    #[serde(default)]
    pub every_seconds: u64,
    /// Least payout, in base units of the bounty's token.
    #[serde(default, with = "decimal")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub amount_min: u128,
    /// Payouts wait while gas costs more, in wei; 0 for no limit but the operator's.
    #[serde(default, with = "decimal")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub gas_price_max: u128,
    /// Everything at once, when the engagement is over.
    #[serde(default)]
    pub at_end: bool,
    /// Unix seconds at which it was signed.
    pub since: Timestamp,
    /// The runner's EIP-712 signature of `PayoutWish(bytes32 engagement,uint64 everySeconds,uint128 amountMin,uint128 gasPriceMax,bool
    /// atEnd,uint64 since)`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: Bytes,
}

impl SignedPayoutWish {
    pub fn digest(&self, engagement: EngagementId, domain: &Domain) -> B256 {
        domain.digest(&PayoutWish {
            engagement: engagement.0,
            everySeconds: self.every_seconds,
            amountMin: self.amount_min,
            gasPriceMax: self.gas_price_max,
            atEnd: self.at_end,
            since: self.since.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{START, bid};

    #[test]
    fn every_field_is_signed() {
        let wish = SignedPayoutWish {
            every_seconds: 60,
            amount_min: 5,
            gas_price_max: 7,
            at_end: false,
            since: START,
            signature: Bytes::new(),
        };
        let domain = Domain::new(1, bid().node);
        let digest = |wish: &SignedPayoutWish| wish.digest(bid().engagement_id(), &domain);
        let others = [
            SignedPayoutWish { every_seconds: 61, ..wish.clone() },
            SignedPayoutWish { amount_min: 6, ..wish.clone() },
            SignedPayoutWish { gas_price_max: 8, ..wish.clone() },
            SignedPayoutWish { at_end: true, ..wish.clone() },
            SignedPayoutWish { since: START.plus(1), ..wish.clone() },
        ];
        for other in others {
            assert_ne!(digest(&wish), digest(&other), "{other:?}");
        }
    }
}
