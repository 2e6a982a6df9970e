//! The cap on the connections of one address.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::limits::ConnectionLimits;
use crate::network::{Network, customer_address};

/// Counts connections by address. It stores only addresses that have a connection.
#[derive(Debug)]
pub(super) struct AddressCap {
    /// Connections of one address; 0 means no cap.
    cap: usize,
    exempt: Vec<Network>,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// One of the connections that an address may have. It is given back when dropped.
#[derive(Debug)]
pub(super) struct AddressSlot(Option<(Arc<AddressCap>, IpAddr)>);

impl AddressCap {
    pub(super) fn new(limits: &ConnectionLimits) -> Self {
        Self {
            cap: limits.max_connections_per_address,
            exempt: limits.exempt.clone(),
            taken: Mutex::default(),
        }
    }

    /// A slot for a connection from `address`; `None` if the cap of the address is reached.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Option<AddressSlot> {
        if self.cap == 0 || self.exempt.iter().any(|network| network.contains(address)) {
            return Some(AddressSlot(None));
        }
        let address = customer_address(address);
        let mut taken = self.taken();
        let count = taken.entry(address).or_default();
        if *count >= self.cap {
            return None;
        }
        *count += 1;
        drop(taken);
        Some(AddressSlot(Some((Arc::clone(self), address))))
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // A panic while it was locked leaves nothing half-done: the code that holds the lock only counts.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressSlot {
    fn drop(&mut self) {
        let Some((cap, address)) = &self.0 else {
            return;
        };
        if let Entry::Occupied(mut count) = cap.taken().entry(*address) {
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

    fn capped(cap: usize) -> Arc<AddressCap> {
        Arc::new(AddressCap {
            cap,
            exempt: Vec::parse("10.0.0.0/8").unwrap(),
            taken: Mutex::default(),
        })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_as_many_slots_as_the_cap_and_gets_them_back() {
        let cap = capped(2);
        let first = cap.take(ip("192.0.2.1")).unwrap();
        let _second = cap.take(ip("::ffff:192.0.2.1")).unwrap();
        assert!(cap.take(ip("192.0.2.1")).is_none());
        assert!(cap.take(ip("192.0.2.2")).is_some());
        drop(first);
        assert!(cap.take(ip("192.0.2.1")).is_some());
    }

    #[test]
    fn an_ipv6_64_counts_as_one_address() {
        let cap = capped(1);
        let _first = cap.take(ip("2001:db8::1")).unwrap();
        assert!(cap.take(ip("2001:db8::ffff:1")).is_none());
        assert!(cap.take(ip("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn exempt_networks_are_not_capped_and_0_means_no_cap() {
        let cap = capped(1);
        let _slots: Vec<_> = (0..5).map(|_| cap.take(ip("10.1.2.3")).unwrap()).collect();
        let uncapped = capped(0);
        let _slots: Vec<_> = (0..5)
            .map(|_| uncapped.take(ip("192.0.2.1")).unwrap())
            .collect();
    }

    #[test]
    fn addresses_without_a_connection_are_forgotten() {
        let cap = capped(1);
        drop(cap.take(ip("192.0.2.1")));
        assert!(cap.taken().is_empty());
    }
}
