//! Which hosts are this machine, so that nothing that is sent to them goes over a network.

use std::net::IpAddr;

/// Whether this host of a URI is this machine: `localhost`, a name below it (RFC 6761, section 6.3), or a loopback address. An IPv6
/// address is in brackets.
pub(crate) fn is_loopback(host: &str) -> bool {
    let in_brackets = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    host == "localhost"
        || host.ends_with(".localhost")
        || in_brackets
            .unwrap_or(host)
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}
