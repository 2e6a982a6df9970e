//! What the requests of one kind of call have in common.

use http::{HeaderMap, HeaderValue, Method, Request, Uri, header::AUTHORIZATION};
use prost::bytes::Bytes;

use super::protocol::Protocol;

/// A URI, and the headers of a protocol.
pub(super) struct Template {
    pub(super) uri: Uri,
    headers: HeaderMap,
}

impl Template {
    pub(super) fn new(protocol: Protocol, uri: &str) -> anyhow::Result<Self> {
        Ok(Self {
            uri: uri.parse()?,
            headers: protocol.headers(),
        })
    }

    /// An RPC over gRPC.
    pub(super) fn grpc(
        address: impl std::fmt::Display,
        service: &str,
        method: &str,
    ) -> anyhow::Result<Self> {
        Self::new(
            Protocol::Grpc,
            &format!("http://{address}/{service}/{method}"),
        )
    }

    /// A call without a token.
    pub(super) fn post(&self, body: Bytes) -> Request<Bytes> {
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }

    /// A call of the user with this token.
    pub(super) fn post_as(&self, bearer: &HeaderValue, body: Bytes) -> Request<Bytes> {
        let mut request = self.post(body);
        request.headers_mut().insert(AUTHORIZATION, bearer.clone());
        request
    }
}
