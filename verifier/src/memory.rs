//! What a verifier must not forget: when it first saw each block, and every verdict it has come to.

use std::path::Path;

use piecework_client::Finding;
use piecework_domain::B256;
use piecework_domain::ids::EngagementId;
use piecework_domain::rpc::Probe;
use piecework_domain::sequencer::SeenBlock;
use piecework_domain::time::Timestamp;
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};

use crate::error::memory;
use crate::watch::Header;
use crate::{Error, clock};

/// (chain, number, hash) → milliseconds since the Unix epoch.
const SEEN: TableDefinition<(u64, u64, &[u8; 32]), u64> = TableDefinition::new("seen");
/// (engagement, epoch) → the finding as JSON. Written before it is signed, and never overwritten.
const JUDGED: TableDefinition<(&[u8; 32], u64), &[u8]> = TableDefinition::new("judged");

/// (engagement, epoch) → Unix seconds at which its finding was first attested.
const ATTESTED: TableDefinition<(&[u8; 32], u64), u64> = TableDefinition::new("attested");
/// (engagement, milliseconds since the Unix epoch, how many before in that millisecond) → the probe as JSON. Kept until its epoch is
/// attested.
const PROBES: TableDefinition<(&[u8; 32], u64, u64), &[u8]> = TableDefinition::new("probes");

/// Probes of epochs that nobody judged are forgotten after a week.
const PROBES_KEPT_MS: u64 = 7 * 24 * 3_600 * 1_000;

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
        tx.open_table(PROBES).map_err(memory)?;
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

    /// Blocks with the time at which each was first seen; one that never was is seen now.
    pub fn first_seen(&self, chain_id: u64, headers: &[Header]) -> Result<Vec<SeenBlock>, Error> {
        let tx = self.0.begin_read().map_err(memory)?;
        let table = tx.open_table(SEEN).map_err(memory)?;
        let look = |header: &Header| {
            let known = table.get((chain_id, header.number, &header.hash.0)).map_err(memory)?;
            Ok(SeenBlock {
                number: header.number,
                hash: header.hash,
                timestamp: header.timestamp,
                first_seen_ms: known.map_or_else(clock::now_ms, |ms| ms.value()),
            })
        };
        headers.iter().map(look).collect()
    }

    /// The finding for an epoch, if this verifier has come to one.
    pub fn judged(&self, id: EngagementId, epoch: u64) -> Result<Option<Finding>, Error> {
        let tx = self.0.begin_read().map_err(memory)?;
        let table = tx.open_table(JUDGED).map_err(memory)?;
        let stored = table.get((&id.0.0, epoch)).map_err(memory)?;
        stored.map(|json| serde_json::from_slice(json.value()).map_err(Error::Corrupt)).transpose()
    }

    /// Stores findings as attested at `at` and returns what stands: where an epoch was judged before, that finding and its time stay.
    /// One commit, whatever their number.
    pub fn attest(&self, findings: &[Finding], at: Timestamp) -> Result<Vec<Finding>, Error> {
        let tx = self.0.begin_write().map_err(memory)?;
        let mut standing = Vec::with_capacity(findings.len());
        {
            let mut judged = tx.open_table(JUDGED).map_err(memory)?;
            let mut attested = tx.open_table(ATTESTED).map_err(memory)?;
            let mut probes = tx.open_table(PROBES).map_err(memory)?;
            for finding in findings {
                // They are in the finding.
                let id = &finding.verdict.engagement.0.0;
                let judged_ms = finding.report.to.0.saturating_mul(1_000);
                probes.retain_in((id, 0, 0)..(id, judged_ms, 0), |_, _| false).map_err(memory)?;
                let key = (&finding.verdict.engagement.0.0, finding.verdict.epoch);
                let stored = judged.get(key).map_err(memory)?.map(|json| json.value().to_vec());
                standing.push(match stored {
                    Some(json) => serde_json::from_slice(&json).map_err(Error::Corrupt)?,
                    None => {
                        let json = serde_json::to_vec(finding).map_err(Error::Corrupt)?;
                        judged.insert(key, json.as_slice()).map_err(memory)?;
                        finding.clone()
                    }
                });
                if attested.get(key).map_err(memory)?.is_none() {
                    attested.insert(key, at.0).map_err(memory)?;
                }
            }
        }
        tx.commit().map_err(memory)?;
        Ok(standing)
    }

    /// Remembers what came of a question, for a week at most. It is on disk with the next block seen; after a crash before that it is asked
    /// again.
    pub fn note_probe(&self, id: EngagementId, probe: &Probe) -> Result<(), Error> {
        let json = serde_json::to_vec(probe).map_err(Error::Corrupt)?;
        let mut tx = self.0.begin_write().map_err(memory)?;
        tx.set_durability(Durability::None).map_err(memory)?;
        {
            let mut table = tx.open_table(PROBES).map_err(memory)?;
            let (from, to) = ((&id.0.0, probe.asked_ms, 0), (&id.0.0, probe.asked_ms, u64::MAX));
            let old_ms = probe.asked_ms.saturating_sub(PROBES_KEPT_MS);
            table.retain_in((&id.0.0, 0, 0)..(&id.0.0, old_ms, 0), |_, _| false).map_err(memory)?;
            let last = table.range(from..=to).map_err(memory)?.next_back().transpose().map_err(memory)?;
            let place = last.map_or(0, |(key, _)| key.value().2 + 1);
            table.insert((&id.0.0, probe.asked_ms, place), json.as_slice()).map_err(memory)?;
        }
        tx.commit().map_err(memory)
    }

    /// Questions asked in `[from_ms, to_ms)`, in that order.
    pub fn probes(&self, id: EngagementId, from_ms: u64, to_ms: u64) -> Result<Vec<Probe>, Error> {
        let tx = self.0.begin_read().map_err(memory)?;
        let table = tx.open_table(PROBES).map_err(memory)?;
        let range = table.range((&id.0.0, from_ms, 0)..(&id.0.0, to_ms, 0)).map_err(memory)?;
        range
            .map(|entry| {
                let (_, json) = entry.map_err(memory)?;
                serde_json::from_slice(json.value()).map_err(Error::Corrupt)
            })
            .collect()
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
