//! Killing parts in the middle of the work.

use std::time::Duration;

use piecework_domain::U256;
use piecework_domain::terms::Terms;

use crate::cast::{Cast, RATE, eventually};
use crate::dev::Dev;

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_worker_and_the_indexer_loses_nothing_and_pays_nothing_twice() {
    let dev = Dev::start();
    let cast = Cast::of(&dev);
    // Time to pay after the end: on a busy machine parts take long to come back.
    let terms = Terms { silence_seconds: 15, ..cast.terms(cast.now().await, 1) };
    let payee = cast.address("payee1");
    let before = cast.balance(payee).await;

    // Before the deposit is posted, before the award is relayed, before and after each payout.
    dev.kill("work");
    let bounty = cast.post(&terms).await;
    dev.kill("index");
    let id = cast.bid_and_award(bounty, &terms).await;
    dev.kill("work");
    cast.engaged(id).await;
    for part in ["work", "index", "work", "verify1", "index", "work", "serve"] {
        tokio::time::sleep(Duration::from_millis(2_300)).await;
        dev.kill(part);
    }
    let closed = cast.wind_up(id).await;

    assert!(closed.units_paid > 0, "nothing was paid");
    let redemptions = cast.redemptions(id).await;
    let counts: Vec<_> = redemptions.iter().map(|(units, _)| *units).collect();
    assert!(counts.windows(2).all(|pair| pair[0] < pair[1]), "a unit was paid twice: {counts:?}");
    assert_eq!(counts.last(), Some(&closed.units_paid));
    let due = U256::from(closed.units_paid) * U256::from(RATE);
    assert_eq!(cast.balance(payee).await - before, due, "the payee has exactly what was proven");
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_postgres_and_a_verifier_is_survived_and_ctrl_c_leaves_nothing_behind() {
    let mut dev = Dev::start();
    let cast = Cast::of(&dev);
    let terms = cast.terms(cast.now().await, 2);
    let bounty = cast.post(&terms).await;
    let id = cast.bid_and_award(bounty, &terms).await;
    cast.engaged(id).await;
    let base = dev.ready.data_dir.parent().expect("lies in the data directory").to_owned();
    let pid = std::fs::read_to_string(base.join("postgres/postgres.pid")).expect("a pid file");
    assert!(std::process::Command::new("kill").args(["-9", pid.trim()]).status().expect("kill runs").success());
    dev.kill("verify2");
    let paid = eventually("the runner is paid all the same", 60, || async {
        cast.api.engagement(id).await.ok().filter(|e| e.units_paid > 0)
    })
    .await;
    assert!(paid.units_paid <= terms.units_max);

    dev.interrupt();
    let marker = base.display().to_string();
    let left = std::process::Command::new("pgrep").args(["-f", &marker]).output().expect("pgrep runs");
    assert_eq!(String::from_utf8_lossy(&left.stdout), "", "processes are left behind");
    assert!(!base.exists(), "the throw-away directory is left behind");
}
