//! An HTTP/2 peer that can do what a client of gRPC would not: open a call without a message, or never read an answer.

use std::{net::SocketAddr, time::Duration};

use contract::proto::auth::GetJsonWebKeySetRequest;
use h2::{
    RecvStream,
    client::{Builder, SendRequest},
};
use http::{HeaderMap, HeaderValue, Method, Request, header::AUTHORIZATION};
use prost::{Message, bytes::Bytes};
use tokio::{net::TcpSocket, time::timeout};
use tonic::metadata::AsciiMetadataValue;

/// One connection. Cheap to clone.
#[derive(Clone)]
pub(super) struct Peer {
    sender: SendRequest<Bytes>,
    port: u16,
}

/// A call: its headers and the frame of its message.
#[derive(Clone)]
pub(super) struct Call {
    method: &'static str,
    content_type: &'static str,
    token: Option<HeaderValue>,
    frame: Bytes,
}

impl Call {
    pub(super) fn native(method: &'static str, message: &impl Message) -> Self {
        Self {
            method,
            content_type: "application/grpc",
            token: None,
            frame: frame(message),
        }
    }

    pub(super) fn over_web(method: &'static str, message: &impl Message) -> Self {
        Self {
            content_type: "application/grpc-web+proto",
            ..Self::native(method, message)
        }
    }

    /// The smallest call through the gateway.
    pub(super) fn keys_over_web() -> Self {
        Self::over_web(
            "tandem.auth.v1.AuthService/GetJsonWebKeySet",
            &GetJsonWebKeySetRequest {},
        )
    }

    pub(super) fn with_token(self, token: &AsciiMetadataValue) -> Self {
        Self {
            token: HeaderValue::from_bytes(token.as_bytes()).ok(),
            ..self
        }
    }
}

impl Peer {
    /// Connects from a loopback address. Answers are limited to `window` bytes until they are read.
    pub(super) async fn connect(
        from: [u8; 4],
        port: u16,
        window: Option<u32>,
    ) -> anyhow::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((from, 0)))?;
        let stream = socket
            .connect(SocketAddr::from(([127, 0, 0, 1], port)))
            .await?;
        stream.set_nodelay(true)?;
        let mut builder = Builder::new();
        if let Some(window) = window {
            builder.initial_window_size(window);
        }
        let (sender, connection) = builder.handshake(stream).await?;
        // It ends with the last sender and stream.
        tokio::spawn(connection);
        Ok(Self { sender, port })
    }

    /// Sends the headers alone, and waits until the server has answered or reset the call.
    pub(super) async fn send_headers_only(&self, call: &Call) -> Result<(), h2::Error> {
        let mut sender = self.sender.clone().ready().await?;
        let (answer, _open) = sender.send_request(self.request(call), false)?;
        answer.await?;
        Ok(())
    }

    /// Sends a call, and never reads its answer beyond the window. Resolves when the server resets or ends it.
    pub(super) async fn never_read(&self, call: &Call) -> Result<(), h2::Error> {
        let mut body = self.send(call).await?;
        while let Some(_unread) = body.data().await.transpose()? {}
        Ok(())
    }

    /// Makes a call and reads its answer.
    pub(super) async fn call(&self, call: &Call, limit: Duration) -> Result<(), String> {
        timeout(limit, self.read(call))
            .await
            .map_err(|_elapsed| "no answer in time".to_owned())?
            .map_err(|error| error.to_string())?
    }

    async fn read(&self, call: &Call) -> Result<Result<(), String>, h2::Error> {
        let mut body = self.send(call).await?;
        let mut bytes = Vec::new();
        while let Some(part) = body.data().await.transpose()? {
            let _released = body.flow_control().release_capacity(part.len());
            bytes.extend_from_slice(&part);
        }
        Ok(status_in_trailers(&bytes))
    }

    async fn send(&self, call: &Call) -> Result<RecvStream, h2::Error> {
        let mut sender = self.sender.clone().ready().await?;
        let (answer, mut body) = sender.send_request(self.request(call), false)?;
        body.send_data(call.frame.clone(), true)?;
        Ok(answer.await?.into_body())
    }

    fn request(&self, call: &Call) -> Request<()> {
        let uri = format!("http://127.0.0.1:{}/{}", self.port, call.method);
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.parse().expect("a method's path is a path");
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(call.content_type));
        headers.insert("te", HeaderValue::from_static("trailers"));
        if let Some(token) = &call.token {
            headers.insert(AUTHORIZATION, token.clone());
        }
        *request.headers_mut() = headers;
        request
    }
}

/// A message in its frame.
fn frame(message: &impl Message) -> Bytes {
    let bytes = message.encode_to_vec();
    let length = u32::try_from(bytes.len()).expect("a small message");
    [&[0], length.to_be_bytes().as_slice(), &bytes]
        .concat()
        .into()
}

/// The status in the last frame of an answer over gRPC-web.
fn status_in_trailers(body: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(body);
    match text.rsplit_once("grpc-status:") {
        Some((_, rest)) if rest.trim_start().starts_with("0\r") => Ok(()),
        Some((_, rest)) => {
            let code = rest.lines().next().unwrap_or_default();
            Err(format!("refused over gRPC-web with code {}", code.trim()))
        }
        None => Err("no status in the answer".to_owned()),
    }
}
