//! Connecting and migrating.

use std::str::FromStr;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::{Error, Result};

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// A pool of at most `connections_max` connections.
pub async fn connect(url: &str, connections_max: u32) -> Result<PgPool> {
    let options = PgPoolOptions::new().max_connections(connections_max).acquire_timeout(Duration::from_secs(10));
    // Filters that are unset fall out of a plan made for the call; a plan for all calls would use no index.
    let server = PgConnectOptions::from_str(url)?.options([("plan_cache_mode", "force_custom_plan")]);
    Ok(options.connect_with(server).await?)
}

/// Brings the schema up to this binary's version. A newer schema is refused and left alone.
pub async fn migrate(pool: &PgPool) -> Result<()> {
    MIGRATIONS.run(pool).await.map_err(|err| match err {
        MigrateError::VersionMissing(version) => Error::SchemaNewer(version),
        other => Error::Migrate(other),
    })
}

/// Has the server look at its tables now instead of when it finds time, after much was written at once.
pub async fn analyze(pool: &PgPool) -> Result<()> {
    sqlx::query!("analyze").execute(pool).await?;
    Ok(())
}

/// Creates a database of a name that begins with `prefix` on the server behind `admin_url`, removes older ones that nobody
/// uses, and returns the new one's URL. For development.
pub async fn fresh_database(admin_url: &str, prefix: &str) -> Result<String> {
    use sqlx::{AssertSqlSafe, Connection, PgConnection};
    let mut db = PgConnection::connect(admin_url).await?;
    let old = sqlx::query!(
        r#"select datname::text as "name!" from pg_database d where datname ~ ('^' || $1 || '_[0-9a-f]{32}$')
           and not exists (select from pg_stat_activity a where a.datname = d.datname)"#,
        prefix
    )
    .fetch_all(&mut db)
    .await?;
    let name = sqlx::query!(r#"select $1 || '_' || replace(gen_random_uuid()::text, '-', '') as "name!""#, prefix)
        .fetch_one(&mut db)
        .await?
        .name;
    for database in old {
        // Names are ours: the prefix and hex digits. One that somebody just opened stays.
        let _ =
            sqlx::query(AssertSqlSafe(format!("drop database if exists \"{}\"", database.name))).execute(&mut db).await;
    }
    sqlx::query(AssertSqlSafe(format!("create database \"{name}\""))).execute(&mut db).await?;
    let (server, _) = admin_url.rsplit_once('/').unwrap_or((admin_url, ""));
    Ok(format!("{server}/{name}"))
}
