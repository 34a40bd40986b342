//! The one place where statements are signed.

use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use piecework_domain::Bytes;
use piecework_domain::merkle::Tree;
use piecework_domain::messages::{Domain, Statement, Verdict};
use piecework_domain::time::Timestamp;

use crate::Error;

/// A statement over the Merkle root of `verdicts`, and its 65-byte signature.
pub fn statement<'v>(
    signer: &PrivateKeySigner,
    domain: &Domain,
    verdicts: impl IntoIterator<Item = &'v Verdict>,
    attested_at: Timestamp,
) -> Result<(Statement, Bytes), Error> {
    let tree = Tree::new(verdicts.into_iter().map(Verdict::leaf).collect());
    let statement = Statement { root: tree.map(|tree| tree.root()).unwrap_or_default(), attested_at };
    let signature = signer.sign_hash_sync(&statement.digest(domain)).map_err(Error::Sign)?;
    Ok((statement, signature.as_bytes().to_vec().into()))
}
