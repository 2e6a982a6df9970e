//! The warning about a listener without TLS.

use std::net::IpAddr;

use tokio::net::TcpListener;

use super::listener_state::ListenerState;

impl ListenerState {
    /// Logs it once if other machines can reach the listener. It is only a warning: many deployments end TLS in a mesh.
    pub(super) fn warn_of_plaintext(&self, listener: &TcpListener) {
        let Ok(address) = listener.local_addr() else {
            return;
        };
        if self.tls.is_none() && is_reachable_from_outside(address.ip()) {
            self.plaintext_warning.call_once(|| {
                tracing::warn!(%address, "listening without TLS on an address that other machines can reach: tokens and passwords cross the network in the clear unless something else encrypts them");
            });
        }
    }
}

/// Whether other machines can reach a listener on this address.
fn is_reachable_from_outside(address: IpAddr) -> bool {
    !address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_unreachable_from_outside() {
        for (address, expected) in [
            ("127.0.0.1", false),
            ("127.9.9.9", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("0.0.0.0", true),
            ("::", true),
            ("192.0.2.1", true),
            ("2001:db8::1", true),
        ] {
            let reachable = is_reachable_from_outside(address.parse().unwrap());
            assert_eq!(reachable, expected, "{address}");
        }
    }
}
