//! The replicas of a service: calls go to them in turn, and to those that say they serve before all others.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use arc_swap::ArcSwap;
use shared::tls;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::Channel;

use super::watch;
use crate::{Config, upstream};

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
    pub(super) fn new(services: &[tls::Upstream], config: &Config) -> Self {
        let replica = |(number, service)| {
            let replica = Replica::new(upstream::channel(service, None, config));
            ((number, None), Arc::new(replica))
        };
        Self {
            known: ArcSwap::from_pointee(services.iter().enumerate().map(replica).collect()),
            turn: AtomicUsize::new(0),
        }
    }

    /// In the order in which a call is to try them: each call begins with the next one; those that do not serve come last.
    pub(super) fn in_turn(&self) -> Vec<Arc<Replica>> {
        let mut all: Vec<_> = self.known.load().values().cloned().collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        if !all.is_empty() {
            let first = turn % all.len();
            all.rotate_left(first);
        }
        // Stable, so the turn decides among equals.
        all.sort_by_key(|replica| !replica.serves());
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
            let new = || Arc::new(Replica::new(channel(address)));
            after.insert(key, before.get(&key).map_or_else(new, Arc::clone));
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
    serves: Arc<AtomicBool>,
    _watched: DropGuard,
}

impl Replica {
    fn new(channel: Channel) -> Self {
        let serves = Arc::new(AtomicBool::new(true));
        let unused = CancellationToken::new();
        let watch = watch::follow(channel.clone(), Arc::clone(&serves));
        tokio::spawn(unused.clone().run_until_cancelled_owned(watch));
        Self {
            channel,
            serves,
            _watched: unused.drop_guard(),
        }
    }

    pub(super) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// False once it was lost or said that it does not serve, until it says that it does.
    fn serves(&self) -> bool {
        self.serves.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use tonic::transport::Endpoint;

    use super::*;

    fn channel(address: SocketAddr) -> Channel {
        Endpoint::from_shared(format!("http://{address}"))
            .unwrap()
            .connect_lazy()
    }

    fn addresses(last: &[u8]) -> Vec<SocketAddr> {
        let address = |last: &u8| SocketAddr::from(([127, 0, 0, *last], 1));
        last.iter().map(address).collect()
    }

    fn replicas(last: &[u8]) -> Replicas {
        let replicas = Replicas {
            known: ArcSwap::default(),
            turn: AtomicUsize::new(0),
        };
        replicas.set(0, addresses(last), channel);
        replicas
    }

    // Nothing is awaited here, so nothing watches.
    #[tokio::test]
    async fn calls_begin_with_each_in_turn_and_those_that_do_not_serve_come_last() {
        let replicas = replicas(&[1, 2, 3]);
        let first = || Arc::as_ptr(&replicas.in_turn()[0]);
        let begun = [first(), first(), first()];
        assert!(begun[0] != begun[1] && begun[1] != begun[2] && begun[0] != begun[2]);
        assert_eq!(begun[0], first());
        let lost = Arc::clone(&replicas.in_turn()[0]);
        lost.serves.store(false, Ordering::Relaxed);
        for _ in 0..3 {
            assert!(Arc::ptr_eq(&replicas.in_turn()[2], &lost));
        }
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
