//! What every handler shares.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use piecework_domain::messages::Domain;
use piecework_domain::{Address, B256};
use piecework_store::PgPool;
use tokio::sync::{Mutex, MutexGuard, watch};
use tokio_util::sync::CancellationToken;

use crate::auth::Auth;
use crate::limits::Shares;
use crate::routes::Counted;
use crate::tokens::Tokens;

/// Queues of what must not be done twice at once for one engagement. Those that share one wait for each other needlessly, which harms nobody.
#[derive(Debug, Default)]
pub struct Turns([Mutex<()>; 32]);

impl Turns {
    /// Waits until it is this one's turn, which lasts as long as the guard.
    pub async fn of(&self, id: B256) -> MutexGuard<'_, ()> {
        self.0[usize::from(id[31]) % self.0.len()].lock().await
    }
}

/// The settlement chain this API speaks for.
#[derive(Clone, Debug)]
pub struct Chain {
    pub id: u64,
    pub escrow: Address,
    /// EIP-712 domain of the escrow.
    pub domain: Domain,
    /// Seconds that verdicts and payouts need on this chain: bounties whose payout window is shorter are not taken here.
    pub payout_window_min: u64,
}

#[derive(Clone)]
pub struct AppState {
    pub pool: PgPool,
    pub chain: Arc<Chain>,
    pub metrics: PrometheusHandle,
    pub counted: Arc<Counted>,
    /// Changes whenever the feed may have new items.
    pub feed: watch::Receiver<()>,
    /// Changes whenever something became of a payment.
    pub payments: watch::Receiver<()>,
    /// Batches of claims of one engagement come one after the other.
    pub turns: Arc<Turns>,
    /// Where accounts sign in.
    pub auth: Arc<Auth>,
    /// Whether webhooks may lead into private networks, and by plain http.
    pub private_webhooks: bool,
    /// Where tokens are asked; without it nobody's payments can be verified here.
    pub tokens: Option<Tokens>,
    /// What one network may take.
    pub shares: Arc<Shares>,
    /// Cancelled when the server stops; ends event streams.
    pub stop: CancellationToken,
}
