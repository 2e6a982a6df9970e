//! The cap on the connections of one address, and on the streams of its later connections.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::limits::ConnectionLimits;
use crate::network::{CustomerBlock, Network};

/// So many connections of one address may have all their streams at once.
const FULL_CONNECTIONS: usize = 8;
/// A later one may have one stream in so many.
const LATER_CONNECTIONS_DIVISOR: u32 = 8;

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
pub(super) struct AddressSlot {
    counted: Option<(Arc<AddressCap>, IpAddr)>,
    /// How many connections its address had before, with those of its /56 and /48 taken by their shares.
    earlier: usize,
}

impl AddressSlot {
    /// The streams that this connection may have at once, of `max_streams`. An open stream costs memory even if its call was refused, so
    /// an address with many connections gets fewer on each.
    pub(super) fn streams(&self, max_streams: u32) -> u32 {
        if self.earlier < FULL_CONNECTIONS {
            max_streams
        } else {
            (max_streams / LATER_CONNECTIONS_DIVISOR).max(1)
        }
    }
}

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
        if self.exempt.iter().any(|network| network.contains(address)) {
            return Some(AddressSlot {
                counted: None,
                earlier: 0,
            });
        }
        let mut taken = self.taken();
        let of_block = |block: CustomerBlock| {
            let count = taken.get(&block).copied().unwrap_or_default();
            count / block.share() as usize
        };
        let earlier = CustomerBlock::of(address).map(of_block).max();
        let earlier = earlier.unwrap_or_default();
        if self.cap > 0 && earlier >= self.cap {
            return None;
        }
        for block in CustomerBlock::of(address) {
            *taken.entry(block).or_default() += 1;
        }
        drop(taken);
        Some(AddressSlot {
            counted: Some((Arc::clone(self), address)),
            earlier,
        })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<CustomerBlock, usize>> {
        // A panic while it was locked leaves nothing half-done: the code that holds the lock only counts.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressSlot {
    fn drop(&mut self) {
        let Some((cap, address)) = &self.counted else {
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
    fn an_address_with_many_connections_gets_fewer_streams_on_the_later_ones() {
        let cap = capped(0);
        let take = |address| cap.take(ip(address)).unwrap();
        let first: Vec<_> = (0..FULL_CONNECTIONS).map(|_| take("192.0.2.1")).collect();
        assert!(first.iter().all(|slot| slot.streams(200) == 200));
        let later = take("192.0.2.1");
        assert_eq!([later.streams(200), later.streams(3)], [25, 1]);
        assert_eq!(take("192.0.2.2").streams(200), 200);
        assert_eq!(take("10.0.0.1").streams(200), 200);
        drop(first);
        assert_eq!(take("192.0.2.1").streams(200), 200);
    }

    #[test]
    fn addresses_without_a_connection_are_forgotten() {
        let cap = capped(1);
        drop(cap.take(ip("192.0.2.1")));
        drop(cap.take(ip("2001:db8::1")));
        assert!(cap.taken().is_empty());
    }
}
