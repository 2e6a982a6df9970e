//! A word about listeners without TLS.

use std::net::IpAddr;

use tokio::net::TcpListener;

use super::connection::Shared;

impl Shared {
    /// Many deployments end TLS in a mesh, so this is for the operator to judge.
    pub(super) fn warn_of_plaintext(&self, listener: &TcpListener) {
        let Ok(address) = listener.local_addr() else {
            return;
        };
        if self.tls.is_none() && is_beyond_this_machine(address.ip()) {
            self.warned.call_once(|| {
                tracing::warn!(%address, "listening without TLS beyond this machine: tokens and passwords cross the network in the clear unless something else encrypts them");
            });
        }
    }
}

/// Whether others can reach a listener at this address.
fn is_beyond_this_machine(address: IpAddr) -> bool {
    !address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_this_machine() {
        for (address, beyond) in [
            ("127.0.0.1", false),
            ("127.9.9.9", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("0.0.0.0", true),
            ("::", true),
            ("192.0.2.1", true),
            ("2001:db8::1", true),
        ] {
            let beyond_is = is_beyond_this_machine(address.parse().unwrap());
            assert_eq!(beyond_is, beyond, "{address}");
        }
    }
}
