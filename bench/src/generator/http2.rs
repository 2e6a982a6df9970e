//! One HTTP/2 connection that callers share.

use std::{future::poll_fn, net::SocketAddr};

use anyhow::Context as _;
use h2::{
    RecvStream,
    client::{Builder, SendRequest},
};
use http::Request;
use prost::bytes::{Bytes, BytesMut};
use tokio::net::TcpStream;

use super::Answer;

/// Bytes that a server may send before they are read: far more than any answer has.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 1 << 24;

/// A caller's end of the connection. Clones share it.
#[derive(Clone)]
pub(super) struct Http2 {
    sender: SendRequest<Bytes>,
}

impl Http2 {
    pub(super) async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .enable_push(false)
            .handshake(stream)
            .await?;
        // It ends with the last sender. Its error is also that of each call.
        tokio::task::spawn_local(connection);
        Ok(Self { sender })
    }

    /// Makes a call and reads its answer.
    pub(super) async fn call(&mut self, request: Request<Bytes>) -> anyhow::Result<Answer> {
        poll_fn(|context| self.sender.poll_ready(context)).await?;
        let (head, body) = request.into_parts();
        let ends = body.is_empty();
        let request = Request::from_parts(head, ());
        let (answer, mut stream) = self.sender.send_request(request, ends)?;
        if !ends {
            stream.send_data(body, true)?;
        }
        let (head, mut stream) = answer.await.context("no answer")?.into_parts();
        let body = read(&mut stream).await?;
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
            trailers: stream.trailers().await?,
        })
    }
}

/// The whole body. Most are one piece, which is not copied.
async fn read(stream: &mut RecvStream) -> anyhow::Result<Bytes> {
    let Some(first) = piece(stream).await? else {
        return Ok(Bytes::new());
    };
    let Some(second) = piece(stream).await? else {
        return Ok(first);
    };
    let mut all = BytesMut::from(first);
    all.extend_from_slice(&second);
    while let Some(next) = piece(stream).await? {
        all.extend_from_slice(&next);
    }
    Ok(all.freeze())
}

async fn piece(stream: &mut RecvStream) -> anyhow::Result<Option<Bytes>> {
    let Some(piece) = stream.data().await.transpose()? else {
        return Ok(None);
    };
    stream.flow_control().release_capacity(piece.len())?;
    Ok(Some(piece))
}
