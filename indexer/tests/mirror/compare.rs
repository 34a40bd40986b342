//! Two mirrors of one chain, table by table.

use std::collections::BTreeMap;

use piecework_store::PgPool;
use piecework_store::feed::{self, Filter};
use sqlx::{AssertSqlSafe, Row};

/// Everything that comes from the chain, as text. `seq` says when something was indexed, not what.
const TABLES: [(&str, &str); 6] = [
    ("events", "(to_jsonb(t) - 'seq')::text"),
    ("bounties", "t::text"),
    ("engagements", "t::text"),
    ("assignments", "t::text"),
    ("balances", "t::text"),
    ("payouts", "t::text"),
];

pub async fn equal(mirrored: &PgPool, scratch: &PgPool, what: &str) {
    for (table, row) in TABLES {
        let dump = format!("select {row} from {table} t order by 1");
        assert_same(&rows(mirrored, &dump).await, &rows(scratch, &dump).await, &format!("{what}: {table}"));
    }
}

/// Columns that lists filter and sort by say what the whole row says.
pub async fn columns_match(pool: &PgPool, what: &str) {
    let wrong = "select id::text from bounties
                 where (rate_max::text, bond::text, seats::text, seats_taken::text, open_claim::text, '0x' || encode(poster, 'hex'))
                     is distinct from
                       (state #>> '{terms,rateMax}', state #>> '{terms,bond}', state #>> '{terms,seats}', state ->> 'seatsTaken',
                        state #>> '{terms,openClaim}', lower(state #>> '{terms,poster}'))";
    let wrong = rows(pool, wrong).await;
    assert!(wrong.is_empty(), "{what}: columns differ from the state of {wrong:?}");
}

/// What holds at `block` according to the kept versions.
pub async fn equal_at(mirrored: &PgPool, scratch: &PgPool, block: u64, what: &str) {
    for view in ["bounty_versions", "engagement_versions"] {
        let dump = format!(
            "select (to_jsonb(t) - 'valid_to')::text from {view} t where block_number <= {block} and valid_to > {block} order by 1"
        );
        assert_same(&rows(mirrored, &dump).await, &rows(scratch, &dump).await, &format!("{what}: {view} at {block}"));
    }
}

fn assert_same(left: &[String], right: &[String], what: &str) {
    let first = left.iter().zip(right).find(|(a, b)| a != b);
    assert_eq!(left.len(), right.len(), "{what}: rows; first difference {first:?}");
    assert_eq!(first, None, "{what}");
}

async fn rows(pool: &PgPool, query: &str) -> Vec<String> {
    let rows = sqlx::query(AssertSqlSafe(query.to_owned())).fetch_all(pool).await.expect("the database answers");
    rows.iter().map(|row| row.get(0)).collect()
}

/// Whoever reads the stream from its start, and takes back what it says was reverted, has the events of the table.
pub async fn stream_adds_up(pool: &PgPool, what: &str) -> usize {
    let mut db = pool.acquire().await.expect("connects");
    let (mut standing, mut seq, mut reverted) = (BTreeMap::new(), 0, 0);
    loop {
        let items = feed::after(&mut db, seq, &Filter::default(), 100).await.expect("the database answers").items;
        if items.is_empty() {
            break;
        }
        for item in items {
            assert_eq!(item.seq, seq + 1, "{what}: the stream has no gaps and no repetitions");
            seq = item.seq;
            match item.reverts {
                Some((taken_back, _)) => {
                    reverted += 1;
                    assert!(
                        standing.remove(&taken_back).is_some(),
                        "{what}: {taken_back} is reverted once, after it came"
                    );
                }
                None => {
                    standing.insert(seq, (item.block_hash.to_string(), item.log_index));
                }
            }
        }
    }
    let mut left: Vec<_> = standing.into_values().collect();
    left.sort();
    let mut stored: Vec<_> = piecework_store::events::places(&mut db, piecework_bench::chain::CHAIN_ID)
        .await
        .expect("the database answers")
        .into_iter()
        .map(|(hash, index)| (hash.to_string(), index))
        .collect();
    stored.sort();
    assert_eq!(left, stored, "{what}: the stream adds up to the table");
    reverted
}
