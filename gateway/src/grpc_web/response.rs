//! The answer of a service as gRPC-web: its messages as they arrive, then one trailers frame.

use std::{
    error::Error,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use contract::reason::Reason;
use http::{HeaderMap, header};
use http_body::Frame;
use tokio::time::{Sleep, sleep_until};

use super::{
    deadline::Deadline, format::Format, headers, message_boundary::MessageBoundary,
    refusal::trailers, text,
};
use crate::monitoring::{GrpcStatus, LossCounter, UpstreamSpan};

/// The flag of the frame that holds trailers.
const TRAILERS: u8 = 0x80;

/// Starts the answer to a call that the service has answered.
pub(super) fn translate(
    answer: http::Response<tonic::body::Body>,
    format: Format,
    deadline: Deadline,
    request_id: String,
    span: Option<UpstreamSpan>,
    losses: LossCounter,
) -> Response {
    let (parts, upstream) = answer.into_parts();
    let visible = headers::visible(parts.headers);
    if headers::has_status(&visible) {
        if let Some(span) = span {
            span.end(headers::status(&visible));
        }
        return trailers_only(&visible, visible.clone(), format);
    }
    let status = GrpcStatus::default();
    let body = TranslatedBody {
        upstream: Some(upstream),
        boundary: MessageBoundary::default(),
        format,
        end: deadline.end_by.map(|end| Box::pin(sleep_until(end))),
        request_id,
        status: status.clone(),
        span,
        losses,
    };
    respond(visible, Body::new(body), format, status)
}

/// An answer without a message. The trailers are in the headers, as in gRPC, and in the body, where every client of gRPC-web
/// can read them.
pub(super) fn trailers_only(headers: &HeaderMap, trailers: HeaderMap, format: Format) -> Response {
    let status = GrpcStatus::default();
    let body = Body::from(encode(trailers_frame(&trailers, &status), format));
    let mut all = headers.clone();
    all.extend(trailers);
    respond(all, body, format, status)
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
    status.set(headers::status(trailers).expect("callers pass trailers that have a status"));
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

/// The reason for a call that got no answer. The channel enforces the deadline too, and has its own error for that.
pub(super) fn failure_reason(error: &(dyn Error + 'static)) -> Reason {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if cause.is::<tonic::TimeoutExpired>() {
        return Reason::DeadlineExceeded;
    }
    tracing::warn!(%cause, "cannot reach a service");
    Reason::UpstreamUnavailable
}

/// The connection to the service was lost in the middle of a message. A client would take a trailers frame there for bytes of
/// the message, so the body is aborted, which clients see as a network error.
#[derive(Debug, thiserror::Error)]
#[error("the connection to the service was lost in the middle of a message")]
struct TruncatedMessage;

/// A body of messages, then trailers. Each chunk of the service is sent on at once; in the text format each is a padded base64
/// text. Dropping it ends the call to the service.
struct TranslatedBody {
    /// `None` after the trailers frame.
    upstream: Option<tonic::body::Body>,
    boundary: MessageBoundary,
    format: Format,
    end: Option<Pin<Box<Sleep>>>,
    request_id: String,
    status: GrpcStatus,
    span: Option<UpstreamSpan>,
    losses: LossCounter,
}

impl TranslatedBody {
    fn finish(&mut self, trailers: &HeaderMap) -> Result<Frame<Bytes>, TruncatedMessage> {
        self.upstream = None;
        if let Some(span) = self.span.take() {
            span.end(headers::status(trailers));
        }
        if !self.boundary.is_between_messages() {
            return Err(TruncatedMessage);
        }
        let frame = trailers_frame(trailers, &self.status);
        Ok(Frame::data(encode(frame, self.format)))
    }

    fn refuse(&mut self, reason: Reason) -> Result<Frame<Bytes>, TruncatedMessage> {
        self.losses.count(reason);
        let trailers = trailers(reason, &self.request_id);
        self.finish(&trailers)
    }

    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        self.end
            .as_mut()
            .is_some_and(|end| end.as_mut().poll(context).is_ready())
    }

    fn forward(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, TruncatedMessage> {
        match frame.into_data() {
            Ok(data) => {
                self.boundary.advance(&data);
                Ok(Frame::data(encode(data, self.format)))
            }
            Err(other) => {
                let trailers = headers::visible(other.into_trailers().unwrap_or_default());
                if headers::has_status(&trailers) {
                    self.finish(&trailers)
                } else {
                    self.refuse(Reason::UpstreamUnavailable)
                }
            }
        }
    }
}

impl http_body::Body for TranslatedBody {
    type Data = Bytes;
    type Error = TruncatedMessage;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TruncatedMessage>>> {
        let Some(upstream) = self.upstream.as_mut() else {
            return Poll::Ready(None);
        };
        let next = match Pin::new(upstream).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => self.forward(frame),
            // An end without trailers is a failure: success in gRPC always has a status.
            Poll::Ready(None | Some(Err(_))) => self.refuse(Reason::UpstreamUnavailable),
            Poll::Pending if self.is_late(context) => self.refuse(Reason::DeadlineExceeded),
            Poll::Pending => return Poll::Pending,
        };
        Poll::Ready(Some(next))
    }
}
