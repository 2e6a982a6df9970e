//! The answer of a service as a browser reads it: messages as they come, then one trailers frame.

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
use http::{HeaderMap, header};
use http_body::Frame;
use tokio::time::{Sleep, sleep_until};

use super::{headers, media::Format, request::FRAME_HEADER, text};
use shared::reason::Reason;

use crate::{access_log::GrpcStatus, deadline::Deadline, refusal::trailers, traced::Onwards};

/// The flag of the frame that holds trailers.
const TRAILERS: u8 = 0x80;

/// Begins the answer to a call that reached its service.
pub(crate) fn translate(
    answer: http::Response<tonic::body::Body>,
    format: Format,
    deadline: Deadline,
    request_id: String,
    onwards: Option<Onwards>,
) -> Response {
    let (parts, upstream) = answer.into_parts();
    let visible = headers::visible(parts.headers);
    if headers::has_status(&visible) {
        if let Some(onwards) = onwards {
            onwards.end(headers::status(&visible));
        }
        return trailers_only(&visible, visible.clone(), format);
    }
    let status = GrpcStatus::default();
    let body = Translated {
        upstream: Some(upstream),
        boundary: Boundary::default(),
        format,
        end: deadline.end_by.map(|end| Box::pin(sleep_until(end))),
        request_id,
        status: status.clone(),
        onwards,
    };
    respond(visible, Body::new(body), format, status)
}

/// An answer without a message: the trailers stand in the headers, as gRPC has it, and in the body, where every client of
/// gRPC-web can read them.
pub(crate) fn trailers_only(headers: &HeaderMap, trailers: HeaderMap, format: Format) -> Response {
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
    status.set(headers::status(trailers).expect("trailers are made only with a status"));
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

/// Why a call got no answer: the channel keeps time as well and says so in its own way.
pub(crate) fn lost(error: &(dyn Error + 'static)) -> Reason {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if cause.is::<tonic::TimeoutExpired>() {
        return Reason::DeadlineExceeded;
    }
    tracing::warn!(%cause, "a service cannot be reached");
    Reason::UpstreamUnavailable
}

/// The service was lost in the middle of a message. A trailers frame there would be taken for message bytes, so the body
/// breaks off, which clients see as a network error.
#[derive(Debug, thiserror::Error)]
#[error("the service was lost in the middle of a message")]
struct CutInMessage;

/// A body of messages, then trailers. Each chunk of the service goes out at once; in text, each is a padded base64 text.
/// Dropping it ends the call to the service.
struct Translated {
    /// None once the trailers frame is out.
    upstream: Option<tonic::body::Body>,
    boundary: Boundary,
    format: Format,
    end: Option<Pin<Box<Sleep>>>,
    request_id: String,
    status: GrpcStatus,
    onwards: Option<Onwards>,
}

impl Translated {
    fn finish(&mut self, trailers: &HeaderMap) -> Result<Frame<Bytes>, CutInMessage> {
        self.upstream = None;
        if let Some(onwards) = self.onwards.take() {
            onwards.end(headers::status(trailers));
        }
        if !self.boundary.is_between_messages() {
            return Err(CutInMessage);
        }
        let frame = trailers_frame(trailers, &self.status);
        Ok(Frame::data(encode(frame, self.format)))
    }

    fn refuse(&mut self, refusal: Reason) -> Result<Frame<Bytes>, CutInMessage> {
        let trailers = trailers(refusal, &self.request_id);
        self.finish(&trailers)
    }

    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        self.end
            .as_mut()
            .is_some_and(|end| end.as_mut().poll(context).is_ready())
    }

    fn forward(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, CutInMessage> {
        match frame.into_data() {
            Ok(data) => {
                self.boundary.pass(&data);
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

impl http_body::Body for Translated {
    type Data = Bytes;
    type Error = CutInMessage;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutInMessage>>> {
        let Some(upstream) = self.upstream.as_mut() else {
            return Poll::Ready(None);
        };
        let next = match Pin::new(upstream).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => self.forward(frame),
            // Ending without trailers is a failure: gRPC has no success without a status.
            Poll::Ready(None | Some(Err(_))) => self.refuse(Reason::UpstreamUnavailable),
            Poll::Pending if self.is_late(context) => self.refuse(Reason::DeadlineExceeded),
            Poll::Pending => return Poll::Pending,
        };
        Poll::Ready(Some(next))
    }
}

/// Follows the lengths of messages as bytes go by, to know whether a message is complete.
#[derive(Debug, Default)]
struct Boundary {
    /// What has come of a header.
    header: [u8; FRAME_HEADER],
    filled: usize,
    /// What is missing of a message.
    missing: usize,
}

impl Boundary {
    fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.missing > 0 {
                let taken = self.missing.min(bytes.len());
                self.missing -= taken;
                bytes = &bytes[taken..];
                continue;
            }
            self.header[self.filled] = bytes[0];
            self.filled += 1;
            bytes = &bytes[1..];
            if self.filled == FRAME_HEADER {
                let [_, length @ ..] = self.header;
                self.missing = u32::from_be_bytes(length) as usize;
                self.filled = 0;
            }
        }
    }

    fn is_between_messages(&self) -> bool {
        self.filled == 0 && self.missing == 0
    }
}
