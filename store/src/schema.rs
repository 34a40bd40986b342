//! Connecting and migrating.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgPoolOptions;

use crate::{Error, Result};

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// A pool of at most `connections_max` connections.
pub async fn connect(url: &str, connections_max: u32) -> Result<PgPool> {
    let options = PgPoolOptions::new().max_connections(connections_max).acquire_timeout(Duration::from_secs(10));
    Ok(options.connect(url).await?)
}

/// Brings the schema up to this binary's version. A newer schema is refused and left alone.
pub async fn migrate(pool: &PgPool) -> Result<()> {
    MIGRATIONS.run(pool).await.map_err(|err| match err {
        MigrateError::VersionMissing(version) => Error::SchemaNewer(version),
        other => Error::Migrate(other),
    })
}
