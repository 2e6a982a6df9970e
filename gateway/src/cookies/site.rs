//! What a browser has in its address bar: the scheme, the host and the port by which it reached the gateway.

use http::{HeaderName, header, request::Parts, uri::Authority};
use transport::{connections::Peer, network::Network};

use crate::loopback::is_loopback;

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The origin of the gateway as its browser sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Site {
    secure: bool,
    /// In lower case; an IPv6 address is in brackets.
    host: String,
    port: u16,
}

impl Site {
    /// The site of a request. `tls`: whether the gateway's own listener speaks TLS. A trusted proxy may say that the browser's
    /// connection, which ends there, is another one. `None` if the request does not name one host.
    pub(super) fn of(parts: &Parts, tls: bool, trusted: &[Network]) -> Option<Self> {
        let authority = authority(parts)?;
        let secure = forwarded_https(parts, trusted).unwrap_or(tls);
        Some(Self::new(secure, &authority))
    }

    fn new(secure: bool, authority: &Authority) -> Self {
        let default_port = if secure { 443 } else { 80 };
        Self {
            secure,
            host: authority.host().to_ascii_lowercase(),
            port: authority.port_u16().unwrap_or(default_port),
        }
    }

    /// Whether this is the text of a header `Origin` that names this site.
    pub(super) fn is_origin(&self, text: &str) -> bool {
        let Some((scheme, authority)) = text.split_once("://") else {
            return false;
        };
        let secure = match scheme {
            "https" => true,
            "http" => false,
            _ => return false,
        };
        let Ok(authority) = authority.parse::<Authority>() else {
            return false;
        };
        !authority.as_str().contains('@') && Self::new(secure, &authority) == *self
    }

    /// Whether the browser uses https, so that it keeps a cookie with `Secure`.
    pub(super) fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether the browser is on the machine of the gateway: it sends nothing over a network.
    pub(super) fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

/// The host of the request, of `:authority` or of `Host`. `None` if there is none, or if the two differ.
fn authority(parts: &Parts) -> Option<Authority> {
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(_), Some(_)) => return None,
        (Some(host), None) => Some(Authority::try_from(host.as_bytes()).ok()?),
        (None, _) => None,
    };
    match (parts.uri.authority().cloned(), host) {
        (Some(target), Some(host)) if target != host => None,
        (target, host) => target.or(host),
    }
}

/// What the proxy in front says about the browser's connection, if it is trusted and says something. With several proxies, every
/// one must say https: the browser's own entry would be the left-most one.
fn forwarded_https(parts: &Parts, trusted: &[Network]) -> Option<bool> {
    let Peer(peer) = parts.extensions.get::<Peer>()?;
    if !trusted.iter().any(|network| network.contains(peer.ip())) {
        return None;
    }
    let lines = parts.headers.get_all(FORWARDED_PROTO).iter();
    let mut entries = lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(|entry| entry.trim_ascii().eq_ignore_ascii_case(b"https"));
    let first = entries.next()?;
    Some(first && entries.all(|https| https))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use http::Request;
    use settings::Setting as _;

    use super::*;

    fn site(secure: bool, authority: &'static str) -> Site {
        Site::new(secure, &Authority::from_static(authority))
    }

    #[test]
    fn an_origin_is_that_of_the_site_exactly_when_scheme_host_and_port_are() {
        for (secure, authority, origin) in [
            (true, "app.example.com", "https://app.example.com"),
            (true, "App.example.com:443", "https://app.EXAMPLE.com"),
            (true, "app.example.com:8443", "https://app.example.com:8443"),
            (false, "localhost:8080", "http://localhost:8080"),
            (false, "[::1]:8080", "http://[::1]:8080"),
        ] {
            assert!(site(secure, authority).is_origin(origin), "{origin}");
        }
        for origin in [
            "null",
            "",
            "https://",
            "http://app.example.com",
            "https://app.example.com:444",
            "https://app.example.com.evil.test",
            "https://evil.test",
            "https://evil.test@app.example.com",
            "https://app.example.com/",
            "HTTPS://app.example.com",
            "app.example.com",
        ] {
            assert!(!site(true, "app.example.com").is_origin(origin), "{origin}");
        }
    }

    #[test]
    fn only_names_and_addresses_of_this_machine_are_loopback() {
        for host in [
            "localhost",
            "a.localhost:80",
            "127.0.0.1:1",
            "127.9.8.7",
            "[::1]:8080",
        ] {
            assert!(site(false, host).is_loopback(), "{host}");
        }
        for host in [
            "localhost.example.com",
            "notlocalhost",
            "127.0.0.1.example.com",
            "127.1",
            "10.0.0.1",
            "[::2]",
            "[::ffff:10.0.0.1]",
        ] {
            assert!(!site(false, host).is_loopback(), "{host}");
        }
    }

    /// The parts of a request of this peer with these headers.
    fn parts(peer: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let peer: SocketAddr = peer.parse().unwrap();
        parts.extensions.insert(Peer(peer));
        parts
    }

    fn is_secure(peer: &str, tls: bool, forwarded: &[&str]) -> bool {
        let mut headers = vec![("host", "app.example.com")];
        headers.extend(forwarded.iter().map(|value| ("x-forwarded-proto", *value)));
        let trusted = Vec::parse("10.0.0.0/8").unwrap();
        let parts = parts(peer, "/", &headers);
        Site::of(&parts, tls, &trusted).unwrap().is_secure()
    }

    #[test]
    fn a_trusted_proxy_says_what_the_browser_uses_and_nobody_else_does() {
        for forwarded in [
            &["https"][..],
            &["HTTPS"],
            &["https, https"],
            &["https", "https"],
        ] {
            assert!(is_secure("10.0.0.1:1", false, forwarded), "{forwarded:?}");
            assert!(!is_secure("192.0.2.1:1", false, forwarded), "{forwarded:?}");
        }
        for forwarded in [
            &["http"][..],
            &["https, http"],
            &["http", "https"],
            &[""],
            &["wss"],
        ] {
            assert!(!is_secure("10.0.0.1:1", true, forwarded), "{forwarded:?}");
            assert!(is_secure("192.0.2.1:1", true, forwarded), "{forwarded:?}");
        }
        assert!(is_secure("10.0.0.1:1", true, &[]));
        assert!(!is_secure("10.0.0.1:1", false, &[]));
    }

    #[test]
    fn a_request_that_names_no_host_or_two_has_no_site() {
        let site = |uri, headers: &[(&str, &str)]| {
            Site::of(&parts("192.0.2.1:1", uri, headers), true, &[])
        };
        assert_eq!(site("/", &[]), None);
        assert_eq!(site("/", &[("host", "a"), ("host", "a")]), None);
        assert_eq!(site("http://b/", &[("host", "a")]), None);
        let named = site("http://a:8443/", &[]);
        assert_eq!(named, Some(self::site(true, "a:8443")));
        assert_eq!(site("/", &[("host", "a:8443")]), named);
    }
}
