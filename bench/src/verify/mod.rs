//! What verdicts and payouts cost: judging beside recovering signatures, a verifier's load, and how soon a block is money.

mod answers;
mod carry;
mod claims;
mod clock;
mod dev;
mod money;
mod nodes;
mod paid;
mod payouts;
mod process;
mod rows;
mod table;
mod voucher;
mod work;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::Server;
use table::Figures;

#[derive(Args)]
pub struct Options {
    /// Print one JSON object on the last line
    #[arg(long)]
    json: bool,
    /// Measure these parts alone; the other figures are null
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// Engagements that one verifier carries
    #[arg(long, default_value_t = 10_000)]
    engagements: u64,
    /// Epochs, of a minute each, for which it does
    #[arg(long, default_value_t = 3)]
    epochs: u64,
    /// Seconds between blocks of the chain that is sequenced meanwhile; every block is claimed by every engagement's node
    #[arg(long, default_value_t = 12)]
    block_seconds: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Claims,
    Answers,
    Carry,
    Voucher,
    Payouts,
    Money,
}

pub async fn run(options: &Options) -> Result<()> {
    let server = Server::start()?;
    let wanted = |part| options.only.is_empty() || options.only.contains(&part);
    let mut figures = Figures::default();
    if wanted(Part::Claims) {
        // Not on a thread that waits for others.
        figures.claims(&tokio::task::spawn_blocking(claims::measure).await??);
    }
    if wanted(Part::Answers) {
        figures.answers(&answers::measure(&server.tools, server.dir.path()).await?);
    }
    if wanted(Part::Voucher) {
        figures.voucher(&voucher::measure(&server).await?);
    }
    if wanted(Part::Payouts) {
        figures.payouts(&payouts::measure(&server).await?);
    }
    if wanted(Part::Money) {
        figures.money(&money::measure(server.dir.path()).await?);
    }
    if wanted(Part::Carry) {
        let Options { engagements, epochs, block_seconds, .. } = *options;
        let load = carry::Load { engagements, epochs, block_seconds };
        figures.carried(load, &load.measure(&server).await?);
    }
    figures.print(options.json)
}
