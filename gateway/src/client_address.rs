//! The address of the client of a request. It is resolved once, when the request arrives, from its connection and the trusted
//! proxies; the access log and the services get the same address.

use std::{fmt, net::IpAddr};

use http::{Extensions, HeaderValue, Request};
use serving::shares::Principal;
use transport::{
    connections::Peer,
    network::{self, Network},
};

/// The address of a client, in the extensions of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress(IpAddr);

impl ClientAddress {
    /// Resolves the address, and puts it into the extensions of the request. `None` if the request came over no connection.
    pub(crate) fn resolve<B>(request: &mut Request<B>, trusted: &[Network]) -> Option<Self> {
        let Peer(peer) = *request.extensions().get::<Peer>()?;
        let address = network::client_address(peer.ip(), request.headers(), trusted);
        let client = Self(address);
        request.extensions_mut().insert(client);
        Some(client)
    }

    pub(crate) fn ip(self) -> IpAddr {
        self.0
    }

    /// Whose share a request with these extensions takes.
    pub(crate) fn principal(extensions: &Extensions) -> Principal {
        let client: Option<&Self> = extensions.get();
        Principal::of_address(client.map(|client| client.0))
    }

    /// As `x-forwarded-for` for a service.
    pub(crate) fn header(self) -> HeaderValue {
        HeaderValue::try_from(self.0.to_string()).expect("an IP address is visible ASCII")
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
