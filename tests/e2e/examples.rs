//! The agents of `examples/`: one pays with dollars and no gas, the other earns them.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use piecework_domain::money::Amount;
use piecework_domain::{Address, U256};
use piecework_toolchain::python;
use serde_json::Value;
use tokio::process::Command;

use crate::cast::Cast;
use crate::dev::Dev;

/// Twenty blocks at a dollar.
const COST: u64 = 20_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn agents_in_typescript_and_python_post_bid_run_and_are_paid() {
    let dev = Dev::start_without(&["run"]);
    let cast = Cast::of(&dev);
    let tools = piecework_toolchain::ensure_installed().unwrap();

    let dir = tools.install_beside("examples/typescript").unwrap();
    let bin = dir.join("node_modules/.bin");
    let checked = Command::new(bin.join("tsc")).arg("--noEmit").current_dir(&dir).output().await.unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    both_agents(&cast, 1, &bin.join("tsx"), &dir, "ts").await;

    if !python::possible() {
        eprintln!("no Python here: its examples are left out");
        return;
    }
    let bin = tools.python("examples", "examples/python/requirements.txt").unwrap();
    both_agents(&cast, 2, &bin.join("python"), &tools.root().join("examples/python"), "py").await;
}

async fn both_agents(cast: &Cast<'_>, n: usize, program: &Path, dir: &Path, ending: &str) {
    let (poster, payer) = ("poster", cast.address("poster"));
    let (runner, node) = (format!("runner{n}"), format!("node{n}"));
    let usd = cast.dev.ready.test_usd.expect("dev has dollars");
    let mint = piecework_contracts::mint_call(payer, Amount::from(u128::from(COST)));
    cast.send("operator", usd, U256::ZERO, mint).await;
    let agent = |name: &str, role: &str, more: Vec<String>| {
        let mut command = Command::new(program);
        command.current_dir(dir).arg(format!("{name}.{ending}"));
        command.args(["--api", &cast.dev.ready.api_url, "--token", &usd.to_string(), "--key-file", &key(cast, role)]);
        command.args(more).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command.spawn().expect("starts")
    };
    let journal = cast.dev.ready.data_dir.join(format!("example{n}.redb")).display().to_string();
    let bids = agent(
        "bid",
        &runner,
        vec![
            format!("--node-key-file={}", key(cast, &node)),
            format!("--node-url={}", cast.dev.ready.l2.rpc_url),
            format!("--piecework={}", env!("CARGO_BIN_EXE_piecework")),
            format!("--journal={journal}"),
        ],
    );
    let verifiers: Vec<_> = (1..=3).map(|n| cast.address(&format!("verifier{n}")).to_string()).collect();
    let posts = agent(
        "post",
        poster,
        vec![format!("--chain-id={}", cast.dev.ready.l2.chain_id), format!("--verifiers={}", verifiers.join(","))],
    );
    let both = async { tokio::join!(said(bids), said(posts)) };
    let (earned, paid) = tokio::time::timeout(Duration::from_secs(180), both).await.expect("within three minutes");
    assert_eq!((&earned["bounty"], &earned["engagement"]), (&paid["bounty"], &paid["engagement"]), "{earned} {paid}");
    assert!(earned["unitsPaid"].as_u64() > Some(0), "{earned}");
    assert!(dollars(cast, usd, cast.address(&runner)).await >= U256::from(1_000_000), "a block is a dollar");
    assert_eq!(dollars(cast, usd, payer).await, U256::ZERO, "the bounty is funded");
}

/// What an agent prints when it is done.
async fn said(agent: tokio::process::Child) -> Value {
    let out = agent.wait_with_output().await.expect("ends");
    let (text, problem) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    serde_json::from_str(&text).unwrap_or_else(|err| panic!("{text:?}: {err}; {problem}"))
}

/// A file with a role's key, which nobody else can read.
fn key(cast: &Cast<'_>, role: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = cast.dev.ready.data_dir.join(format!("{role}.example"));
    std::fs::write(&path, &cast.dev.key(role).private_key).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    path.display().to_string()
}

async fn dollars(cast: &Cast<'_>, usd: Address, account: Address) -> U256 {
    use alloy::network::TransactionBuilder;
    use alloy::providers::Provider;
    use alloy::rpc::types::TransactionRequest;
    let call = piecework_contracts::balance_of_call(account);
    let call = TransactionRequest::default().with_to(usd).with_input(call);
    U256::from_be_slice(&cast.chain.call(call).await.unwrap())
}
