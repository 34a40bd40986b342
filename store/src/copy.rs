//! Rows in PostgreSQL's binary COPY format, an order of magnitude cheaper than inserts.

use piecework_domain::time::Timestamp;
use sqlx::PgConnection;
use sqlx::postgres::PgCopyIn;

use crate::convert::to_time;
use crate::{Error, Result};

/// Microseconds between 1970 and 2000, where PostgreSQL's time begins.
const EPOCH_MICROS: i128 = 946_684_800_000_000;

/// What is sent at once: the server works on it while the next is made.
const CHUNK: usize = 64 * 1024;

/// Rows on their way into a table. Every row must have the columns of the statement, in its order. What is dropped before
/// [`Rows::finish`] fails the statement, and with it the db_tx.
pub struct Rows<'c> {
    copy: PgCopyIn<&'c mut PgConnection>,
    bytes: Vec<u8>,
    columns: i16,
}

impl<'c> Rows<'c> {
    /// Begins `statement`, a `copy … from stdin (format binary)`.
    pub async fn begin(db: &'c mut PgConnection, statement: &str, columns: i16) -> Result<Self> {
        let copy = db.copy_in_raw(statement).await?;
        let mut bytes = Vec::with_capacity(2 * CHUNK);
        bytes.extend_from_slice(b"PGCOPY\n\xff\r\n\0");
        // No flags, no header extension.
        bytes.extend_from_slice(&[0; 8]);
        Ok(Self { copy, bytes, columns })
    }

    /// Begins a row.
    pub async fn row(&mut self) -> Result<()> {
        if self.bytes.len() >= CHUNK {
            self.copy.send(self.bytes.as_slice()).await?;
            self.bytes.clear();
        }
        self.bytes.extend_from_slice(&self.columns.to_be_bytes());
        Ok(())
    }

    pub fn boolean(&mut self, value: bool) -> Result<()> {
        self.bytes(&[u8::from(value)])
    }

    /// Groups of four decimal digits, the highest first, as PostgreSQL keeps them.
    pub fn numeric(&mut self, value: u128) -> Result<()> {
        let mut groups = Vec::with_capacity(10);
        let mut rest = value;
        while rest != 0 {
            groups.push(i16::try_from(rest % 10_000).map_err(|_| Error::Corrupt("numeric"))?);
            rest /= 10_000;
        }
        let count = i16::try_from(groups.len()).map_err(|_| Error::Corrupt("numeric"))?;
        let weight = if count == 0 { 0 } else { count - 1 };
        let head = [count, weight, 0, 0];
        let digits: Vec<u8> = head.iter().chain(groups.iter().rev()).flat_map(|part| part.to_be_bytes()).collect();
        self.bytes(&digits)
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

    /// Returns how many rows there were.
    pub async fn finish(mut self) -> Result<u64> {
        self.bytes.extend_from_slice(&(-1_i16).to_be_bytes());
        self.copy.send(self.bytes.as_slice()).await?;
        Ok(self.copy.finish().await?)
    }
}
