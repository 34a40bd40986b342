//! Every claim this node's key has signed, and which of them the API has. On disk before anything is sent: a node that forgot what
//! it signed could sign a second block for one number, and lose its bond.

use std::path::Path;

use piecework_domain::ids::EngagementId;
use piecework_domain::sequencer::SignedClaim;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::Error;
use crate::error::journal;

/// (engagement, number, revision) → the signed claim as JSON.
const SIGNED: TableDefinition<(&[u8; 32], u64, u64), &[u8]> = TableDefinition::new("signed");
/// Claims the API doesn't have yet.
const UNSENT: TableDefinition<(&[u8; 32], u64, u64), ()> = TableDefinition::new("unsent");

/// A file on disk, open in one process at a time. A second companion of the same key has a journal of its own and takes up what
/// the first one published.
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

    /// Stores new claims; from here on they are bound to be sent.
    pub fn add(&self, id: EngagementId, claims: &[SignedClaim]) -> Result<(), Error> {
        if claims.is_empty() {
            return Ok(());
        }
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

    /// Notes claims of this key that the API has, whoever made them: they are signed and sent. A claim that was signed here and not
    /// sent gives way to a published one of its number and revision: nobody has seen it, and nobody must. Returns how many were new.
    pub fn take_up(&self, id: EngagementId, published: &[SignedClaim]) -> Result<usize, Error> {
        if published.is_empty() {
            return Ok(0);
        }
        let tx = self.0.begin_write().map_err(journal)?;
        let mut taken = 0;
        {
            let mut signed = tx.open_table(SIGNED).map_err(journal)?;
            let mut unsent = tx.open_table(UNSENT).map_err(journal)?;
            for claim in published {
                let key = (&id.0.0, claim.number, claim.revision);
                let was_unsent = unsent.remove(key).map_err(journal)?.is_some();
                let mine = signed.get(key).map_err(journal)?.map(|json| serde_json::from_slice(json.value()));
                let mine: Option<SignedClaim> = mine.transpose().map_err(Error::Corrupt)?;
                if mine.as_ref().is_some_and(|mine| mine.block_hash == claim.block_hash) {
                    continue;
                }
                if mine.is_some() && !was_unsent {
                    tracing::error!(engagement = %id, block = claim.number, revision = claim.revision,
                        "this key has claimed two hashes for one revision: its bond is lost");
                    continue;
                }
                let json = serde_json::to_vec(claim).map_err(Error::Corrupt)?;
                signed.insert(key, json.as_slice()).map_err(journal)?;
                taken += 1;
            }
        }
        tx.commit().map_err(journal)?;
        Ok(taken)
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

#[cfg(test)]
mod tests {
    use piecework_domain::{B256, Bytes};

    use super::*;

    const ID: EngagementId = EngagementId(B256::repeat_byte(1));

    fn claim(number: u64, revision: u64, hash: u8) -> SignedClaim {
        SignedClaim { number, revision, block_hash: B256::repeat_byte(hash), signature: Bytes::new() }
    }

    fn open(name: &str) -> Journal {
        let path = std::env::temp_dir().join(format!("piecework-{name}-{}.redb", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let journal = Journal::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        journal
    }

    #[test]
    fn what_another_companion_published_is_signed_and_sent_here_too() {
        let journal = open("another");
        assert_eq!(journal.take_up(ID, &[claim(5, 0, 1), claim(6, 0, 2)]).unwrap(), 2);
        assert_eq!(journal.last(ID).unwrap().unwrap(), claim(6, 0, 2));
        assert_eq!(journal.unsent(ID, 10).unwrap(), []);
        assert_eq!(journal.take_up(ID, &[claim(5, 0, 1), claim(6, 0, 2)]).unwrap(), 0);
    }

    #[test]
    fn an_unsent_claim_gives_way_to_a_published_one_of_its_revision() {
        let journal = open("gives-way");
        journal.add(ID, &[claim(5, 0, 1), claim(6, 0, 2), claim(7, 0, 3)]).unwrap();
        // The API took 5 before the answer was lost; 6 is another companion's, from after a reorg.
        assert_eq!(journal.take_up(ID, &[claim(5, 0, 1), claim(6, 0, 9)]).unwrap(), 1);
        assert_eq!(journal.unsent(ID, 10).unwrap(), [claim(7, 0, 3)]);
        assert_eq!(journal.of(ID, 6).unwrap().unwrap(), claim(6, 0, 9));
    }

    #[test]
    fn what_was_sent_is_never_forgotten() {
        let journal = open("sent");
        journal.add(ID, &[claim(5, 0, 1)]).unwrap();
        journal.settled(ID, &[claim(5, 0, 1)]).unwrap();
        assert_eq!(journal.take_up(ID, &[claim(5, 0, 9)]).unwrap(), 0);
        assert_eq!(journal.of(ID, 5).unwrap().unwrap(), claim(5, 0, 1));
    }
}
