//! `piecework verify --replay`: an epoch judged again, in words.

use alloy::providers::DynProvider;
use anyhow::{Result, ensure};
use piecework_client::{Client, EpochFinding};
use piecework_domain::ids::EvidenceHash;
use piecework_domain::report::Observed;
use piecework_verifier::Replay;

/// Refusals printed one by one.
const PRINTED_MAX: usize = 200;

pub async fn run(api_url: &str, hash: EvidenceHash, endpoints: Vec<(u64, DynProvider)>, json: bool) -> Result<()> {
    let replay = piecework_verifier::replay(&Client::new(api_url), hash, &endpoints.into_iter().collect()).await?;
    match json {
        true => println!("{}", serde_json::to_string(&replay)?),
        false => print(&replay),
    }
    ensure!(replay.holds(), "the verifier's verdict is not what its report adds up to");
    Ok(())
}

fn print(replay: &Replay) {
    let Replay { report, judgement, .. } = replay;
    println!("{}: {} of engagement {}", replay.evidence, report.observed.kind(), report.engagement);
    println!("epoch {} [{}, {}), by verifier {}", report.epoch, report.from, report.to, report.verifier);
    match &report.observed {
        Observed::Sequencer(seen) => println!(
            "{} blocks seen, {} claims of node {}, final up to {}",
            seen.seen.len(),
            seen.claims.len(),
            report.node,
            seen.final_number.map_or("nothing".to_owned(), |number| number.to_string())
        ),
        Observed::Rpc(asked) => println!(
            "{} questions to {}",
            asked.probes.len(),
            asked.endpoint.as_ref().map_or("nobody: no endpoint was announced", |endpoint| &endpoint.url)
        ),
    }
    println!(
        "{} counted, {} refused{}",
        judgement.counted,
        judgement.refused.len(),
        if judgement.fault { ", a fault" } else { "" }
    );
    for refusal in judgement.refused.iter().take(PRINTED_MAX) {
        println!("  {}: {}", refusal.number, refusal.reason.code());
    }
    if judgement.refused.len() > PRINTED_MAX {
        println!("  … and {} more", judgement.refused.len() - PRINTED_MAX);
    }
    println!("it adds up to {} units and {} faults", replay.units, replay.faults);
    match &replay.said {
        Some(said) => {
            println!("its verifier said {}: {}", words(said), if replay.holds() { "the same" } else { "NOT THE SAME" })
        }
        None => println!("no verdict of that verifier names this report"),
    }
    for other in &replay.others {
        println!("verifier {} said {}", other.verifier, words(other));
    }
    if let Some(blocks) = &replay.blocks {
        println!(
            "from your endpoint {} blocks look the same and {} don't: {:?}",
            blocks.same,
            blocks.other.len(),
            blocks.other
        );
    }
}

fn words(found: &EpochFinding) -> String {
    format!("{} counted, {} units and {} faults in all", found.counted, found.units, found.faults)
}
