//! The protocols of a listener.

/// Which protocols a listener accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocols {
    /// Only HTTP/2, for gRPC: with prior knowledge, or with ALPN `h2`.
    Http2,
    /// HTTP/2 or HTTP/1.1, for browsers.
    Http2AndHttp1,
}

impl Protocols {
    /// Their names in ALPN (RFC 7301), the preferred one first.
    pub(crate) fn alpn(self) -> Vec<Vec<u8>> {
        match self {
            Self::Http2 => vec![b"h2".to_vec()],
            Self::Http2AndHttp1 => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        }
    }
}
