//! One HTTP/1.1 connection of one caller, kept open between its calls.

use std::net::SocketAddr;

use anyhow::Context as _;
use http::{HeaderValue, Request, Uri, header::HOST};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use prost::bytes::Bytes;
use tokio::net::TcpStream;

use super::Answer;

/// A caller's connection.
pub(super) struct Http1 {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
}

impl Http1 {
    pub(super) async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // It ends with its sender. Its error is also that of the call.
        tokio::task::spawn_local(connection);
        let host = HeaderValue::from_str(&address.to_string())?;
        Ok(Self { sender, host })
    }

    /// Makes a call and reads its answer.
    pub(super) async fn call(&mut self, mut request: Request<Bytes>) -> anyhow::Result<Answer> {
        let path = request.uri().path_and_query().context("no path")?.clone();
        *request.uri_mut() = Uri::from(path);
        request.headers_mut().insert(HOST, self.host.clone());
        self.sender.ready().await?;
        let answer = self.sender.send_request(request.map(Full::new)).await?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await?;
        let trailers = body.trailers().cloned();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: body.to_bytes(),
            trailers,
        })
    }
}
