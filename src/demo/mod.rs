//! `piecework demo`: the whole story, played by outsiders over HTTP and RPC against the parts of `dev`.

mod audit;
mod cast;
mod engage;
mod story;
mod summary;
mod wallet;
mod work;

use anyhow::{Result, bail};

use crate::dev::{Options, Stack};
use crate::{cli, config};

pub async fn run(args: cli::Demo) -> Result<()> {
    let stop = config::stop_on_signal()?;
    let mut stack = tokio::select! {
        started = Stack::start(Options { ephemeral: true, quiet: args.json, without: Vec::new() }) => started?,
        () = stop.cancelled() => bail!("interrupted"),
    };
    let parts = cast::Parts::of(&stack);
    let told = tokio::select! {
        told = story::tell(&parts, args.json) => told?,
        () = stack.supervise(stop) => bail!("interrupted"),
    };
    if args.json {
        println!("{}", serde_json::to_string(&told.json())?);
    } else {
        told.print();
    }
    drop(stack);
    if !told.differences.is_empty() {
        bail!("{} balances differ from the contracts' events", told.differences.len());
    }
    Ok(())
}
