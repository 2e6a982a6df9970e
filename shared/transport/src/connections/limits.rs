//! What connections are held to.

use std::time::Duration;

use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto::Builder,
};

use tls::Protocols;

use crate::network::Network;

/// Headers of one request in bytes, over HTTP/2; a connection that sends four times as much is closed.
const HEADER_LIST: u32 = 16 * 1024;
/// Bytes read ahead on an HTTP/1.1 connection, which bounds the headers there.
const HTTP1_BUFFER: usize = 32 * 1024;
/// Streams that a client has opened and reset before they were looked at. Real clients reset what they have waited for.
const RESET_UNSEEN: usize = 20;
/// Streams that were reset because a client broke the protocol. Real clients do not.
const RESET_FOR_ERRORS: usize = 64;

/// The limits of the connections of a listener.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Connections at once, 1 to 1,000,000; more wait in the system's queue.
    pub max_connections: usize,
    /// Connections at once of one address, an IPv6 /64 counting as one, up to 1,000,000; more are closed at once. 0: as many
    /// as there may be in all.
    pub max_connections_per_address: usize,
    /// Addresses that are not held to that: proxies, through which everyone comes.
    pub exempt: Vec<Network>,
    /// The longest a TLS handshake may take: 1 ms to 10 min.
    pub handshake_timeout: Duration,
    /// The longest the first bytes of a connection may take, and the headers of each request over HTTP/1.1; such a
    /// connection idles no longer either: 1 ms to 10 min.
    pub header_timeout: Duration,
    /// Streams of one HTTP/2 connection: 1 to 100,000.
    pub max_streams: u32,
    /// A silent HTTP/2 connection is asked for a sign of life this often: 1 s to 1 h.
    pub keepalive_interval: Duration,
    /// A connection that gives none for this long is closed: 1 s to 1 h.
    pub keepalive_timeout: Duration,
    /// A connection this old (10 % more or less, so that they do not all come at once) is asked to go: its calls finish,
    /// new ones go to a new connection, so that load spreads over new servers: 1 s to 7 days.
    pub connection_age: Duration,
    /// Streams of such a connection are told to end after this long, and it is closed: 1 s to 1 h, at least as long as a
    /// call may take.
    pub connection_grace: Duration,
}

impl ConnectionLimits {
    /// hyper, held to these limits.
    pub(super) fn http(&self, protocols: Protocols) -> Builder<TokioExecutor> {
        let mut http = Builder::new(TokioExecutor::new());
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            .max_buf_size(HTTP1_BUFFER);
        http.http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.max_streams)
            .max_header_list_size(HEADER_LIST)
            .max_pending_accept_reset_streams(RESET_UNSEEN)
            .max_local_error_reset_streams(RESET_FOR_ERRORS)
            .keep_alive_interval(self.keepalive_interval)
            .keep_alive_timeout(self.keepalive_timeout);
        match protocols {
            Protocols::Http2 => http.http2_only(),
            Protocols::Http2AndHttp1 => http,
        }
    }
}
