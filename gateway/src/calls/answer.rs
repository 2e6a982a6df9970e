//! The answer of a service: its headers, its messages as they arrive, and its trailers.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::Bytes;
use contract::reason::Reason;
use http::HeaderMap;
use http_body::Frame;
use http_body_util::BodyExt as _;
use serving::shares::CallShare;
use tokio::time::{Sleep, sleep_until};
use tonic::Status;

use super::{
    deadline::Deadline,
    headers,
    message::FRAME_HEADER,
    message_boundary::MessageBoundary,
    refusal::{Refused, trailers},
};
use crate::monitoring::{LossCounter, UpstreamSpan};

/// The longest message of an answer that is collected. The services send no longer one, because clients of gRPC accept no longer
/// one by default.
const MAX_COLLECTED: usize = 4 << 20;

/// The connection to the service was lost in the middle of a message. A client would take an end of the answer there for bytes of
/// the message, so the body is aborted, which clients see as a network error.
#[derive(Debug, thiserror::Error)]
#[error("the connection to the service was lost in the middle of a message")]
pub(crate) struct TruncatedMessage;

/// What ends with a call.
#[derive(Debug)]
pub(super) struct CallEnd {
    pub(super) request_id: String,
    pub(super) span: Option<UpstreamSpan>,
    pub(super) losses: LossCounter,
}

impl CallEnd {
    /// The status for a call that the gateway ends itself.
    pub(super) fn refuse(&mut self, refused: Refused) -> Status {
        if let Refused::Because(reason) = refused {
            self.losses.count(reason);
        }
        let status = refused.status(&self.request_id);
        self.trace(&trailers(&status));
        status
    }

    /// Ends the span with the status of these trailers.
    fn trace(&mut self, trailers: &HeaderMap) {
        if let Some(span) = self.span.take() {
            span.end(headers::grpc_status(trailers));
        }
    }
}

/// The answer to a call.
pub(crate) struct Answer {
    /// Those that a client may see. If the answer has no message, its trailers are here too.
    pub(crate) headers: HeaderMap,
    /// Frames of gRPC, in chunks as they arrive; then trailers that have a status.
    pub(crate) body: AnswerBody,
    /// What the call holds until its answer was sent.
    pub(crate) place: CallShare,
}

/// The answer to a unary call, which has arrived completely.
pub(crate) struct UnaryAnswer {
    pub(crate) headers: HeaderMap,
    /// `None` if the call has failed.
    pub(crate) message: Option<Bytes>,
    /// They have a status.
    pub(crate) trailers: HeaderMap,
    pub(crate) place: CallShare,
}

impl Answer {
    pub(super) fn new(
        answer: http::Response<tonic::body::Body>,
        deadline: Deadline,
        mut end: CallEnd,
        place: CallShare,
    ) -> Self {
        let (parts, upstream) = answer.into_parts();
        let headers = headers::visible(parts.headers);
        let state = if headers::grpc_status(&headers).is_some() {
            end.trace(&headers);
            BodyState::Trailers(headers.clone())
        } else {
            BodyState::Upstream(upstream)
        };
        let body = AnswerBody {
            state,
            boundary: MessageBoundary::default(),
            late: deadline.end_by.map(|end| Box::pin(sleep_until(end))),
            end,
        };
        Self {
            headers,
            body,
            place,
        }
    }

    /// The trailers, if the answer has no message.
    pub(crate) fn trailers_only(&self) -> Option<&HeaderMap> {
        match &self.body.state {
            BodyState::Trailers(trailers) => Some(trailers),
            _ => None,
        }
    }

    /// Waits for the whole answer of a unary call.
    pub(crate) async fn collect(self) -> UnaryAnswer {
        let Self {
            headers,
            mut body,
            mut place,
        } = self;
        let (message, trailers) = match body.collect_message(&mut place).await {
            Ok((message, trailers)) => (Some(message), trailers),
            Err(trailers) => (None, trailers),
        };
        UnaryAnswer {
            headers,
            message,
            trailers,
            place,
        }
    }
}

impl UnaryAnswer {
    /// The status of a call that has failed.
    pub(crate) fn status(&self) -> Status {
        Status::from_header_map(&self.trailers).expect("the trailers have a status")
    }
}

enum BodyState {
    Upstream(tonic::body::Body),
    Trailers(HeaderMap),
    Ended,
}

/// The messages of an answer, then its trailers. Each chunk of the service is given at once. Dropping it ends the call to the
/// service.
pub(crate) struct AnswerBody {
    state: BodyState,
    boundary: MessageBoundary,
    late: Option<Pin<Box<Sleep>>>,
    end: CallEnd,
}

impl AnswerBody {
    fn finish(&mut self, trailers: HeaderMap) -> Result<Frame<Bytes>, TruncatedMessage> {
        self.state = BodyState::Ended;
        self.end.trace(&trailers);
        if self.boundary.is_between_messages() {
            Ok(Frame::trailers(trailers))
        } else {
            Err(TruncatedMessage)
        }
    }

    fn refuse(&mut self, reason: Reason) -> Result<Frame<Bytes>, TruncatedMessage> {
        let status = self.end.refuse(reason.into());
        self.finish(trailers(&status))
    }

    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        self.late
            .as_mut()
            .is_some_and(|late| late.as_mut().poll(context).is_ready())
    }

    fn forward(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, TruncatedMessage> {
        match frame.into_data() {
            Ok(data) => {
                self.boundary.advance(&data);
                Ok(Frame::data(data))
            }
            Err(other) => {
                let trailers = headers::visible(other.into_trailers().unwrap_or_default());
                if headers::grpc_status(&trailers).is_some() {
                    self.finish(trailers)
                } else {
                    self.refuse(Reason::UpstreamUnavailable)
                }
            }
        }
    }

    /// The only message with the trailers of a call that succeeded, or the trailers of one that failed.
    async fn collect_message(
        &mut self,
        place: &mut CallShare,
    ) -> Result<(Bytes, HeaderMap), HeaderMap> {
        let mut collected = Vec::new();
        while let Some(frame) = self.frame().await {
            let Ok(frame) = frame else {
                return Err(self.refusal(Reason::UpstreamUnavailable));
            };
            match frame.into_data() {
                Ok(data) if collected.len() + data.len() > MAX_COLLECTED + FRAME_HEADER => {
                    return Err(self.refusal(Reason::Internal));
                }
                Ok(data) => {
                    place.hold_unsent(data.len()).map_err(|r| self.refusal(r))?;
                    collected.extend_from_slice(&data);
                }
                Err(other) => {
                    let trailers = other.into_trailers().unwrap_or_default();
                    return self.one_message(collected.into(), trailers);
                }
            }
        }
        Err(self.refusal(Reason::UpstreamUnavailable))
    }

    fn one_message(
        &mut self,
        frame: Bytes,
        trailers: HeaderMap,
    ) -> Result<(Bytes, HeaderMap), HeaderMap> {
        if headers::grpc_status(&trailers).is_none_or(|status| status != "0") {
            return Err(trailers);
        }
        // The gateway does not say that it reads compressed answers.
        match super::Message::from_frame(frame, false) {
            Ok(message) => Ok((message.payload(), trailers)),
            Err(_not_one_message) => Err(self.refusal(Reason::UpstreamUnavailable)),
        }
    }

    fn refusal(&mut self, reason: Reason) -> HeaderMap {
        self.state = BodyState::Ended;
        trailers(&self.end.refuse(reason.into()))
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = TruncatedMessage;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TruncatedMessage>>> {
        let next = match &mut self.state {
            BodyState::Ended => return Poll::Ready(None),
            BodyState::Trailers(trailers) => {
                let trailers = std::mem::take(trailers);
                self.finish(trailers)
            }
            BodyState::Upstream(upstream) => match Pin::new(upstream).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => self.forward(frame),
                // An end without trailers is a failure: success in gRPC always has a status.
                Poll::Ready(None | Some(Err(_))) => self.refuse(Reason::UpstreamUnavailable),
                Poll::Pending if self.is_late(context) => self.refuse(Reason::DeadlineExceeded),
                Poll::Pending => return Poll::Pending,
            },
        };
        Poll::Ready(Some(next))
    }
}
