//! The first bytes of a connection.
//!
//! hyper's own limit for headers begins once the version is known, and it has none for the preface of HTTP/2. So the bytes
//! that tell are awaited here, and given back to whoever reads on.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use tls::Protocols;

/// What every HTTP/2 connection begins with (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Why a connection ended before a request.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("nothing came in time")]
    Silent,
    #[error("the server stops")]
    Stopping,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads until it is certain which version of HTTP is spoken; fails when it is none of `protocols`.
pub(super) async fn first_bytes<I>(mut io: I, protocols: Protocols) -> io::Result<Begun<I>>
where
    I: AsyncRead + Unpin,
{
    let mut first = [0; PREFACE.len()];
    let mut read = 0;
    while read < PREFACE.len() && PREFACE.starts_with(&first[..read]) {
        match io.read(&mut first[read..]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            more => read += more,
        }
    }
    if protocols == Protocols::Http2 && first != *PREFACE {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "this is not HTTP/2",
        ));
    }
    Ok(Begun {
        first,
        given: 0,
        read,
        io,
    })
}

/// A transport whose first bytes have been looked at.
#[derive(Debug)]
pub(super) struct Begun<I> {
    first: [u8; PREFACE.len()],
    given: usize,
    read: usize,
    io: I,
}

impl<I: AsyncRead + Unpin> AsyncRead for Begun<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = &self.first[self.given..self.read];
        if left.is_empty() {
            return Pin::new(&mut self.io).poll_read(context, into);
        }
        let now = left.len().min(into.remaining());
        into.put_slice(&left[..now]);
        self.given += now;
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Begun<I> {
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
