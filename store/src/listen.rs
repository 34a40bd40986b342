//! Waiting for announced changes.

use sqlx::PgPool;
use sqlx::postgres::PgListener;

use crate::Result;

/// The feed has new items.
pub const FEED: &str = "piecework_feed";
/// There may be something for the worker to do.
pub const WORK: &str = "piecework_work";

/// Something became of a payment.
pub const PAYMENTS: &str = "piecework_payments";

/// Announcements on one channel. Lost ones are possible around reconnects: callers also poll.
#[derive(Debug)]
pub struct Listener(PgListener);

impl Listener {
    pub async fn on(pool: &PgPool, channel: &str) -> Result<Self> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(channel).await?;
        Ok(Self(listener))
    }

    /// Returns after the next announcement.
    pub async fn changed(&mut self) -> Result<()> {
        self.0.recv().await?;
        Ok(())
    }
}
