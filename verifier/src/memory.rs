//! What a verifier must not forget: when it first saw each block, and every verdict it has come to.

use std::path::Path;

use piecework_client::Finding;
use piecework_domain::B256;
use piecework_domain::ids::EngagementId;
use piecework_domain::time::Timestamp;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::Error;
use crate::error::memory;

/// (chain, number, hash) → milliseconds since the Unix epoch.
const SEEN: TableDefinition<(u64, u64, &[u8; 32]), u64> = TableDefinition::new("seen");
/// (engagement, epoch) → the finding as JSON. Written before it is signed, and never overwritten.
const JUDGED: TableDefinition<(&[u8; 32], u64), &[u8]> = TableDefinition::new("judged");

/// (engagement, epoch) → Unix seconds at which its finding was first attested.
const ATTESTED: TableDefinition<(&[u8; 32], u64), u64> = TableDefinition::new("attested");

/// A file on disk, open in one process at a time.
#[derive(Debug)]
pub struct Memory(Database);

impl Memory {
    pub fn open(path: &Path) -> Result<Self, Error> {
        let db = Database::create(path).map_err(memory)?;
        let tx = db.begin_write().map_err(memory)?;
        tx.open_table(SEEN).map_err(memory)?;
        tx.open_table(JUDGED).map_err(memory)?;
        tx.open_table(ATTESTED).map_err(memory)?;
        tx.commit().map_err(memory)?;
        Ok(Self(db))
    }

    /// Remembers blocks seen at `now_ms`; a block seen before keeps its first time.
    pub fn see(&self, chain_id: u64, blocks: &[(u64, B256)], now_ms: u64) -> Result<(), Error> {
        let tx = self.0.begin_write().map_err(memory)?;
        {
            let mut table = tx.open_table(SEEN).map_err(memory)?;
            for (number, hash) in blocks {
                let key = (chain_id, *number, &hash.0);
                if table.get(key).map_err(memory)?.is_none() {
                    table.insert(key, now_ms).map_err(memory)?;
                }
            }
        }
        tx.commit().map_err(memory)
    }

    /// When a block was first seen.
    pub fn first_seen(&self, chain_id: u64, number: u64, hash: B256) -> Result<Option<u64>, Error> {
        let tx = self.0.begin_read().map_err(memory)?;
        let table = tx.open_table(SEEN).map_err(memory)?;
        Ok(table.get((chain_id, number, &hash.0)).map_err(memory)?.map(|ms| ms.value()))
    }

    /// The finding for an epoch, if this verifier has come to one.
    pub fn judged(&self, id: EngagementId, epoch: u64) -> Result<Option<Finding>, Error> {
        let tx = self.0.begin_read().map_err(memory)?;
        let table = tx.open_table(JUDGED).map_err(memory)?;
        let stored = table.get((&id.0.0, epoch)).map_err(memory)?;
        stored.map(|json| serde_json::from_slice(json.value()).map_err(Error::Corrupt)).transpose()
    }

    /// Stores a finding. Where one is stored already, that one stands and is returned.
    pub fn judge(&self, finding: Finding) -> Result<Finding, Error> {
        let (id, epoch) = (finding.verdict.engagement, finding.verdict.epoch);
        let tx = self.0.begin_write().map_err(memory)?;
        let standing = {
            let mut table = tx.open_table(JUDGED).map_err(memory)?;
            let stored = table.get((&id.0.0, epoch)).map_err(memory)?.map(|json| json.value().to_vec());
            match stored {
                Some(json) => serde_json::from_slice(&json).map_err(Error::Corrupt)?,
                None => {
                    let json = serde_json::to_vec(&finding).map_err(Error::Corrupt)?;
                    table.insert((&id.0.0, epoch), json.as_slice()).map_err(memory)?;
                    finding
                }
            }
        };
        tx.commit().map_err(memory)?;
        Ok(standing)
    }

    /// Remembers that findings were attested at `at`; one that was attested before keeps its first time.
    pub fn attest(&self, findings: &[Finding], at: Timestamp) -> Result<(), Error> {
        let tx = self.0.begin_write().map_err(memory)?;
        {
            let mut table = tx.open_table(ATTESTED).map_err(memory)?;
            for verdict in findings.iter().map(|finding| &finding.verdict) {
                let key = (&verdict.engagement.0.0, verdict.epoch);
                if table.get(key).map_err(memory)?.is_none() {
                    table.insert(key, at.0).map_err(memory)?;
                }
            }
        }
        tx.commit().map_err(memory)
    }

    /// When an epoch's finding was first attested.
    pub fn attested_at(&self, id: EngagementId, epoch: u64) -> Result<Option<Timestamp>, Error> {
        let tx = self.0.begin_read().map_err(memory)?;
        let table = tx.open_table(ATTESTED).map_err(memory)?;
        Ok(table.get((&id.0.0, epoch)).map_err(memory)?.map(|at| Timestamp(at.value())))
    }

    /// The finding for the newest epoch judged.
    pub fn newest(&self, id: EngagementId) -> Result<Option<Finding>, Error> {
        let tx = self.0.begin_read().map_err(memory)?;
        let table = tx.open_table(JUDGED).map_err(memory)?;
        let mut range = table.range((&id.0.0, 0)..=(&id.0.0, u64::MAX)).map_err(memory)?;
        let Some(last) = range.next_back() else { return Ok(None) };
        let (_, json) = last.map_err(memory)?;
        serde_json::from_slice(json.value()).map(Some).map_err(Error::Corrupt)
    }
}
