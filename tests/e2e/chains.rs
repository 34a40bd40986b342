//! One `piecework index` for several chains, as its command line has it.

use std::process::Command;

use piecework_domain::Address;
use piecework_domain::terms::Terms;
use serde_json::{Value, json};

use crate::cast::{Cast, eventually, send_on};
use crate::dev::Dev;
use crate::part::Part;

#[tokio::test(flavor = "multi_thread")]
async fn one_indexer_mirrors_two_chains_and_its_audit_finds_no_difference_on_either() {
    let dev = Dev::start_without(&["work", "verify", "run"]);
    let cast = Cast::of(&dev);
    let other = deploy(&dev);
    let mut list = Vec::new();
    for (chain_id, url, escrow, start_block) in [
        (dev.ready.chain_id, &dev.ready.rpc_url, dev.ready.escrow, 1),
        (dev.ready.l2.chain_id, &dev.ready.l2.rpc_url, other.0, other.1),
    ] {
        let terms: Terms = cast.terms(cast.now().await, u128::from(chain_id));
        let cost = terms.cost(3).unwrap();
        send_on(url, cast.signer("poster"), escrow, cost.0, piecework_contracts::post_call(&terms, cost)).await;
        list.push(json!({ "chainId": chain_id, "escrow": escrow, "startBlock": start_block, "rpcUrls": [url] }));
    }
    let file = dev.ready.data_dir.join("chains.json");
    std::fs::write(&file, Value::Array(list).to_string()).unwrap();
    let database = piecework_store::fresh_database(&dev.ready.database_url, "chains").await.unwrap();
    // What `dev` sets for one chain would clash.
    let mut audit = Command::new(env!("CARGO_BIN_EXE_piecework"));
    audit.args(["index", "--audit", "--chains"]).arg(&file).env("DATABASE_URL", &database);

    let _indexer = Part::start_bare(
        &dev,
        "index-chains",
        "index",
        vec![("PIECEWORK_CHAINS", file.display().to_string()), ("DATABASE_URL", database.clone())],
    );
    let text = eventually("both chains are mirrored", 60, || {
        let out = audit.output().expect("the binary runs");
        async move {
            let text = String::from_utf8_lossy(&out.stdout).into_owned();
            (out.status.success() && text.matches(": 1 bounties").count() == 2).then_some(text)
        }
    })
    .await;
    for chain_id in [dev.ready.chain_id, dev.ready.l2.chain_id] {
        assert!(text.contains(&format!("chain {chain_id} at block")), "{text}");
    }
    assert_eq!(text.matches(" 0 differences").count(), 2, "{text}");
}

/// An escrow on the second chain, and its first block.
fn deploy(dev: &Dev) -> (Address, u64) {
    let out = Command::new(env!("CARGO_BIN_EXE_piecework"))
        .args(["deploy", "--rpc-url", &dev.ready.l2.rpc_url, "--key-file"])
        .arg(operator_key(dev))
        .output()
        .expect("the binary runs");
    let deployed: Value = serde_json::from_slice(&out.stdout).expect("prints what was deployed");
    (serde_json::from_value(deployed["escrow"].clone()).unwrap(), deployed["startBlock"].as_u64().unwrap())
}

fn operator_key(dev: &Dev) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = dev.ready.data_dir.join("deployer.key");
    std::fs::write(&path, &dev.key("operator").private_key).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}
