//! One file per process.

mod contracts;
pub mod deploy;
mod index;
mod replay;
mod run;
mod serve;
mod verify;
mod work;

use anyhow::Result;

use crate::cli::Command;
use crate::{config, demo, dev};

pub async fn run(command: Command) -> Result<()> {
    match command {
        Command::Demo(args) => demo::run(args).await,
        Command::Dev(args) => dev::run(args).await,
        Command::Index(args) => index::run(args).await,
        Command::Serve(args) => serve::run(args).await,
        Command::Work(args) => work::run(args).await,
        Command::Verify(args) => verify::run(args).await,
        Command::Run(args) => run::run(args).await,
        Command::Deploy(args) => deploy::run(args).await,
        Command::Migrate(args) => config::database(&args, 2).await.map(|_| ()),
        Command::Contracts { command } => contracts::run(&command),
        Command::Openapi => {
            println!("{}", serde_json::to_string_pretty(&piecework_api::openapi())?);
            Ok(())
        }
    }
}
