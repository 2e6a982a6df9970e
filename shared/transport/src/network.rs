//! Network addresses: blocks of them, and who a call behind proxies comes from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::HeaderMap;

use settings::Setting;

/// The header in which each proxy appends whom it was called by.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// A block of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    /// Leading bits that all its addresses share.
    prefix: u32,
}

impl Network {
    /// The addresses of this machine alone: 127.0.0.0/8 and `::1`.
    #[must_use]
    pub fn loopback() -> [Self; 2] {
        let network = |base: IpAddr, prefix| Self { base, prefix };
        [
            network(Ipv4Addr::new(127, 0, 0, 0).into(), 8),
            network(Ipv6Addr::LOCALHOST.into(), Ipv6Addr::BITS),
        ]
    }

    /// Whether `address` is one of it. An IPv4 address mapped into IPv6 is an IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(other)) => {
                let differing = u128::from(base.to_bits() ^ other.to_bits());
                differing >> (Ipv4Addr::BITS - self.prefix) == 0
            }
            (IpAddr::V6(base), IpAddr::V6(other)) => {
                let differing = base.to_bits() ^ other.to_bits();
                self.prefix == 0 || differing >> (128 - self.prefix) == 0
            }
            _ => false,
        }
    }
}

impl Setting for Network {
    fn form() -> String {
        "address or block".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || "is neither an address nor a block of addresses such as 10.0.0.0/8".to_owned();
        let (base, prefix) = match text.split_once('/') {
            Some((base, prefix)) => (base, Some(prefix)),
            None => (text, None),
        };
        let base: IpAddr = base
            .parse()
            .map_err(|_: std::net::AddrParseError| wrong())?;
        let longest = if base.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(digits) => digits
                .parse()
                .map_err(|_: std::num::ParseIntError| wrong())?,
            None => longest,
        };
        let unmapped = base == base.to_canonical();
        if prefix <= longest && unmapped {
            Ok(Self { base, prefix })
        } else {
            Err(wrong())
        }
    }
}

/// Whose an address is: an IPv4 address, or the /64 of an IPv6 one, since a customer of a network has at least that (RFC 6177).
#[must_use]
pub fn customer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
    }
}

/// Who a call comes from: the other end of the connection, unless that is a trusted proxy; then the right-most entry of
/// `x-forwarded-for` that is none.
///
/// What a client sends in that header stands further left, and is not believed (ASVS 4.1.3). Past an entry that is no
/// address nothing is believed either: the call then comes from the last proxy that is.
#[must_use]
pub fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    let lines = headers.get_all(FORWARDED_FOR).iter().rev();
    let mut entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    while is_trusted(client) {
        match entries.next().and_then(address) {
            Some(further) => client = further,
            None => break,
        }
    }
    client
}

/// An entry: an address, which some proxies write with a port.
fn address(entry: &[u8]) -> Option<IpAddr> {
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

    fn seen(peer: &str, lines: &[&str], trusted: &str) -> IpAddr {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        client(ip(peer), &headers, &Vec::parse(trusted).unwrap())
    }

    #[test]
    fn a_block_holds_the_addresses_that_share_its_leading_bits() {
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
    fn what_is_no_block_is_refused() {
        for wrong in [
            "",
            "10",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/-1",
            "10.0.0.0/",
            "localhost",
            "1.2.3.4:80",
            "::ffff:10.0.0.0/104",
        ] {
            assert!(Network::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn nobody_is_believed_by_default() {
        assert_eq!(seen("192.0.2.1", &["203.0.113.9"], ""), ip("192.0.2.1"));
        assert_eq!(
            seen("192.0.2.1", &["203.0.113.9"], "10.0.0.1"),
            ip("192.0.2.1")
        );
    }

    #[test]
    fn behind_proxies_the_right_most_entry_that_is_none_of_them_counts() {
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
            assert_eq!(seen(peer, lines, trusted), ip(expected), "{lines:?}");
        }
    }

    #[test]
    fn past_an_entry_that_is_no_address_nothing_is_believed() {
        for line in [
            "203.0.113.9, unknown",
            "203.0.113.9, ",
            "203.0.113.9, \u{e9}",
        ] {
            assert_eq!(
                seen("10.0.0.1", &[line], "10.0.0.1"),
                ip("10.0.0.1"),
                "{line}"
            );
        }
        let nearest = seen(
            "10.0.0.1",
            &["203.0.113.9, _hidden, 10.0.0.2"],
            "10.0.0.0/8",
        );
        assert_eq!(nearest, ip("10.0.0.2"));
    }
}
