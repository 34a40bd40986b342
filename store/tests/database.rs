//! Against a real PostgreSQL.

use std::time::Duration;

use piecework_domain::B256;
use piecework_domain::ids::EngagementId;
use piecework_domain::time::Timestamp;
use piecework_store::{Error, connect, dues, fresh_database, migrate};
use piecework_toolchain::postgres::Postgres;

/// A server of this test's own; the folder goes with it.
fn server() -> (Postgres, tempfile::TempDir) {
    let tools = piecework_toolchain::ensure_installed().expect("the tools install");
    let dir = tempfile::Builder::new().prefix("piecework-store-").tempdir().expect("a folder");
    // As root the server runs as another user.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    std::fs::set_permissions(dir.path(), open).expect("is ours");
    let server = Postgres::start(&tools, &dir.path().join("postgres")).expect("PostgreSQL starts");
    (server, dir)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused_and_left_alone() {
    let (server, _dir) = server();
    let url = fresh_database(&server.url("postgres"), "test").await.expect("a database");
    let pool = connect(&url, 2).await.expect("connects");
    migrate(&pool).await.expect("migrates");
    migrate(&pool).await.expect("migrating again changes nothing");

    let mut db = pool.acquire().await.expect("connects");
    sqlx::query(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (9999, 'from the future', true, '', 0)",
    )
    .execute(&mut *db)
    .await
    .expect("inserts");
    drop(db);
    let refused = migrate(&pool).await.expect_err("is newer");
    assert!(matches!(refused, Error::SchemaNewer(9999)), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_recovers_what_was_committed_and_is_used_again() {
    let (mut server, dir) = server();
    let url = fresh_database(&server.url("postgres"), "test").await.expect("a database");
    let pool = connect(&url, 2).await.expect("connects");
    migrate(&pool).await.expect("migrates");
    sqlx::query("insert into specs (hash, kind, title, body) values ($1, 'sequencer', 't', '')")
        .bind(vec![1_u8; 32])
        .execute(&pool)
        .await
        .expect("inserts");
    pool.close().await;

    let pid = std::fs::read_to_string(dir.path().join("postgres/postgres.pid")).expect("a pid file");
    assert!(std::process::Command::new("kill").args(["-9", pid.trim()]).status().expect("kill runs").success());
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !server.ensure_running().expect("starts again") {
        assert!(std::time::Instant::now() < deadline, "the server did not notice its end");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let pool = connect(&url, 2).await.expect("connects again");
    let (count,): (i64,) = sqlx::query_as("select count(*) from specs").fetch_one(&pool).await.expect("answers");
    assert_eq!(count, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_dated_back_takes_no_place_in_front_of_others() {
    let (server, _dir) = server();
    let url = fresh_database(&server.url("postgres"), "test").await.expect("a database");
    let pool = connect(&url, 2).await.expect("connects");
    migrate(&pool).await.expect("migrates");
    let mut db = pool.acquire().await.expect("connects");

    let [first, dated_back, later] = [1, 2, 3].map(|n| EngagementId(B256::repeat_byte(n)));
    let year_2286 = 10_000_000_000;
    for (id, at) in [(first, 2_000), (dated_back, 1_000), (later, year_2286), (dated_back, 1)] {
        dues::announce(&mut db, 1, &[(id, Timestamp(at))]).await.expect("announces");
    }
    let mut taken = Vec::new();
    for _ in 0..3 {
        let due = dues::take(&mut db, 1, Duration::from_secs(60), 1).await.expect("takes");
        taken.extend(due.iter().map(|due| due.engagement));
    }
    assert_eq!(taken, [first, dated_back], "in the order they came; what is not due waits");
}
