//! How many connections there may be, and who holds them.

use std::collections::HashMap;
use std::io;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::limits::Network;

/// Connections of everybody together.
const ALL_MAX: usize = 20_000;

/// Takes connections while there is room for their network, and closes the others at once.
#[derive(Clone, Debug)]
pub struct Door {
    /// None: everything comes from a proxy, or from whoever started this.
    per_network: Option<NonZeroUsize>,
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    by: HashMap<Network, usize>,
}

impl Door {
    pub fn new(per_network: Option<NonZeroUsize>) -> Self {
        Self { per_network, held: Arc::default() }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more connection of `network`, or none.
    fn enter(&self, network: Network) -> Option<Place> {
        let mut held = self.held();
        let own = held.by.get(&network).copied().unwrap_or(0);
        if held.all >= ALL_MAX || self.per_network.is_some_and(|max| own >= max.get()) {
            return None;
        }
        held.all += 1;
        held.by.insert(network, own + 1);
        Some(Place { door: self.clone(), network })
    }

    fn leave(&self, network: Network) {
        let mut held = self.held();
        held.all -= 1;
        match held.by.get_mut(&network) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(held.by.remove(&network)),
        }
    }
}

impl<S> Accept<TcpStream, S> for Door {
    type Stream = Counted;
    type Service = S;
    type Future = std::future::Ready<io::Result<(Counted, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let counted = || {
            let network = Network::of(stream.peer_addr()?.ip());
            // An event is smaller than what would be waited for.
            stream.set_nodelay(true)?;
            let place = self.enter(network).ok_or_else(|| {
                metrics::counter!("piecework_connections_refused_total").increment(1);
                io::Error::other("too many connections")
            })?;
            Ok((Counted { stream, _place: place }, service))
        };
        std::future::ready(counted())
    }
}

#[derive(Debug)]
struct Place {
    door: Door,
    network: Network,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.door.leave(self.network);
    }
}

/// A connection and its place.
#[derive(Debug)]
pub struct Counted {
    stream: TcpStream,
    _place: Place,
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_leaves_room_for_others_and_a_place_is_free_again() {
        let door = Door::new(NonZeroUsize::new(2));
        let [a, b] = [Network::of([192, 0, 2, 1].into()), Network::of([192, 0, 2, 2].into())];
        let first = door.enter(a);
        let second = door.enter(a);
        assert!(first.is_some() && second.is_some());
        assert!(door.enter(a).is_none(), "two are its share");
        assert!(door.enter(b).is_some());
        drop(first);
        assert!(door.enter(a).is_some());
        drop(second);
        assert_eq!(door.held().all, 0);
        assert!(door.held().by.is_empty(), "who left is not remembered");
    }

    #[test]
    fn behind_a_proxy_only_the_total_counts() {
        let door = Door::new(None);
        let proxy = Network::of([127, 0, 0, 1].into());
        let places: Vec<_> = (0..ALL_MAX).map_while(|_| door.enter(proxy)).collect();
        assert_eq!(places.len(), ALL_MAX);
        assert!(door.enter(proxy).is_none());
    }
}
