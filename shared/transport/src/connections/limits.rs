//! The limits of connections.

use std::time::Duration;

use hyper_util::{rt::TokioTimer, server::conn::auto::Builder};
use tls::Protocols;

use super::answer_timer::StreamExecutor;
use crate::network::Network;

/// Bytes of the headers of one request over HTTP/2. A connection that sends four times as much is closed.
const MAX_HEADER_BYTES: u32 = 16 * 1024;
/// Bytes of the read buffer of an HTTP/1.1 connection, which limits the headers there.
const HTTP1_BUFFER_BYTES: usize = 32 * 1024;
/// Bytes of one answer that are ready to be written to an HTTP/2 connection. More wait in its body.
const MAX_SEND_BUFFER_BYTES: usize = 64 * 1024;
/// Streams that a client opened and reset before the server has handled them. Proper clients reset a stream after they have
/// waited for it.
const MAX_CLIENT_RESETS: usize = 20;
/// Streams that the server reset because the client broke the protocol. Proper clients do not break it.
const MAX_ERROR_RESETS: usize = 64;

/// The limits of the connections of a listener.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Connections at once: 1 to 1,000,000. More wait in the system's queue.
    pub max_connections: usize,
    /// Connections at once of one address: 0 to 1,000,000. An IPv6 /64 counts as one address; a /56 may
    /// have twice as many, a /48 three times as many. More are closed at once. 0 means that only `max_connections` applies.
    pub max_connections_per_address: usize,
    /// Addresses to which that limit does not apply: proxies, whose connections carry the calls of many clients.
    pub exempt: Vec<Network>,
    /// The longest a TLS handshake may take: 1 ms to 10 min.
    pub handshake_timeout: Duration,
    /// The longest the first bytes of a connection may take, and the headers of each request over HTTP/1.1; also the longest
    /// an HTTP/1.1 connection may be idle: 1 ms to 10 min.
    pub header_timeout: Duration,
    /// Streams of one HTTP/2 connection: 1 to 100,000. An address that is not exempt may have so many on each of its first 8 connections,
    /// and an eighth of them on each later one.
    pub max_streams: u32,
    /// How long the client may take to receive a message of a stream, and the bytes that are ready to be written: 1 ms to 1 h.
    /// After that the stream is reset, and the connection closed.
    pub send_timeout: Duration,
    /// How often an HTTP/2 connection that is silent gets a PING: 1 s to 1 h.
    pub keepalive_interval: Duration,
    /// How long the answer to a PING may take before the connection is closed: 1 s to 1 h.
    pub keepalive_timeout: Duration,
    /// The age at which a connection is drained, 10 % more or less so that not all reconnect at once. Its calls finish, and
    /// new calls go to a new connection, so that load spreads to new servers: 1 s to 7 days.
    pub connection_age: Duration,
    /// How long the calls of such a connection may take to finish before it is closed: 1 s to 1 h, and at least as long as
    /// the deadline of a call.
    pub connection_grace: Duration,
}

impl ConnectionLimits {
    /// hyper with these limits.
    pub(super) fn http(&self, protocols: Protocols) -> Builder<StreamExecutor> {
        let mut http = Builder::new(StreamExecutor);
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            .max_buf_size(HTTP1_BUFFER_BYTES);
        http.http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.max_streams)
            .max_header_list_size(MAX_HEADER_BYTES)
            .max_send_buf_size(MAX_SEND_BUFFER_BYTES)
            .max_pending_accept_reset_streams(MAX_CLIENT_RESETS)
            .max_local_error_reset_streams(MAX_ERROR_RESETS)
            .keep_alive_interval(self.keepalive_interval)
            .keep_alive_timeout(self.keepalive_timeout);
        match protocols {
            Protocols::Http2 => http.http2_only(),
            Protocols::Http2AndHttp1 => http,
        }
    }
}
