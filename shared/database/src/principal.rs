//! On whose behalf a unit runs.

use std::net::{IpAddr, Ipv6Addr};

use uuid::Uuid;

/// Whose share of the lanes a unit takes. Units of different principals do not delay each other beyond their fair shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    /// An account.
    User(Uuid),
    /// A genuine session or API key whose account the unit is about to find out.
    Credential(Uuid),
    /// A network without a credential. [`Principal::address`] makes it.
    Address(IpAddr),
    /// Work of the service itself, by its name: each job has a share of its own.
    Internal(&'static str),
}

impl Principal {
    /// The network of a client. An IPv6 /64 is one, because one client has as many addresses of it as it likes. Clients whose
    /// address is not known are one.
    #[must_use]
    pub fn address(client: Option<IpAddr>) -> Self {
        Self::Address(match client.map(|address| address.to_canonical()) {
            Some(IpAddr::V6(address)) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
            Some(address) => address,
            None => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_its_ipv4_address_or_its_ipv6_64() {
        let of = |text: &str| Principal::address(Some(text.parse().unwrap()));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:3::"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_ne!(Principal::address(None), of("192.0.2.1"));
    }
}
