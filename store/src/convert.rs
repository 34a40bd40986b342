//! Between `domain`'s types and columns.

use std::str::FromStr;

use piecework_domain::money::Amount;
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, B256};
use time::OffsetDateTime;

use crate::{Error, Result};

pub fn to_i64(value: u64) -> Result<i64> {
    i64::try_from(value).map_err(|_| Error::OutOfRange(value))
}

pub fn to_u64(value: i64) -> Result<u64> {
    u64::try_from(value).map_err(|_| Error::Corrupt("count"))
}

/// Times past the year 9999 are stored as its end: no window of the protocol reaches that far.
pub fn to_time(at: Timestamp) -> OffsetDateTime {
    const LAST: i64 = 253_402_300_799;
    let seconds = i64::try_from(at.0).unwrap_or(LAST).min(LAST);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

pub fn to_timestamp(at: OffsetDateTime) -> Result<Timestamp> {
    u64::try_from(at.unix_timestamp()).map(Timestamp).map_err(|_| Error::Corrupt("time"))
}

pub fn hash(bytes: &[u8]) -> Result<B256> {
    B256::try_from(bytes).map_err(|_| Error::Corrupt("hash"))
}

pub fn address(bytes: &[u8]) -> Result<Address> {
    Address::try_from(bytes).map_err(|_| Error::Corrupt("address"))
}

pub fn amount(text: &str) -> Result<Amount> {
    Amount::from_str(text).map_err(|_| Error::Corrupt("amount"))
}
