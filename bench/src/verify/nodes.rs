//! The nodes of many engagements: each claims each block, as soon as there is one.

use std::sync::Arc;
use std::time::Duration;

use alloy::eips::BlockNumberOrTag;
use alloy::providers::{DynProvider, Provider};
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result};
use piecework_domain::B256;
use piecework_domain::time::Timestamp;
use piecework_store::{PgPool, claims};

use super::work::Engaged;

pub struct Nodes {
    pub rpc: DynProvider,
    pub pool: PgPool,
    pub engaged: Arc<Vec<Engaged>>,
    /// The one key that all the nodes sign with: to whoever checks signatures it makes no difference.
    pub signer: PrivateKeySigner,
}

impl Nodes {
    /// Claims every block after the present one, until dropped.
    pub async fn work(self) -> Result<()> {
        let mut last = self.rpc.get_block_number().await?;
        loop {
            let head = self.rpc.get_block_number().await?;
            for number in last + 1..=head {
                let block = self.rpc.get_block_by_number(BlockNumberOrTag::Number(number)).await?;
                let header = block.context("a block that was there is gone")?.header;
                self.claim(number, header.hash, Timestamp(header.timestamp)).await?;
            }
            last = head.max(last);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// As rows, not through the API: ten thousand nodes have ten thousand machines to send theirs from.
    async fn claim(&self, number: u64, hash: B256, at: Timestamp) -> Result<()> {
        let (engaged, signer) = (self.engaged.clone(), self.signer.clone());
        let signed = tokio::task::spawn_blocking(move || {
            let began = engaged.iter().filter(|one| one.started_at <= at);
            began.map(|one| Ok((one.id, one.claim(&signer, number, hash)?))).collect::<Result<Vec<_>>>()
        });
        let mut db_tx = self.pool.begin().await?;
        for (id, claim) in signed.await?? {
            claims::add(&mut db_tx, id, &claim).await?;
        }
        db_tx.commit().await?;
        Ok(())
    }
}
