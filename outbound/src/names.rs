//! Names that strangers chose: looked up so that a name whose server never answers costs nobody else a call.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use piecework_domain::public::is_public;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::{Instant, timeout};

/// Look-ups under way, each of which may hold a thread for a minute; and those of names that share their last two labels.
const LOOKUPS_AT_ONCE: usize = 128;
const OF_DOMAIN: usize = 16;
/// An answer is good for so long; after that it is asked for again, and used meanwhile.
const FRESH: Duration = Duration::from_secs(60);
const STALE: Duration = Duration::from_secs(60 * 60);
/// How long a new answer is waited for where there is an old one.
const PATIENCE: Duration = Duration::from_millis(300);
const KNOWN_MAX: usize = 10_000;

/// There was no place to look a name up: that says nothing about its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many names are being looked up")]
pub struct Busy;

type Looked = Result<Vec<SocketAddr>, String>;

/// Which addresses of a name are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Where all callers must find the same: not every one has IPv6.
    V4,
    Both,
}

impl Family {
    pub fn has(self, ip: IpAddr) -> bool {
        self == Self::Both || ip.is_ipv4()
    }
}

/// Resolves names to public addresses only, at the moment of connecting: no second look-up can give another one.
#[derive(Clone, Debug)]
pub struct Names {
    family: Family,
    book: Arc<Mutex<Book>>,
}

#[derive(Debug, Default)]
struct Book {
    known: HashMap<String, (Instant, Vec<SocketAddr>)>,
    under_way: HashMap<String, Shared<BoxFuture<'static, Looked>>>,
}

impl Names {
    pub fn new(family: Family) -> Self {
        Self { family, book: Arc::default() }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usable(&self, found: Vec<SocketAddr>) -> Looked {
        let usable: Vec<_> =
            found.into_iter().filter(|addr| self.family.has(addr.ip()) && is_public(addr.ip())).collect();
        match usable.is_empty() {
            true if self.family == Family::V4 => Err("the endpoint is not on the public internet by IPv4".to_owned()),
            true => Err("the endpoint is not on the public internet".to_owned()),
            false => Ok(usable),
        }
    }

    async fn addresses(self, name: String) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let known = self.book().known.get(&name).cloned().filter(|(at, _)| at.elapsed() < STALE);
        if let Some((at, addresses)) = &known
            && at.elapsed() < FRESH
        {
            return Ok(addresses.clone());
        }
        let looking = self.look(&name, |name| {
            async move { tokio::net::lookup_host((name.as_str(), 0)).await.map(Iterator::collect) }.boxed()
        });
        let Some((_, old)) = known else { return Ok(looking?.await?) };
        let Ok(looking) = looking else { return Ok(old) };
        match timeout(PATIENCE, looking).await {
            Ok(looked) => Ok(looked?),
            Err(_) => Ok(old),
        }
    }

    /// The look-up of `name` that is under way, or a new one. It goes on, in a thread, whoever stops waiting for it.
    fn look(
        &self,
        name: &str,
        lookup: impl FnOnce(String) -> BoxFuture<'static, std::io::Result<Vec<SocketAddr>>>,
    ) -> Result<Shared<BoxFuture<'static, Looked>>, Busy> {
        let mut book = self.book();
        if let Some(looking) = book.under_way.get(name) {
            return Ok(looking.clone());
        }
        let siblings = book.under_way.keys().filter(|other| domain(other) == domain(name)).count();
        if book.under_way.len() >= LOOKUPS_AT_ONCE || siblings >= OF_DOMAIN {
            return Err(Busy);
        }
        let (this, key, found) = (self.clone(), name.to_owned(), lookup(name.to_owned()));
        let task = tokio::spawn(async move {
            let looked = found.await.map_err(|err| err.to_string()).and_then(|found| this.usable(found));
            this.book().done(key, &looked);
            looked
        });
        let looking = async move { task.await.unwrap_or_else(|err| Err(err.to_string())) }.boxed().shared();
        book.under_way.insert(name.to_owned(), looking.clone());
        Ok(looking)
    }
}

impl Book {
    fn done(&mut self, name: String, looked: &Looked) {
        self.under_way.remove(&name);
        if self.known.len() >= KNOWN_MAX {
            self.known.retain(|_, (at, _)| at.elapsed() < FRESH);
        }
        if let Ok(addresses) = looked
            && self.known.len() < KNOWN_MAX
        {
            self.known.insert(name, (Instant::now(), addresses.clone()));
        }
    }
}

/// The last two labels.
fn domain(name: &str) -> &str {
    let dots = name.rmatch_indices('.').nth(1);
    dots.map_or(name, |(at, _)| &name[at + 1..])
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = self.clone().addresses(name.as_str().to_ascii_lowercase());
        Box::pin(async move { addresses.await.map(|found| Box::new(found.into_iter()) as Addrs) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never(_: String) -> BoxFuture<'static, std::io::Result<Vec<SocketAddr>>> {
        std::future::pending().boxed()
    }

    fn at_once(_: String) -> BoxFuture<'static, std::io::Result<Vec<SocketAddr>>> {
        async { Ok(vec!["1.1.1.1:0".parse().expect("is one"), "[2606:4700::1111]:0".parse().expect("is one")]) }.boxed()
    }

    #[tokio::test]
    async fn names_that_never_resolve_leave_places_for_others() {
        let names = Names::new(Family::V4);
        for n in 0..200 {
            let looked = names.look(&format!("a{n}.slow.example"), never);
            assert_eq!(looked.is_err(), n >= OF_DOMAIN, "{n}");
        }
        for _ in 0..200 {
            assert!(names.look("a1.slow.example", never).is_ok(), "one look-up of a name is enough");
        }
        let found = names.look("node.honest.example", at_once).expect("has a place").await;
        assert_eq!(found, Ok(vec!["1.1.1.1:0".parse().expect("is one")]), "by IPv4");
        for n in 0..LOOKUPS_AT_ONCE {
            let _looking = names.look(&format!("slow{n}.example"), never);
        }
        for n in 0..LOOKUPS_AT_ONCE {
            let _looking = names.look(&format!("a.b{n}.example{n}"), never);
        }
        assert!(matches!(names.look("late.honest.example", at_once), Err(Busy)));
        assert!(names.clone().addresses("node.honest.example".to_owned()).await.is_ok(), "is known");
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_answer_is_used_while_a_new_one_does_not_come() {
        let names = Names::new(Family::V4);
        names.look("node.example.org", at_once).expect("has a place").await.expect("resolves");
        tokio::time::advance(FRESH * 2).await;
        let _looking = names.look("node.example.org", never).expect("has a place");
        assert_eq!(names.clone().addresses("node.example.org".to_owned()).await.expect("is known").len(), 1);
        tokio::time::advance(STALE).await;
        let unanswered = timeout(PATIENCE * 10, names.addresses("node.example.org".to_owned())).await;
        assert!(unanswered.is_err(), "too old");
    }

    #[tokio::test]
    async fn names_of_places_out_of_reach_are_refused() {
        let err = Names::new(Family::V4).addresses("localhost".to_owned()).await.expect_err("is refused");
        assert!(err.to_string().contains("not on the public internet"), "{err}");
    }

    #[test]
    fn siblings_share_their_last_two_labels() {
        assert_eq!(domain("a.b.example.org"), "example.org");
        assert_eq!((domain("example.org"), domain("localhost")), ("example.org", "localhost"));
    }
}
