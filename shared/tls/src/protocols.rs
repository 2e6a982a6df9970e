//! The protocols of a listener.

/// What is spoken on a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocols {
    /// HTTP/2 alone, as gRPC has it: with prior knowledge, or by ALPN `h2`.
    Http2,
    /// HTTP/2 or HTTP/1.1, as browsers have it.
    Http2AndHttp1,
}

impl Protocols {
    /// As they are named in ALPN (RFC 7301), the preferred one first.
    pub(crate) fn alpn(self) -> Vec<Vec<u8>> {
        match self {
            Self::Http2 => vec![b"h2".to_vec()],
            Self::Http2AndHttp1 => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        }
    }
}
