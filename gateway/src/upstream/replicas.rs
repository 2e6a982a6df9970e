//! The replicas of a service, and the order in which a call tries them.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use arc_swap::ArcSwap;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::Channel;

use super::{channel, health_watch};
use crate::config::Config;

/// Identifies a replica: the number of its upstream in the setting, and its address; `None` before the name is resolved.
type ReplicaKey = (usize, Option<SocketAddr>);

/// The replicas that are known now.
#[derive(Debug)]
pub(super) struct Replicas {
    known: ArcSwap<BTreeMap<ReplicaKey, Arc<Replica>>>,
    next: AtomicUsize,
}

impl Replicas {
    /// One replica for each upstream. Until the name of an upstream is resolved, its channel resolves it when it connects.
    pub(super) fn new(services: &[tls::Upstream], config: &Config) -> Self {
        let replica = |(number, service)| {
            let replica = Replica::new(channel(service, None, config));
            ((number, None), Arc::new(replica))
        };
        Self {
            known: ArcSwap::from_pointee(services.iter().enumerate().map(replica).collect()),
            next: AtomicUsize::new(0),
        }
    }

    /// The order in which a call tries the replicas: each call starts with the next one; those that do not serve come last.
    pub(super) fn in_call_order(&self) -> Vec<Arc<Replica>> {
        let mut all: Vec<_> = self.known.load().values().cloned().collect();
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        if !all.is_empty() {
            let first = next % all.len();
            all.rotate_left(first);
        }
        // The sort is stable, so it keeps the rotation among equals.
        all.sort_by_key(|replica| !replica.is_serving());
        all
    }

    /// Sets the addresses of an upstream. Channels to addresses that stay are kept; calls on the others finish.
    pub(super) fn set_addresses(
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
    serving: Arc<AtomicBool>,
    /// Ends the health watch with the replica.
    _watch: DropGuard,
}

impl Replica {
    fn new(channel: Channel) -> Self {
        let serving = Arc::new(AtomicBool::new(true));
        let unused = CancellationToken::new();
        let watch = health_watch::follow(channel.clone(), Arc::clone(&serving));
        tokio::spawn(unused.clone().run_until_cancelled_owned(watch));
        Self {
            channel,
            serving,
            _watch: unused.drop_guard(),
        }
    }

    pub(super) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// False after its connection was lost or it reported that it does not serve, until it reports that it serves.
    fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Relaxed)
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
            next: AtomicUsize::new(0),
        };
        replicas.set_addresses(0, addresses(last), channel);
        replicas
    }

    // These tests await nothing, so no health watch runs and changes a replica.
    #[tokio::test]
    async fn each_call_starts_with_the_next_replica_and_those_that_do_not_serve_come_last() {
        let replicas = replicas(&[1, 2, 3]);
        let first = || Arc::as_ptr(&replicas.in_call_order()[0]);
        let started_with = [first(), first(), first()];
        assert!(
            started_with[0] != started_with[1]
                && started_with[1] != started_with[2]
                && started_with[0] != started_with[2]
        );
        assert_eq!(started_with[0], first());
        let lost = Arc::clone(&replicas.in_call_order()[0]);
        lost.serving.store(false, Ordering::Relaxed);
        for _ in 0..3 {
            assert!(Arc::ptr_eq(&replicas.in_call_order()[2], &lost));
        }
    }

    #[tokio::test]
    async fn an_address_that_stays_keeps_its_connection() {
        let replicas = replicas(&[1, 2]);
        let before = replicas.known.load_full();
        replicas.set_addresses(0, addresses(&[2, 3]), channel);
        let after = replicas.known.load_full();
        let key = |last| (0, Some(addresses(&[last])[0]));
        assert_eq!(after.keys().copied().collect::<Vec<_>>(), [key(2), key(3)]);
        assert!(Arc::ptr_eq(&before[&key(2)], &after[&key(2)]));
    }
}
