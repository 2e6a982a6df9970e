//! The answer of a service as gRPC-web: its messages as they arrive, then one trailers frame.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use http::{HeaderMap, header};
use http_body::Frame;
use tonic::Status;

use super::{format::Format, text};
use crate::{
    calls::{Answer, AnswerBody, TruncatedMessage, grpc_status, marked, trailers},
    monitoring::GrpcStatus,
};

/// The flag of the frame that holds trailers.
const TRAILERS: u8 = 0x80;

/// Starts the answer to a call that the service has answered.
pub(super) fn translate(answer: Answer, format: Format) -> Response {
    if let Some(trailers) = answer.trailers_only() {
        let response = trailers_only(answer.headers.clone(), trailers, format);
        return response.map(|body| Body::new(answer.place.hold(body, None)));
    }
    let status = GrpcStatus::default();
    let body = TranslatedBody {
        body: answer.body,
        format,
        status: status.clone(),
    };
    let body = Body::new(answer.place.hold(body, None));
    respond(answer.headers, body, format, status)
}

/// A refusal. It is sent as HTTP 200 with a trailers frame, like every gRPC-web error. With another HTTP status, clients do not
/// read the details: connect-web derives its code from the status alone.
pub(super) fn refused(status: &Status, format: Format) -> Response {
    let trailers = trailers(status);
    marked(trailers_only(trailers.clone(), &trailers, format), status)
}

/// An answer without a message. The trailers are in the headers, as in gRPC, and in the body, where every client of gRPC-web
/// can read them.
fn trailers_only(headers: HeaderMap, trailers: &HeaderMap, format: Format) -> Response {
    let status = GrpcStatus::default();
    let body = Body::from(encode(trailers_frame(trailers, &status), format));
    respond(headers, body, format, status)
}

fn respond(headers: HeaderMap, body: Body, format: Format, status: GrpcStatus) -> Response {
    let mut response = Response::new(body);
    *response.headers_mut() = headers;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, format.content_type());
    response.extensions_mut().insert(status);
    response
}

fn trailers_frame(trailers: &HeaderMap, status: &GrpcStatus) -> Bytes {
    status.set(grpc_status(trailers).expect("the trailers of an answer have a status"));
    let mut block = Vec::new();
    for (name, value) in trailers {
        block.extend_from_slice(name.as_str().as_bytes());
        block.extend_from_slice(b": ");
        block.extend_from_slice(value.as_bytes());
        block.extend_from_slice(b"\r\n");
    }
    let length = u32::try_from(block.len()).expect("HTTP/2 bounds trailers far below 4 GiB");
    let mut frame = vec![TRAILERS];
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&block);
    frame.into()
}

fn encode(bytes: Bytes, format: Format) -> Bytes {
    match format {
        Format::Binary => bytes,
        Format::Text => text::encode(&bytes).into(),
    }
}

/// A body of messages, then the trailers in their frame. In the text format, each chunk is a padded base64 text.
struct TranslatedBody {
    body: AnswerBody,
    format: Format,
    status: GrpcStatus,
}

impl http_body::Body for TranslatedBody {
    type Data = Bytes;
    type Error = TruncatedMessage;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TruncatedMessage>>> {
        let next = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(next.map(|frame| {
            let data = match frame?.into_data() {
                Ok(data) => data,
                Err(other) => {
                    let trailers = other.into_trailers().unwrap_or_default();
                    trailers_frame(&trailers, &self.status)
                }
            };
            Ok(Frame::data(encode(data, self.format)))
        }))
    }
}
