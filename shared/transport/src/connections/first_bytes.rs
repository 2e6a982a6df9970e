//! The first bytes of a connection.
//!
//! hyper's limit for headers begins once the version of HTTP is known, and it has no limit for the preface of HTTP/2. So the
//! bytes that show the version are read here, with a limit, and are then read again by hyper.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use tls::Protocols;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// The beginning of every HTTP/2 connection (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Why a connection ended before a request.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpeningError {
    #[error("the client sent too little in time")]
    TimedOut,
    #[error("the server is stopping")]
    Stopping,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl OpeningError {
    /// Calls `count`, except when the connection ended because the server stops.
    pub(super) fn unless_stopping(&self, count: impl FnOnce()) {
        match self {
            Self::TimedOut | Self::Io(_) => count(),
            Self::Stopping => {}
        }
    }
}

/// Reads until the version of HTTP is certain. Fails when it is none of `protocols`.
pub(super) async fn read<I>(mut io: I, protocols: Protocols) -> io::Result<Prefixed<I>>
where
    I: AsyncRead + Unpin,
{
    let mut first = [0; PREFACE.len()];
    let mut length = 0;
    while length < PREFACE.len() && PREFACE.starts_with(&first[..length]) {
        match io.read(&mut first[length..]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            more => length += more,
        }
    }
    if protocols == Protocols::Http2 && first != *PREFACE {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the client does not speak HTTP/2",
        ));
    }
    Ok(Prefixed {
        first,
        length,
        consumed: 0,
        io,
    })
}

/// A transport whose first bytes were read already and are given to its reader once more.
#[derive(Debug)]
pub(super) struct Prefixed<I> {
    first: [u8; PREFACE.len()],
    /// How many of `first` were received.
    length: usize,
    /// How many of those the reader already has.
    consumed: usize,
    io: I,
}

impl<I> Prefixed<I> {
    /// Whether the client speaks HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        self.first == *PREFACE
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Prefixed<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = &self.first[self.consumed..self.length];
        if left.is_empty() {
            return Pin::new(&mut self.io).poll_read(context, buffer);
        }
        let count = left.len().min(buffer.remaining());
        buffer.put_slice(&left[..count]);
        self.consumed += count;
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Prefixed<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
