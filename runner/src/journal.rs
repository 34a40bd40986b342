//! Every claim this node has signed, and which of them the API has. On disk before anything is sent: a node that forgot what
//! it signed could sign a second block for one number, and lose its bond.

use std::path::Path;

use piecework_domain::ids::EngagementId;
use piecework_domain::sequencer::SignedClaim;
use redb::{Database, ReadableDatabase, TableDefinition};

use crate::Error;
use crate::error::journal;

/// (engagement, number, revision) → the signed claim as JSON.
const SIGNED: TableDefinition<(&[u8; 32], u64, u64), &[u8]> = TableDefinition::new("signed");
/// Claims the API doesn't have yet.
const UNSENT: TableDefinition<(&[u8; 32], u64, u64), ()> = TableDefinition::new("unsent");

/// A file on disk, open in one process at a time: a second companion with the same key and folder can't start.
#[derive(Debug)]
pub struct Journal(Database);

impl Journal {
    pub fn open(path: &Path) -> Result<Self, Error> {
        let db = Database::create(path).map_err(journal)?;
        let tx = db.begin_write().map_err(journal)?;
        tx.open_table(SIGNED).map_err(journal)?;
        tx.open_table(UNSENT).map_err(journal)?;
        tx.commit().map_err(journal)?;
        Ok(Self(db))
    }

    /// The claim with the highest number, and of those the highest revision.
    pub fn last(&self, id: EngagementId) -> Result<Option<SignedClaim>, Error> {
        self.last_up_to(id, u64::MAX)
    }

    /// The claim of `number` with the highest revision.
    pub fn of(&self, id: EngagementId, number: u64) -> Result<Option<SignedClaim>, Error> {
        Ok(self.last_up_to(id, number)?.filter(|claim| claim.number == number))
    }

    fn last_up_to(&self, id: EngagementId, number: u64) -> Result<Option<SignedClaim>, Error> {
        let tx = self.0.begin_read().map_err(journal)?;
        let table = tx.open_table(SIGNED).map_err(journal)?;
        let mut range = table.range((&id.0.0, 0, 0)..=(&id.0.0, number, u64::MAX)).map_err(journal)?;
        let last = range.next_back().transpose().map_err(journal)?;
        last.map(|(_, json)| serde_json::from_slice(json.value()).map_err(Error::Corrupt)).transpose()
    }

    /// Stores a new claim; from here on it is bound to be sent.
    pub fn add(&self, id: EngagementId, claims: &[SignedClaim]) -> Result<(), Error> {
        let tx = self.0.begin_write().map_err(journal)?;
        {
            let mut signed = tx.open_table(SIGNED).map_err(journal)?;
            let mut unsent = tx.open_table(UNSENT).map_err(journal)?;
            for claim in claims {
                let key = (&id.0.0, claim.number, claim.revision);
                let json = serde_json::to_vec(claim).map_err(Error::Corrupt)?;
                signed.insert(key, json.as_slice()).map_err(journal)?;
                unsent.insert(key, ()).map_err(journal)?;
            }
        }
        tx.commit().map_err(journal)
    }

    /// The oldest claims that the API doesn't have, ascending.
    pub fn unsent(&self, id: EngagementId, limit: usize) -> Result<Vec<SignedClaim>, Error> {
        let tx = self.0.begin_read().map_err(journal)?;
        let signed = tx.open_table(SIGNED).map_err(journal)?;
        let unsent = tx.open_table(UNSENT).map_err(journal)?;
        let mut claims = Vec::new();
        for entry in unsent.range((&id.0.0, 0, 0)..=(&id.0.0, u64::MAX, u64::MAX)).map_err(journal)?.take(limit) {
            let (key, ()) = entry.map(|(key, value)| (key, value.value())).map_err(journal)?;
            if let Some(json) = signed.get(key.value()).map_err(journal)? {
                claims.push(serde_json::from_slice(json.value()).map_err(Error::Corrupt)?);
            }
        }
        Ok(claims)
    }

    /// The API has these, or will never take them.
    pub fn settled(&self, id: EngagementId, claims: &[SignedClaim]) -> Result<(), Error> {
        let tx = self.0.begin_write().map_err(journal)?;
        {
            let mut unsent = tx.open_table(UNSENT).map_err(journal)?;
            for claim in claims {
                unsent.remove((&id.0.0, claim.number, claim.revision)).map_err(journal)?;
            }
        }
        tx.commit().map_err(journal)
    }
}
