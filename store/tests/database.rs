//! Against a real PostgreSQL.

use std::time::Duration;

use piecework_domain::ids::{BountyId, EngagementId};
use piecework_domain::messages::Bid;
use piecework_domain::money::{Amount, NATIVE};
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, B256, Bytes};
use piecework_store::bids::Newcomer;
use piecework_store::{Error, bids, connect, dues, fresh_database, migrate, offers, specs};
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

#[tokio::test(flavor = "multi_thread")]
async fn a_bid_with_a_deposited_bond_displaces_those_without_and_none_of_them_displaces_it() {
    let (server, _dir) = server();
    let url = fresh_database(&server.url("postgres"), "test").await.expect("a database");
    let pool = connect(&url, 2).await.expect("connects");
    migrate(&pool).await.expect("migrates");
    let mut db = pool.acquire().await.expect("connects");
    let bounty = BountyId(B256::repeat_byte(9));
    let [cheap_talk, dear_talk, deposited] = [1, 2, 3].map(Address::repeat_byte);
    for (runner, rate) in [(cheap_talk, 1), (dear_talk, 50), (deposited, 100)] {
        let expires_at = Timestamp(4_000_000_000);
        let bid =
            Bid { bounty, runner, payee: runner, node: runner, rate, relay_fee: 0, expires_at, nonce: Amount::from(1) };
        assert!(bids::put(&mut db, &bid, &Bytes::new()).await.expect("stores"));
    }
    sqlx::query("insert into balances (chain_id, account, token, balance, block_number) values (1, $1, $2, 5, 1)")
        .bind(deposited.as_slice())
        .bind(NATIVE.as_slice())
        .execute(&mut *db)
        .await
        .expect("inserts");
    let newcomer =
        |rate, is_deposited| Newcomer { bounty, chain_id: 1, token: NATIVE, bond: Amount::from(5), rate, is_deposited };
    let mut steps = Vec::new();
    for (rate, is_deposited) in [(50, false), (49, false), (1, false), (200, true), (100, true), (99, true), (1, true)]
    {
        let displaced = bids::displace(&mut db, &newcomer(rate, is_deposited)).await.expect("answers");
        let ranked = bids::ranked(&mut db, 1, bounty, NATIVE, None, 10).await.expect("answers");
        steps.push((displaced, ranked.iter().map(|bid| bid.row.bid.rate).collect::<Vec<_>>()));
    }
    assert_eq!(
        steps,
        [
            (false, vec![1, 50, 100]), // as dear as the dearest that is only talk
            (true, vec![1, 100]),
            (false, vec![1, 100]), // not even the deposited one, which is dearer
            (true, vec![100]),     // however dear: it is deposited
            (false, vec![100]),
            (true, vec![]),
            (false, vec![]),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_paid_for_is_forgotten_a_week_after_it_was_last_announced() {
    let (server, _dir) = server();
    let url = fresh_database(&server.url("postgres"), "test").await.expect("a database");
    let pool = connect(&url, 2).await.expect("connects");
    migrate(&pool).await.expect("migrates");
    let mut db = pool.acquire().await.expect("connects");
    // Of each: announced so many days ago; on chain or not. The last spec has no offer.
    sqlx::raw_sql(
        "insert into specs (hash, kind, title, chain_id, body, search, announced_at)
             select decode(repeat('0' || n, 32), 'hex'), 'rpc', '', 1, '', '', now() - days * interval '1 day'
             from (values (1, 8), (2, 8), (3, 6), (4, 8)) as given (n, days);
         insert into offers (bounty_id, chain_id, terms, verifiers, spec_hash, deposit_address, cost, open_until, announced_at)
             select decode(repeat('0' || n, 32), 'hex'), 1, '{}', '{}', decode(repeat('0' || n, 32), 'hex'), decode(repeat('00', 20), 'hex'), 1,
                    now() + interval '1 year', now() - days * interval '1 day'
             from (values (1, 8), (2, 8), (3, 6)) as given (n, days);
         insert into bounties values (decode(repeat('02', 32), 'hex'), 1, decode(repeat('00', 20), 'hex'), decode(repeat('00', 20), 'hex'),
             decode(repeat('02', 32), 'hex'), 1, 1, 1, 0, false, now(), now(), '{}', 1);",
    )
    .execute(&mut *db)
    .await
    .expect("inserts");
    assert_eq!(offers::forget(&mut db, 10).await.expect("answers"), 2);
    assert_eq!(specs::forget(&mut db, 10).await.expect("answers"), 3);
    for (table, key, left) in [("offers", "bounty_id", vec![2_u8, 3]), ("specs", "hash", vec![2, 3])] {
        let query = sqlx::AssertSqlSafe(format!("select {key} from {table} order by {key}"));
        let rows: Vec<(Vec<u8>,)> = sqlx::query_as(query).fetch_all(&mut *db).await.expect("answers");
        assert_eq!(rows.iter().map(|(key,)| key[0]).collect::<Vec<_>>(), left, "{table}");
    }
    // What was decided on is not looked at again.
    assert_eq!(offers::forget(&mut db, 10).await.expect("answers"), 0);
    assert_eq!(specs::forget(&mut db, 10).await.expect("answers"), 0);
}
