//! Requests over HTTP/2 that no client of gRPC would send.

use std::net::SocketAddr;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use h2::client::SendRequest;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use prost::bytes::Bytes;
use tokio::{net::TcpStream, runtime::Runtime};

/// One connection.
pub(super) struct Peer {
    sender: SendRequest<Bytes>,
    address: SocketAddr,
}

/// What a request was answered with.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) http: StatusCode,
    headers: HeaderMap,
    trailers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    /// The code of gRPC, in the headers, the trailers, or the last frame of gRPC-web.
    pub(super) fn grpc_status(&self) -> Option<i32> {
        let in_headers = [&self.headers, &self.trailers]
            .into_iter()
            .find_map(|headers| headers.get("grpc-status"));
        if let Some(value) = in_headers {
            return value.to_str().ok()?.parse().ok();
        }
        let body = self.decoded().unwrap_or_else(|| self.body.clone());
        let text = String::from_utf8_lossy(&body);
        let (_, rest) = text.rsplit_once("grpc-status:")?;
        rest.lines().next()?.trim().parse().ok()
    }

    /// The bytes of a body in base64. Each part of it is padded, so each four characters are decoded by themselves.
    fn decoded(&self) -> Option<Vec<u8>> {
        let groups = self.body.chunks(4);
        let bytes: Result<Vec<_>, _> = groups.map(|group| BASE64_STANDARD.decode(group)).collect();
        bytes.ok().map(|bytes| bytes.concat())
    }
}

impl Peer {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        Self { sender, address }
    }

    /// Posts a body. Returns the error when the server resets the request.
    pub(super) fn post(
        &self,
        runtime: &Runtime,
        method: &str,
        headers: &[(&'static str, HeaderValue)],
        body: Vec<u8>,
    ) -> Result<Answer, h2::Error> {
        let uri = format!("http://{}/{method}", self.address);
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.parse().unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, value.clone());
        }
        runtime.block_on(async {
            let mut sender = self.sender.clone().ready().await?;
            let (answer, mut stream) = sender.send_request(request, body.is_empty())?;
            if !body.is_empty() {
                stream.send_data(body.into(), true)?;
            }
            read(answer.await?).await
        })
    }
}

async fn read(answer: http::Response<h2::RecvStream>) -> Result<Answer, h2::Error> {
    let (parts, mut stream) = answer.into_parts();
    let mut body = Vec::new();
    while let Some(part) = stream.data().await.transpose()? {
        stream.flow_control().release_capacity(part.len())?;
        body.extend_from_slice(&part);
    }
    Ok(Answer {
        http: parts.status,
        headers: parts.headers,
        trailers: stream.trailers().await?.unwrap_or_default(),
        body,
    })
}
