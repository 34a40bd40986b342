//! How fast answers to probes are checked, beside what hashing their bytes alone takes.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use alloy::primitives::keccak256;
use alloy::providers::Provider;
use anyhow::{Context, Result, ensure};
use piecework_bench::chain::Chain;
use piecework_domain::B256;
use piecework_domain::rpc::Question;
use piecework_domain::rpc::check::{self, Anchor};
use piecework_toolchain::Tools;
use serde_json::Value;

use crate::{median, per_second};

/// On the chain that is asked about: blocks of a hundred transactions.
const EVENTS: u64 = 1_500;
/// Of the newest blocks, each asked every kind of question.
const BLOCKS: u64 = 8;
/// Times that all answers are checked, and their bytes hashed, by turns.
const TURNS: u64 = 8;
const RUNS: usize = 3;

/// Per second and core.
pub struct Rates {
    /// From an answer's bytes to what it is worth.
    pub checked: u64,
    /// keccak256 over the same bytes.
    pub hashed: u64,
    /// Of an answer, on average.
    pub bytes: u64,
    pub answers: u64,
}

struct Case {
    anchor: Anchor,
    answered: Vec<(Question, Vec<u8>)>,
}

pub async fn measure(tools: &Tools, logs: &Path) -> Result<Rates> {
    let cases = ask(tools, logs).await?;
    let answers = || cases.iter().flat_map(|case| case.answered.iter().map(move |(q, bytes)| (case, q, bytes)));
    let count = answers().count() as u64;
    let (mut checked, mut hashed) = (vec![], vec![]);
    for _ in 0..RUNS {
        let (mut checking, mut hashing) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..TURNS {
            let since = Instant::now();
            for (case, question, bytes) in answers() {
                let answer: Value = serde_json::from_slice(bytes)?;
                check::check(question, &case.anchor, None, &answer).with_context(|| format!("{question:?}"))?;
            }
            checking += since.elapsed();
            let since = Instant::now();
            for (_, _, bytes) in answers() {
                black_box(keccak256(bytes));
            }
            hashing += since.elapsed();
        }
        checked.push(per_second(count * TURNS, checking));
        hashed.push(per_second(count * TURNS, hashing));
    }
    let bytes = answers().map(|(_, _, bytes)| bytes.len() as u64).sum::<u64>() / count.max(1);
    let of = |mut figures: Vec<u64>| median(&mut figures).context("no runs");
    Ok(Rates { checked: of(checked)?, hashed: of(hashed)?, bytes, answers: count })
}

/// What a real node answers about its newest blocks.
async fn ask(tools: &Tools, logs: &Path) -> Result<Vec<Case>> {
    let mut chain = Chain::start(tools, logs, "asked", 1).await?;
    chain.flood(EVENTS).await?;
    let head = chain.rpc.get_block_number().await?;
    let mut cases = Vec::new();
    for number in head.saturating_sub(BLOCKS - 1)..=head {
        let block = put(&chain, &Question::Block { number, full: true }).await?;
        let receipts = put(&chain, &Question::Receipts { number }).await?;
        let anchor = Anchor::read(&block, Some(&receipts))?;
        ensure!(anchor.bodies && anchor.receipts.is_some(), "block {number} can't be checked");
        let mut answered = Vec::new();
        for question in questions(&chain, &anchor) {
            let answer = put(&chain, &question).await?;
            answered.push((question, serde_json::to_vec(&answer)?));
        }
        cases.push(Case { anchor, answered });
    }
    Ok(cases)
}

/// One of each kind that is checked by itself; `Call` is compared with the verifier's own node's answer.
fn questions(chain: &Chain, anchor: &Anchor) -> Vec<Question> {
    let (number, hash, escrow) = (anchor.number(), anchor.hash, chain.escrow);
    let topic = anchor.logs().first().and_then(|log| log.topic0().copied());
    let slots: Vec<_> = (0_u8..4).map(|slot| B256::left_padding_from(&[slot])).collect();
    let account = anchor.accounts().into_iter().find(|account| *account != escrow).unwrap_or(escrow);
    vec![
        Question::Block { number, full: false },
        Question::Block { number, full: true },
        Question::BlockByHash { hash, full: true },
        Question::Receipts { number },
        Question::Logs { number, address: None, topic: None },
        Question::Logs { number, address: Some(escrow), topic },
        Question::Proof { number, account: escrow, slots },
        Question::Proof { number, account, slots: vec![] },
    ]
}

async fn put(chain: &Chain, question: &Question) -> Result<Value> {
    let answer = chain.rpc.raw_request::<_, Value>(question.method().into(), question.params()).await;
    answer.with_context(|| format!("asking {question:?}"))
}
