//! `piecework dev`: everything on this machine, in one command.

mod accounts;
mod stack;
mod supervisor;

use anyhow::Result;
use serde_json::json;

pub use accounts::account;
pub use stack::{Options, Stack};

use crate::{cli, config};

pub async fn run(args: cli::Dev) -> Result<()> {
    let stop = config::stop_on_signal()?;
    let options = Options { ephemeral: args.ephemeral, quiet: args.json, without: args.without };
    let mut stack = tokio::select! {
        started = Stack::start(options) => started?,
        () = stop.cancelled() => return Ok(()),
    };
    if args.json {
        println!("{}", ready_line(&stack));
    } else {
        print_ready(&stack);
    }
    stack.supervise(stop).await;
    if !args.json {
        eprintln!("stopping …");
    }
    Ok(())
}

fn ready_line(stack: &Stack) -> serde_json::Value {
    let accounts: Vec<_> =
        accounts::ALL.iter().map(|a| json!({ "role": a.role, "address": a.address(), "privateKey": a.key })).collect();
    json!({
        "rpcUrl": stack.settlement.rpc_url,
        "chainId": stack.settlement.chain_id,
        "escrow": stack.deployed.escrow,
        "verifierBond": stack.deployed.verifier_bond,
        "testUsd": stack.deployed.test_usd,
        "apiUrl": stack.api_url,
        "databaseUrl": stack.database_url,
        "l2": { "rpcUrl": stack.sequenced.rpc_url, "chainId": stack.sequenced.chain_id },
        "accounts": accounts,
        "dataDir": stack.dir,
    })
}

fn print_ready(stack: &Stack) {
    println!("\nPiecework is running. Ctrl-C stops everything.\n");
    println!(
        "  API               {}   (try {}/v1/stats, {}/openapi.json)",
        stack.api_url, stack.api_url, stack.api_url
    );
    println!("  settlement chain  {}   chain id {}", stack.settlement.rpc_url, stack.settlement.chain_id);
    println!("  sequenced chain   {}   chain id {}", stack.sequenced.rpc_url, stack.sequenced.chain_id);
    println!("  escrow            {}", stack.deployed.escrow);
    println!("  verifiers' bonds  {}", stack.deployed.verifier_bond);
    if let Some(test_usd) = stack.deployed.test_usd {
        println!("  TestUSD           {test_usd}");
    }
    println!("  database          {}", stack.database_url);
    println!("  logs              {}\n", stack.dir.display());
    println!("Development accounts, funded on both chains. The keys are public: worthless anywhere else.\n");
    for account in accounts::ALL {
        println!("  {:<12} {}  {}", account.role, account.address(), account.key);
    }
    println!();
}
