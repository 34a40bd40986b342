//! The chain that the work is about changes its mind, the node has a stand-in, and the companion dies: what is final is paid, once.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy::eips::BlockNumberOrTag;
use alloy::providers::{Provider, ProviderBuilder};
use piecework_domain::U256;
use piecework_domain::report::{Observed, Report};
use piecework_domain::spec::{SequencerSpec, Spec};
use piecework_domain::terms::Terms;
use serde_json::{Value, json};

use crate::cast::{Cast, RATE};
use crate::dev::Dev;
use crate::part::Part;

const REVISIONS_MAX: u64 = 8;

#[tokio::test(flavor = "multi_thread")]
async fn rebuilt_blocks_count_once_at_their_revision_and_two_companions_of_one_node_are_one() {
    let dev = Dev::start();
    let cast = Cast::of(&dev);
    let l2 = ProviderBuilder::new().connect_http(dev.ready.l2.rpc_url.parse().unwrap());
    let Spec::Sequencer(spec) = cast.spec() else { panic!("another kind") };
    // anvil's clock falls behind by what a reorg takes away.
    let (timely_seconds, grace_seconds) = (12, 12);
    let spec = SequencerSpec { revisions_max: REVISIONS_MAX, timely_seconds, grace_seconds, ..spec };
    let spec = Spec::Sequencer(spec);
    let terms = cast.terms(cast.now().await, 1);
    let terms = Terms { units_max: 24, silence_seconds: 14, spec_hash: spec.hash().unwrap(), ..terms };
    let bounty = cast.post_offer(&terms, &cast.offer_of(&terms, &spec)).await;
    let id = cast.bid_and_award(bounty, &terms).await;
    let started_at = cast.engaged(id).await.started_at();

    // The same key on a second machine, with a journal of its own, behind the same chain.
    let file = |name: &str| dev.ready.data_dir.join(name).display().to_string();
    let companion = |name: &str, stand_in_after_ms: &str| {
        let envs = [
            ("PIECEWORK_RUNNER", cast.address("runner1").to_string()),
            ("PIECEWORK_NODE_KEY_FILE", file("node1.key")),
            ("PIECEWORK_NODE_URL", dev.ready.l2.rpc_url.clone()),
            ("PIECEWORK_RUNNER_JOURNAL", file(&format!("{name}.redb"))),
            ("PIECEWORK_STAND_IN_AFTER_MS", stand_in_after_ms.to_owned()),
        ];
        Part::start(&dev, name, "run", &envs)
    };
    let _stand_in = companion("stand-in", "2000");
    // Less deep than what is safe when its epoch is judged.
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(5)).await;
        l2.raw_request::<_, Value>("anvil_reorg".into(), json!([2, []])).await.expect("anvil reorganises");
        dev.kill("run1");
    }
    // Knows nothing of the blocks that are no more, and of the claims for them only what is published.
    let _latecomer = companion("latecomer", "0");
    let closed = cast.wind_up(id).await;

    let head = l2.get_block_number().await.expect("answers");
    let claims = cast.api.claims(id, 0, head, 1_000).await.expect("are served");
    let rebuilt = claims.iter().filter(|claim| claim.revision > 0).count();
    assert!(rebuilt > 0, "nothing was built again: {claims:?}");
    let proof = cast.api.get::<Value>(&format!("/v1/engagements/{id}/equivocation")).await;
    assert_eq!(proof.expect_err("is honest").code(), Some("no_equivocation"));

    // Every block that any verifier counted is on the chain that there is, and of those built again some count.
    let mut counted = BTreeMap::new();
    let epochs: Value = cast.api.get(&format!("/v1/engagements/{id}/epochs")).await.expect("are served");
    for finding in epochs["items"].as_array().unwrap().iter().flat_map(|epoch| epoch["findings"].as_array().unwrap()) {
        let evidence = finding["evidence"].as_str().unwrap();
        let report: Report = cast.api.get(&format!("/v1/evidence/{evidence}")).await.expect("is served");
        let refused: Vec<u64> = report.judge().refused.iter().map(|refusal| refusal.number).collect();
        let Observed::Sequencer(observed) = &report.observed else { panic!("another kind") };
        let seen = observed.seen.iter().filter(|block| !refused.contains(&block.number));
        counted.extend(seen.map(|block| (block.number, block.hash)));
    }
    for (number, hash) in &counted {
        let block =
            l2.get_block_by_number(BlockNumberOrTag::Number(*number)).await.expect("answers").expect("is there");
        assert_eq!(block.header.hash, *hash, "block {number} was counted and is not on the chain");
        assert!(block.header.timestamp >= started_at.0);
    }
    let again =
        claims.iter().filter(|claim| claim.revision > 0 && counted.get(&claim.number) == Some(&claim.block_hash));
    assert!(again.count() > 0, "of {rebuilt} blocks built again none counts");
    assert!(
        closed.units_paid > 0 && closed.units_paid <= counted.len() as u64,
        "{} of {}",
        closed.units_paid,
        counted.len()
    );
    let paid: U256 = cast.redemptions(id).await.iter().map(|(_, amount)| *amount).sum();
    assert_eq!(paid, U256::from(closed.units_paid) * U256::from(RATE));
}
