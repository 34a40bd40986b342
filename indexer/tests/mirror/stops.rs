//! What the mirror must not go on from, and what makes it right again.

use std::sync::atomic::Ordering;
use std::time::Duration;

use piecework_bench::chain::{CHAIN_ID, terms as usual_terms};
use piecework_domain::terms::Terms;
use piecework_domain::time::Timestamp;
use piecework_domain::{Address, Bytes};
use piecework_indexer::{Config, Error};
use piecework_store::{bounties, chains, events};
use serde_json::{Value, json};

use crate::compare;
use crate::faulty;
use crate::world::{Indexer, World, config, from_scratch, provider};

/// Emits one log with the topic 0x11…11 whatever it is called with.
const LOGGER: &str = "0x7f111111111111111111111111111111111111111111111111111111111111111160006000a100";

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_does_not_decode_stops_it_and_nothing_after_it_is_applied() {
    use alloy::providers::Provider;
    let world = World::new();
    let mut chain = world.chain("anvil-undecodable").await;
    for n in 0..5 {
        let tx = chain.some(n);
        chain.send_and_wait(vec![tx]).await.expect("anvil mines");
    }
    let good = chain.rpc.get_block_number().await.expect("anvil answers");
    let code: Bytes = LOGGER.parse().expect("hex");
    let set = json!([chain.escrow, code]);
    chain.rpc.raw_request::<_, Value>("anvil_setCode".into(), set).await.expect("anvil sets code");
    for n in 0..5 {
        let tx = chain.some(n);
        chain.send_and_wait(vec![tx]).await.expect("anvil mines");
    }

    let (_, pool) = world.database().await;
    let indexer = Indexer::start(&pool, &chain, &[&chain.rpc_url]);
    let ended = tokio::time::timeout(Duration::from_secs(20), indexer.0).await.expect("it stops").expect("no panic");
    let err = ended.expect_err("it stops with an error");
    let Error::Undecodable { chain_id: CHAIN_ID, err } = err else { panic!("{err}") };
    assert_eq!((err.block_number, err.log_index), (Some(good + 1), Some(0)));
    let mut db = pool.acquire().await.expect("connects");
    let cursor = chains::cursor(&mut db, CHAIN_ID).await.expect("the database answers").expect("a cursor");
    assert!(cursor.number <= good, "at {}, the unreadable log is in {}", cursor.number, good + 1);
    let stored = events::places(&mut db, CHAIN_ID).await.expect("the database answers");
    let logs = alloy::rpc::types::Filter::new().address(chain.escrow).from_block(0).to_block(cursor.number);
    assert_eq!(stored.len(), chain.rpc.get_logs(&logs).await.expect("anvil answers").len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_hides_logs_behind_a_bloom_of_its_own_is_not_believed() {
    let world = World::new();
    let mut chain = world.chain("anvil-hidden").await;
    let (url, faulty) = faulty::start(&chain.rpc_url, 1).await;
    faulty.honest.store(true, Ordering::Relaxed);
    let (_, pool) = world.database().await;
    // The only endpoint there is: nobody else could contradict it.
    let config = Config { witnessed: false, ..config(&chain) };
    let mut indexer = Indexer::of(&pool, config, vec![provider(&url)], Default::default());
    indexer.reaches_head(&pool, &chain, "honest so far").await;
    faulty.hides.store(true, Ordering::Relaxed);
    let cursor = || async {
        let mut db = pool.acquire().await.expect("connects");
        chains::cursor(&mut db, CHAIN_ID).await.expect("the database answers").expect("a cursor").number
    };
    let before = cursor().await;
    for n in 0..5 {
        let tx = chain.some(n);
        chain.send_and_wait(vec![tx]).await.expect("anvil mines");
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(cursor().await, before, "nothing of what it says now is true");
    faulty.hides.store(false, Ordering::Relaxed);
    indexer.reaches_head(&pool, &chain, "honest again").await;
    indexer.crash().await;
    compare::equal(&pool, &from_scratch(&world, &chain, "hidden").await, "hidden").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_finds_what_a_rebuild_repairs() {
    let world = World::new();
    let mut chain = world.chain("anvil-audit").await;
    chain.flood(1_000).await.expect("anvil mines");
    let (_, pool) = world.database().await;
    let mut indexer = Indexer::start(&pool, &chain, &[&chain.rpc_url]);
    indexer.reaches_head(&pool, &chain, "audit").await;
    indexer.crash().await;
    let audit = || async {
        let report = piecework_indexer::audit(&pool, chain.rpc.clone(), CHAIN_ID, chain.escrow).await;
        report.expect("the audit runs").listed
    };
    assert_eq!(audit().await, [""; 0]);

    let spoil = [
        "update balances set balance = balance + 1 where (account, token) = (select account, token from balances limit 1)",
        "update bounties set state = jsonb_set(state, '{seatsTaken}', '1') where id = (select id from bounties limit 1)",
    ];
    for statement in spoil {
        sqlx::query(statement).execute(&pool).await.expect("spoils a row");
    }
    let found = audit().await;
    // The third: all balances together are one more than what the escrow holds.
    let begins = found.iter().map(|line| line.split(' ').next().unwrap_or_default()).collect::<Vec<_>>();
    assert_eq!(begins, ["bounty", "balance", "token"], "{found:?}");

    piecework_indexer::rebuild(&pool, CHAIN_ID).await.expect("forgets");
    let mut indexer = Indexer::start(&pool, &chain, &[&chain.rpc_url]);
    indexer.reaches_head(&pool, &chain, "rebuilt").await;
    indexer.crash().await;
    assert_eq!(audit().await, [""; 0]);
    compare::equal(&pool, &from_scratch(&world, &chain, "rebuilt").await, "rebuilt").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_escrow_or_chain_in_the_same_database_is_refused() {
    let world = World::new();
    let mut chain = world.chain("anvil-other").await;
    let (_, pool) = world.database().await;
    let mut indexer = Indexer::start(&pool, &chain, &[&chain.rpc_url]);
    indexer.reaches_head(&pool, &chain, "other").await;
    indexer.crash().await;
    chain.escrow = piecework_domain::Address::repeat_byte(1);
    let ended = Indexer::start(&pool, &chain, &[&chain.rpc_url]).0;
    let ended = tokio::time::timeout(Duration::from_secs(20), ended).await.expect("it stops").expect("no panic");
    assert!(matches!(ended, Err(Error::WrongEscrow { .. })), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_amount_comes_back_as_it_was_stored() {
    use piecework_domain::chain::Bounty;
    use piecework_domain::ids::BountyId;

    let world = World::new();
    let (_, pool) = world.database().await;
    let mut db = pool.acquire().await.expect("connects");
    let amounts = [0, 1, 9_999, 10_000, 10_001, 99_990_000, 10_u128.pow(36), u128::MAX];
    let bounties: Vec<(Bounty, u64)> = (0..)
        .zip(amounts)
        .map(|(n, amount)| {
            let terms =
                Terms { rate_max: amount, bond: u128::MAX - amount, ..usual_terms(Address::repeat_byte(n), n.into()) };
            let id = terms.bounty_id(CHAIN_ID, Address::repeat_byte(9));
            let posted = piecework_domain::chain::Event::Posted { bounty: id, terms };
            let bounty: Option<Bounty> = Bounty::apply(None, &posted, Timestamp(1_700_000_000)).expect("is consistent");
            (bounty.expect("exists"), u64::from(n))
        })
        .collect();
    bounties::add(&mut db, CHAIN_ID, &bounties.iter().collect::<Vec<_>>()).await.expect("are stored");
    compare::columns_match(&pool, "amounts").await;
    let ids: Vec<BountyId> = bounties.iter().map(|(bounty, _)| bounty.id).collect();
    let mut stored = bounties::load(&mut db, &ids).await.expect("are there");
    stored.sort_by_key(|row| row.block_number);
    assert!(stored.iter().map(|row| (&row.bounty, row.block_number)).eq(bounties.iter().map(|(b, n)| (b, *n))));
}
