//! Hearing of new blocks as they come, where an endpoint offers it. What was heard is not believed, only looked at sooner.

use std::sync::Arc;
use std::time::Duration;

use alloy::providers::{Provider, ProviderBuilder, WsConnect};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Between two attempts to subscribe; blocks are polled for meanwhile.
const RETRY: Duration = Duration::from_secs(5);

/// Subscribes to `newHeads` at a WebSocket endpoint and wakes whoever follows, until `stop`.
pub async fn listen(url: String, woken: Arc<Notify>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => return,
            // The error may hold the URL, and that an access key.
            lost = subscribe(&url, &woken) => if lost.is_err() {
                tracing::warn!("the subscription to new blocks ended; polling, and trying again");
            },
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

async fn subscribe(url: &str, woken: &Notify) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let provider = ProviderBuilder::new().disable_recommended_fillers().connect_ws(WsConnect::new(url)).await?;
    let mut heads = provider.subscribe_blocks().await?;
    loop {
        heads.recv().await?;
        woken.notify_one();
    }
}
