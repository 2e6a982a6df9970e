//! The replicas of a service: calls go to them in turn, and those that cannot be reached are left alone for a while.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use http::Uri;
use tokio::time::Instant;
use tonic::transport::Channel;

use crate::{Config, upstream};

/// The first rest of a replica that cannot be reached, and the longest: they double.
const FIRST_REST: Duration = Duration::from_millis(250);
const LONGEST_REST: Duration = Duration::from_secs(10);

/// What a replica is known by: which upstream of the setting, and which of its addresses; none before it is resolved.
type Key = (usize, Option<SocketAddr>);

/// All of them, as known now.
#[derive(Debug)]
pub(super) struct Replicas {
    known: ArcSwap<BTreeMap<Key, Arc<Replica>>>,
    turn: AtomicUsize,
}

impl Replicas {
    /// One for each upstream: until a name was resolved, its channel finds an address by itself.
    pub(super) fn new(uris: &[Uri], config: &Config) -> Self {
        let replica = |(number, uri)| {
            let replica = Replica::new(upstream::channel(uri, config));
            ((number, None), Arc::new(replica))
        };
        Self {
            known: ArcSwap::from_pointee(uris.iter().enumerate().map(replica).collect()),
            turn: AtomicUsize::new(0),
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.known.load().len()
    }

    /// In the order in which a call is to try them: each call begins with the next one; those that rest come last.
    pub(super) fn in_turn(&self) -> Vec<Arc<Replica>> {
        let mut all: Vec<_> = self.known.load().values().cloned().collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        if !all.is_empty() {
            let first = turn % all.len();
            all.rotate_left(first);
        }
        let now = Instant::now();
        all.sort_by_key(|replica| replica.rests_at(now));
        all
    }

    /// The addresses of an upstream are these now. Channels to those that stay are kept; calls on the others end in peace.
    pub(super) fn set(
        &self,
        number: usize,
        addresses: impl IntoIterator<Item = SocketAddr>,
        channel: impl Fn(SocketAddr) -> Channel,
    ) {
        let before = self.known.load();
        let others = before.iter().filter(|((other, _), _)| *other != number);
        let mut after: BTreeMap<_, _> = others
            .map(|(key, replica)| (*key, Arc::clone(replica)))
            .collect();
        for address in addresses {
            let key = (number, Some(address));
            let replica = before
                .get(&key)
                .map_or_else(|| Arc::new(Replica::new(channel(address))), Arc::clone);
            after.insert(key, replica);
        }
        if !after.keys().eq(before.keys()) {
            tracing::info!(replicas = after.len(), "the replicas of a service changed");
            self.known.store(Arc::new(after));
        }
    }
}

/// One process of a service.
#[derive(Debug)]
pub(super) struct Replica {
    channel: Channel,
    rest: Mutex<Rest>,
}

/// How long a replica is to be left alone.
#[derive(Debug, Default)]
struct Rest {
    until: Option<Instant>,
    next: Duration,
}

impl Replica {
    fn new(channel: Channel) -> Self {
        Self {
            channel,
            rest: Mutex::default(),
        }
    }

    pub(super) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// It could not be reached.
    pub(super) fn rest(&self) {
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        // Calls that failed together count as one.
        if rest.until.is_none_or(|until| until <= now) {
            rest.next = (rest.next * 2).clamp(FIRST_REST, LONGEST_REST);
            rest.until = Some(now + rest.next);
        }
    }

    /// It answered.
    pub(super) fn answered(&self) {
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        *rest = Rest::default();
    }

    fn rests_at(&self, now: Instant) -> bool {
        let rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        rest.until.is_some_and(|until| until > now)
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use tonic::transport::Endpoint;

    use super::*;

    fn channel(address: SocketAddr) -> Channel {
        Endpoint::from_shared(format!("http://{address}"))
            .unwrap()
            .connect_lazy()
    }

    fn addresses(last: &[u8]) -> Vec<SocketAddr> {
        last.iter()
            .map(|last| SocketAddr::from(([127, 0, 0, *last], 1)))
            .collect()
    }

    fn replicas(last: &[u8]) -> Replicas {
        let replicas = Replicas {
            known: ArcSwap::default(),
            turn: AtomicUsize::new(0),
        };
        replicas.set(0, addresses(last), channel);
        replicas
    }

    #[tokio::test]
    async fn calls_begin_with_each_in_turn_and_those_that_rest_come_last() {
        let replicas = replicas(&[1, 2, 3]);
        let begun: Vec<_> = (0..3)
            .map(|_| Arc::as_ptr(&replicas.in_turn()[0]))
            .collect();
        assert!(begun[0] != begun[1] && begun[1] != begun[2] && begun[0] != begun[2]);
        let resting = Arc::clone(&replicas.in_turn()[0]);
        resting.rest();
        for _ in 0..3 {
            let order = replicas.in_turn();
            assert_eq!(order.len(), 3);
            assert!(ptr::eq(&raw const *order[2], Arc::as_ptr(&resting)));
        }
        resting.answered();
        assert!((0..3).any(|_| ptr::eq(&raw const *replicas.in_turn()[0], Arc::as_ptr(&resting))));
    }

    #[tokio::test]
    async fn an_address_that_stays_keeps_its_connection() {
        let replicas = replicas(&[1, 2]);
        let before = replicas.known.load_full();
        replicas.set(0, addresses(&[2, 3]), channel);
        let after = replicas.known.load_full();
        let key = |last| (0, Some(addresses(&[last])[0]));
        assert_eq!(after.keys().copied().collect::<Vec<_>>(), [key(2), key(3)]);
        assert!(Arc::ptr_eq(&before[&key(2)], &after[&key(2)]));
    }
}
