//! Blocks of network addresses as settings, and the address of a client behind trusted proxies.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::{HeaderMap, HeaderName};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use settings::Setting;

/// The header to which each proxy appends the address of its caller.
pub const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A block of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// The loopback addresses: 127.0.0.0/8 and `::1`.
    #[must_use]
    pub fn loopback() -> [Self; 2] {
        let ipv4 = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
        let ipv6 = Ipv6Net::from(Ipv6Addr::LOCALHOST);
        [Self(ipv4.into()), Self(ipv6.into())]
    }

    /// Whether `address` is in the block. An IPv4 address that is mapped into IPv6 counts as the IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl Setting for Network {
    fn form() -> String {
        "address or block".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        match parse_block(text) {
            Some(block) => Ok(Self(block)),
            None => {
                Err("is neither an address nor a block of addresses such as 10.0.0.0/8".to_owned())
            }
        }
    }
}

/// The standard library parses the address, because ipnet accepts octets with leading zeros, which other programs read as
/// octal. An IPv4 address mapped into IPv6 is refused: as a block it would contain nothing ([`Network::contains`]).
fn parse_block(text: &str) -> Option<IpNet> {
    let (base, prefix) = match text.split_once('/') {
        Some((base, prefix)) => (base, Some(prefix.parse().ok()?)),
        None => (text, None),
    };
    let base: IpAddr = base.parse().ok()?;
    let block = match prefix {
        Some(length) => IpNet::new(base, length).ok()?,
        None => base.into(),
    };
    (base == base.to_canonical()).then_some(block)
}

/// A block of addresses that may belong to one customer, and is therefore limited as one.
///
/// An IPv4 address is such a block. A customer with IPv6 is assigned a block of at least a /64 and at most a /48 (RFC 6177), so
/// an IPv6 address counts in three blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CustomerBlock {
    base: IpAddr,
    /// How many times the limit of one address it has.
    share: u32,
}

impl CustomerBlock {
    /// The blocks of an address, the smallest first: an IPv4 address alone; the /64, /56 and /48 of an IPv6 address.
    pub fn of(address: IpAddr) -> impl Iterator<Item = Self> {
        let address = address.to_canonical();
        // The larger block has a larger limit, because it can also be many customers.
        let blocks: &[(u32, u32)] = match address {
            IpAddr::V4(_) => &[(0, 1)],
            IpAddr::V6(_) => &[(64, 1), (72, 2), (80, 3)],
        };
        blocks.iter().map(move |&(host_bits, share)| Self {
            base: without_host_bits(address, host_bits),
            share,
        })
    }

    /// How many times the limit of one address the block has: 1 for an IPv4 address and a /64, 2 for a /56, 3 for a /48.
    #[must_use]
    pub fn share(&self) -> u32 {
        self.share
    }
}

fn without_host_bits(address: IpAddr, host_bits: u32) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> host_bits << host_bits).into()),
    }
}

/// The address of the client: the other end of the connection, or, if that is a trusted proxy, the right-most entry of
/// `x-forwarded-for` that is not a trusted proxy.
///
/// Entries that a client itself writes into that header are further left and are ignored (ASVS 4.1.3). Reading stops at an
/// entry that is not an address. The result is then the last proxy that was read.
#[must_use]
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    let lines = headers.get_all(&FORWARDED_FOR).iter().rev();
    let mut entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    while is_trusted(client) {
        match entries.next().and_then(parse_entry) {
            Some(address) => client = address,
            None => break,
        }
    }
    client
}

/// The address in an entry of the header. Some proxies add a port.
fn parse_entry(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    let bare = text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare.or_else(with_port)
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn client_of(peer: &str, lines: &[&str], trusted: &str) -> IpAddr {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        client_address(ip(peer), &headers, &Vec::parse(trusted).unwrap())
    }

    #[test]
    fn a_block_contains_the_addresses_that_share_its_leading_bits() {
        for (block, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("192.0.2.0/31", "192.0.2.1", "192.0.2.2"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("::1", "::1", "::2"),
            ("0.0.0.0/0", "255.0.0.1", "::1"),
            ("::/0", "ffff::", "127.0.0.1"),
            ("127.0.0.0/8", "::ffff:127.0.0.1", "::127.0.0.1"),
        ] {
            let block = Network::parse(block).unwrap();
            assert!(block.contains(ip(inside)), "{block:?} {inside}");
            assert!(!block.contains(ip(outside)), "{block:?} {outside}");
        }
    }

    #[test]
    fn text_that_is_not_a_block_is_refused() {
        for wrong in [
            "",
            "10",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/-1",
            "010.0.0.0/8",
            "10.0.0.0/",
            "localhost",
            "1.2.3.4:80",
            "::ffff:10.0.0.0/104",
        ] {
            assert!(Network::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_header_is_ignored_without_a_trusted_proxy() {
        assert_eq!(
            client_of("192.0.2.1", &["203.0.113.9"], ""),
            ip("192.0.2.1")
        );
        assert_eq!(
            client_of("192.0.2.1", &["203.0.113.9"], "10.0.0.1"),
            ip("192.0.2.1")
        );
    }

    #[test]
    fn behind_proxies_the_client_is_the_right_most_entry_that_is_not_a_proxy() {
        let trusted = "10.0.0.0/8, ::1";
        for (peer, lines, expected) in [
            ("10.0.0.1", &["203.0.113.9"][..], "203.0.113.9"),
            ("10.0.0.1", &["203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            (
                "10.0.0.1",
                &["127.0.0.1, 203.0.113.9, 10.0.0.2"],
                "203.0.113.9",
            ),
            (
                "10.0.0.1",
                &["127.0.0.1", "203.0.113.9", "10.0.0.2 ,::1"],
                "203.0.113.9",
            ),
            ("::ffff:10.0.0.1", &["::ffff:203.0.113.9"], "203.0.113.9"),
            ("::1", &["[2001:db8::7]:443"], "2001:db8::7"),
            ("::1", &["203.0.113.9:5000"], "203.0.113.9"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &[], "10.0.0.1"),
        ] {
            assert_eq!(client_of(peer, lines, trusted), ip(expected), "{lines:?}");
        }
    }

    #[test]
    fn reading_stops_at_an_entry_that_is_not_an_address() {
        for line in [
            "203.0.113.9, unknown",
            "203.0.113.9, ",
            "203.0.113.9, \u{e9}",
        ] {
            assert_eq!(
                client_of("10.0.0.1", &[line], "10.0.0.1"),
                ip("10.0.0.1"),
                "{line}"
            );
        }
        let nearest = client_of(
            "10.0.0.1",
            &["203.0.113.9, _hidden, 10.0.0.2"],
            "10.0.0.0/8",
        );
        assert_eq!(nearest, ip("10.0.0.2"));
    }
}
