//! The cap on the connections of one address.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::limits::ConnectionLimits;
use crate::network::{CustomerBlock, Network};

/// Counts connections by address. It stores only blocks of addresses that have a connection.
#[derive(Debug)]
pub(super) struct AddressCap {
    /// Connections of one address; 0 means no cap.
    cap: usize,
    exempt: Vec<Network>,
    taken: Mutex<HashMap<CustomerBlock, usize>>,
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
        let mut taken = self.taken();
        let is_full = |block: CustomerBlock| {
            let cap = self.cap.saturating_mul(block.share() as usize);
            taken.get(&block).is_some_and(|count| *count >= cap)
        };
        if CustomerBlock::of(address).any(is_full) {
            return None;
        }
        for block in CustomerBlock::of(address) {
            *taken.entry(block).or_default() += 1;
        }
        drop(taken);
        Some(AddressSlot(Some((Arc::clone(self), address))))
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<CustomerBlock, usize>> {
        // A panic while it was locked leaves nothing half-done: the code that holds the lock only counts.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressSlot {
    fn drop(&mut self) {
        let Some((cap, address)) = &self.0 else {
            return;
        };
        let mut taken = cap.taken();
        for block in CustomerBlock::of(*address) {
            if let Entry::Occupied(mut count) = taken.entry(block) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
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
    fn a_56_and_a_48_of_ipv6_have_two_and_three_times_the_cap_of_an_address() {
        let cap = capped(2);
        let take = |address: String| cap.take(ip(&address));
        let slots: Vec<_> = (0..4)
            .map(|subnet| take(format!("2001:db8:0:{subnet}::1")).unwrap())
            .collect();
        assert!(take("2001:db8:0:ff::1".to_owned()).is_none(), "the /56");
        let _more: Vec<_> = (1..3)
            .map(|site| take(format!("2001:db8:0:{site}00::1")).unwrap())
            .collect();
        assert!(take("2001:db8:0:ffff::1".to_owned()).is_none(), "the /48");
        assert!(take("2001:db8:1::1".to_owned()).is_some());
        drop(slots);
        assert!(take("2001:db8:0:ff::1".to_owned()).is_some());
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
        drop(cap.take(ip("2001:db8::1")));
        assert!(cap.taken().is_empty());
    }
}
