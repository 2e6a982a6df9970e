//! Which headers are forwarded. To a service: only those named here, and custom `-bin` metadata. To the browser: all except
//! those that belong to one connection and those that the gateway sets itself.

use api::{grpc_timeout::GRPC_TIMEOUT, request_id::X_REQUEST_ID};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, Version, header,
    request::Parts,
};
use http_body_util::Full;
use tonic::body::Body;
use transport::network::FORWARDED_FOR;

use super::{deadline::Deadline, message::Message};
use crate::client_address::ClientAddress;

/// Forwarded to the service unchanged. Not forwarded are cookies, which are for the gateway alone, and
/// `grpc-accept-encoding`, because no browser can read a compressed message. The service reads compressed ones.
const FORWARDED: [HeaderName; 7] = [
    header::AUTHORIZATION,
    header::USER_AGENT,
    HeaderName::from_static("x-user-agent"),
    HeaderName::from_static("tandem-device-token"),
    X_REQUEST_ID,
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];

const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// The call as it is sent to the service.
pub(super) fn call(parts: &Parts, message: Message, deadline: Deadline) -> Request<Body> {
    let mut headers = HeaderMap::new();
    for (name, value) in &parts.headers {
        if FORWARDED.contains(name) || is_custom_binary(name) {
            headers.append(name, value.clone());
        }
    }
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/grpc"),
    );
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    if message.gzip {
        headers.insert(GRPC_ENCODING, HeaderValue::from_static("gzip"));
    }
    if let Some(left) = deadline.remaining() {
        headers.insert(GRPC_TIMEOUT, left);
    }
    // One address, so that a service does not have to know the proxies in front of the gateway.
    if let Some(client) = parts.extensions.get::<ClientAddress>() {
        headers.insert(FORWARDED_FOR, client.header());
    }
    let mut call = Request::new(Body::new(Full::new(message.into_frame())));
    *call.method_mut() = Method::POST;
    *call.version_mut() = Version::HTTP_2;
    *call.uri_mut() = path_only(&parts.uri);
    *call.headers_mut() = headers;
    call
}

/// The channel adds scheme and authority. A query is not part of an RPC's name.
fn path_only(uri: &Uri) -> Uri {
    uri.path().parse().expect("the path of a URI is a URI")
}

/// Names that begin with `grpc-` are reserved for the protocol.
fn is_custom_binary(name: &HeaderName) -> bool {
    name.as_str().ends_with("-bin") && !name.as_str().starts_with("grpc-")
}

/// Whether this answer is gRPC. That of a proxy on the way is not.
pub(super) fn is_grpc(answer: &Response<Body>) -> bool {
    let content_type = answer.headers().get(header::CONTENT_TYPE);
    answer.status() == http::StatusCode::OK
        && content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

/// The gRPC status of these headers or trailers. In headers it says that no message and no trailers follow.
pub(crate) fn grpc_status(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(GRPC_STATUS)
}

/// The headers or trailers of a service that are sent to the browser.
pub(super) fn visible(headers: HeaderMap) -> HeaderMap {
    let mut visible = HeaderMap::with_capacity(headers.len());
    let mut name = None;
    for (next, value) in headers {
        name = next.or(name);
        let name = name.as_ref().expect("a header map begins with a name");
        if !is_hidden(name) {
            visible.append(name, value);
        }
    }
    visible
}

fn is_hidden(name: &HeaderName) -> bool {
    const HIDDEN: [HeaderName; 14] = [
        header::CONNECTION,
        header::CONTENT_ENCODING,
        header::CONTENT_LENGTH,
        header::CONTENT_TYPE,
        header::DATE,
        header::PROXY_AUTHENTICATE,
        header::SERVER,
        header::SET_COOKIE,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::VARY,
        HeaderName::from_static("keep-alive"),
    ];
    let text = name.as_str();
    HIDDEN.contains(name) || text.starts_with("access-control-") || name == GRPC_ENCODING
}
