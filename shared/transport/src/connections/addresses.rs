//! How many connections each address has.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::ConnectionLimits;
use crate::network::{Network, customer};

/// Counts connections by address; it remembers only addresses that have one.
#[derive(Debug)]
pub(super) struct Addresses {
    /// 0: no cap.
    cap: usize,
    exempt: Vec<Network>,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection's place among those of its address, given back when dropped.
#[derive(Debug)]
pub(super) struct Place(Option<(Arc<Addresses>, IpAddr)>);

impl Addresses {
    pub(super) fn new(limits: &ConnectionLimits) -> Self {
        Self {
            cap: limits.max_connections_per_address,
            exempt: limits.exempt.clone(),
            taken: Mutex::default(),
        }
    }

    /// A place for a connection from `address`, unless it has as many as it may have.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        if self.cap == 0 || self.exempt.iter().any(|network| network.contains(address)) {
            return Some(Place(None));
        }
        let address = customer(address);
        let mut taken = self.taken();
        let count = taken.entry(address).or_default();
        if *count >= self.cap {
            return None;
        }
        *count += 1;
        drop(taken);
        Some(Place(Some((Arc::clone(self), address))))
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // Whoever holds it only counts: there is nothing half-done to be afraid of.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((addresses, address)) = &self.0 else {
            return;
        };
        if let Entry::Occupied(mut count) = addresses.taken().entry(*address) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use settings::Setting as _;

    fn addresses(cap: usize) -> Arc<Addresses> {
        Arc::new(Addresses {
            cap,
            exempt: Vec::parse("10.0.0.0/8").unwrap(),
            taken: Mutex::default(),
        })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_as_many_places_as_the_cap_and_gets_them_back() {
        let addresses = addresses(2);
        let first = addresses.take(ip("192.0.2.1")).unwrap();
        let _second = addresses.take(ip("::ffff:192.0.2.1")).unwrap();
        assert!(addresses.take(ip("192.0.2.1")).is_none());
        assert!(addresses.take(ip("192.0.2.2")).is_some());
        drop(first);
        assert!(addresses.take(ip("192.0.2.1")).is_some());
    }

    #[test]
    fn a_64_of_ipv6_is_one_address() {
        let addresses = addresses(1);
        let _first = addresses.take(ip("2001:db8::1")).unwrap();
        assert!(addresses.take(ip("2001:db8::ffff:1")).is_none());
        assert!(addresses.take(ip("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn proxies_are_not_held_to_it_and_0_is_no_cap() {
        let capped = addresses(1);
        let _places: Vec<_> = (0..5)
            .map(|_| capped.take(ip("10.1.2.3")).unwrap())
            .collect();
        let open = addresses(0);
        let _places: Vec<_> = (0..5)
            .map(|_| open.take(ip("192.0.2.1")).unwrap())
            .collect();
    }

    #[test]
    fn addresses_without_a_connection_are_forgotten() {
        let addresses = addresses(1);
        drop(addresses.take(ip("192.0.2.1")));
        assert!(addresses.taken().is_empty());
    }
}
