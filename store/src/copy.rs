//! Rows in PostgreSQL's binary COPY format, an order of magnitude cheaper than inserts.

use piecework_domain::time::Timestamp;
use sqlx::PgConnection;

use crate::convert::to_time;
use crate::{Error, Result};

/// Microseconds between 1970 and 2000, where PostgreSQL's time begins.
const EPOCH_MICROS: i128 = 946_684_800_000_000;

/// Rows as they are sent. Every row must have the columns of the statement, in its order.
#[derive(Debug)]
pub struct Rows {
    bytes: Vec<u8>,
    columns: i16,
}

impl Rows {
    pub fn new(columns: i16) -> Self {
        let mut bytes = Vec::with_capacity(64 * 1024);
        bytes.extend_from_slice(b"PGCOPY\n\xff\r\n\0");
        // No flags, no header extension.
        bytes.extend_from_slice(&[0; 8]);
        Self { bytes, columns }
    }

    pub fn begin(&mut self) {
        self.bytes.extend_from_slice(&self.columns.to_be_bytes());
    }

    pub fn bigint(&mut self, value: i64) -> Result<()> {
        self.bytes(&value.to_be_bytes())
    }

    pub fn time(&mut self, at: Timestamp) -> Result<()> {
        let micros = to_time(at).unix_timestamp_nanos() / 1_000 - EPOCH_MICROS;
        self.bigint(i64::try_from(micros).map_err(|_| Error::OutOfRange(at.0))?)
    }

    /// `bytea` and `text` are their bytes.
    pub fn bytes(&mut self, value: &[u8]) -> Result<()> {
        let len = i32::try_from(value.len()).map_err(|_| Error::Corrupt("column: too long"))?;
        self.bytes.extend_from_slice(&len.to_be_bytes());
        self.bytes.extend_from_slice(value);
        Ok(())
    }

    pub fn nullable(&mut self, value: Option<&[u8]>) -> Result<()> {
        match value {
            Some(value) => self.bytes(value),
            None => {
                self.bytes.extend_from_slice(&(-1_i32).to_be_bytes());
                Ok(())
            }
        }
    }

    pub fn jsonb(&mut self, value: &impl serde::Serialize) -> Result<()> {
        let start = self.bytes.len();
        // The length comes once it is known; then the format's version.
        self.bytes.extend_from_slice(&[0, 0, 0, 0, 1]);
        serde_json::to_writer(&mut self.bytes, value).map_err(|_| Error::Corrupt("value: not JSON"))?;
        let len = i32::try_from(self.bytes.len() - start - 4).map_err(|_| Error::Corrupt("column: too long"))?;
        self.bytes[start..start + 4].copy_from_slice(&len.to_be_bytes());
        Ok(())
    }

    /// Sends all rows with `statement`, a `copy … from stdin (format binary)`. Returns how many there were.
    pub async fn send(mut self, db: &mut PgConnection, statement: &str) -> Result<u64> {
        self.bytes.extend_from_slice(&(-1_i16).to_be_bytes());
        let mut copy = db.copy_in_raw(statement).await?;
        copy.send(self.bytes).await?;
        Ok(copy.finish().await?)
    }
}
