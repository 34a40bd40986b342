//! What strangers announced and nobody paid for is forgotten.

use std::time::Duration;

use piecework_store::{PgPool, offers, specs};

use crate::{Error, acquire};

/// Between two looks.
pub const EVERY: Duration = Duration::from_secs(60);
/// Looked at in one statement.
const AT_ONCE: i64 = 1_000;

pub async fn look(pool: &PgPool) -> Result<(), Error> {
    let mut db = acquire(pool).await?;
    // Offers first: a spec stays as long as one has it.
    while offers::forget(&mut db, AT_ONCE).await? == AT_ONCE {}
    while specs::forget(&mut db, AT_ONCE).await? == AT_ONCE {}
    Ok(())
}
