//! Amounts in token base units. Integers only; JSON carries them as decimal strings.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::{Address, U256};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The token address that means the chain's native coin.
pub const NATIVE: Address = Address::ZERO;

/// An amount in base units of some token (its field name or neighbour says which). Decimal string in JSON.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, example = "500000000000000000"))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(pub U256);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected a decimal string of base units below 2^256, got {0:?}")]
pub struct NotAnAmount(String);

impl Amount {
    pub const ZERO: Self = Self(U256::ZERO);

    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    pub fn checked_mul(self, count: u64) -> Option<Self> {
        self.0.checked_mul(U256::from(count)).map(Self)
    }

    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// The amount in whole tokens for people to read, exact: 1500000 with 6 decimals is "1.5".
    pub fn in_tokens(self, decimals: u8) -> String {
        let digits = format!("{:0>1$}", self.0.to_string(), usize::from(decimals) + 1);
        let (whole, fraction) = digits.split_at(digits.len() - usize::from(decimals));
        match fraction.trim_end_matches('0') {
            "" => whole.to_owned(),
            fraction => format!("{whole}.{fraction}"),
        }
    }
}

impl From<u128> for Amount {
    fn from(value: u128) -> Self {
        Self(U256::from(value))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Amount {
    type Err = NotAnAmount;

    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        let refuse = || NotAnAmount(text.chars().take(80).collect());
        if text.is_empty() || text.len() > 78 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(refuse());
        }
        U256::from_str_radix(text, 10).map(Self).map_err(|_| refuse())
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// `#[serde(with = "decimal")]` for `u128` amounts of the terms and messages.
pub mod decimal {
    use super::Amount;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        let amount = Amount::deserialize(deserializer)?;
        u128::try_from(amount.0).map_err(|_| D::Error::custom("expected an amount below 2^128"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_decimal_strings_only() {
        assert_eq!("500000000000000000".parse(), Ok(Amount::from(500_000_000_000_000_000)));
        for bad in ["", "-1", "0x10", "1.5", "1e18", " 1", &"9".repeat(79)] {
            assert!(bad.parse::<Amount>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn shows_whole_tokens_exactly() {
        assert_eq!(Amount::from(1_500_000).in_tokens(6), "1.5");
        assert_eq!(Amount::from(1).in_tokens(18), "0.000000000000000001");
        assert_eq!(Amount::from(20).in_tokens(0), "20");
    }
}
