//! What an operator may set. `default.toml` holds the same values with their meaning for operators.

use std::{
    net::{Ipv4Addr, SocketAddr},
    str::FromStr,
    time::Duration,
};

use http::{HeaderValue, Uri};

/// The largest value of [`Config::request_limit`]: 2 MiB, what the services accept for a batch.
pub const REQUEST_LIMIT_CEILING: usize = 2 * 1024 * 1024;

/// The settings of a gateway. [`Config::default`] runs beside services on their default ports.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The auth service: scheme, host and port.
    pub auth_upstream: Uri,
    /// The task service: scheme, host and port.
    pub task_upstream: Uri,
    /// Origins of other sites whose pages may call. Empty: only pages of the gateway's own origin.
    pub cors_origins: Vec<Origin>,
    /// Bytes of one request message, without framing and after base64; at most [`REQUEST_LIMIT_CEILING`].
    pub request_limit: usize,
    /// The longest a unary call may take from the arrival of its headers, whatever `grpc-timeout` asks for. A streaming
    /// call must begin to answer within it.
    pub deadline: Duration,
    /// The longest the body of a request may take to arrive.
    pub body_timeout: Duration,
    /// The longest the headers of a request may take to arrive, and the longest an HTTP/1.1 connection may idle.
    pub header_timeout: Duration,
    /// The longest a connection to a service may take to open.
    pub connect_timeout: Duration,
    /// The longest `GET /health` waits for a service.
    pub health_timeout: Duration,
    /// How long an HTTP/2 connection is silent before it is asked for a sign of life, on both sides of the gateway.
    pub keepalive_interval: Duration,
    /// How long that sign of life may take before the connection is given up.
    pub keepalive_timeout: Duration,
    /// Connections served at once; more wait in the system's queue.
    pub max_connections: usize,
    /// Calls in flight on one HTTP/2 connection.
    pub max_streams: u32,
    /// How long calls in flight may take to end once the gateway is told to stop.
    pub drain_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            auth_upstream: Uri::from_static("http://127.0.0.1:50051"),
            task_upstream: Uri::from_static("http://127.0.0.1:50052"),
            cors_origins: Vec::new(),
            request_limit: 64 * 1024,
            deadline: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(2),
            health_timeout: Duration::from_secs(1),
            keepalive_interval: Duration::from_mins(1),
            keepalive_timeout: Duration::from_secs(20),
            max_connections: 1024,
            max_streams: 200,
            drain_timeout: Duration::from_secs(25),
        }
    }
}

/// A web origin as browsers write it in the `Origin` header (RFC 6454, section 6.2): `https://app.example.com`, without a
/// path, in lower case, without the default port of its scheme. `*` and `null` are not origins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(HeaderValue);

/// The text is not an [`Origin`] as a browser would send it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an origin is http:// or https://, a host in lower case and a port if it is not the scheme's own; no path, no *"
)]
pub struct OriginInvalid;

impl Origin {
    pub(crate) fn as_header(&self) -> &HeaderValue {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = OriginInvalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, default_port) = match text.split_once("://") {
            Some(("http", host)) => (host, ":80"),
            Some(("https", host)) => (host, ":443"),
            _ => return Err(OriginInvalid),
        };
        let authority = http::uri::Authority::from_str(host).map_err(|_invalid| OriginInvalid)?;
        let exact = !authority.host().is_empty()
            && !host.contains(['@', '*'])
            && !host.ends_with([':'])
            && !host.ends_with(default_port)
            && !host.bytes().any(|byte| byte.is_ascii_uppercase());
        if !exact {
            return Err(OriginInvalid);
        }
        HeaderValue::from_str(text)
            .map(Self)
            .map_err(|_invalid| OriginInvalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_taken_as_browsers_write_it() {
        for text in [
            "https://app.example.com",
            "http://localhost:5173",
            "http://[::1]:3000",
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().as_header(), text);
        }
    }

    #[test]
    fn what_no_browser_would_send_as_an_origin_is_refused() {
        for text in [
            "",
            "*",
            "null",
            "app.example.com",
            "https://",
            "https://app.example.com/",
            "https://App.example.com",
            "https://app.example.com:443",
            "http://app.example.com:80",
            "https://*.example.com",
            "ftp://example.com",
            "https://user@example.com",
            "https://example.com:",
            "https://a b",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(OriginInvalid), "{text}");
        }
    }
}
