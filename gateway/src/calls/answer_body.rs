//! The messages and the trailers of an answer, and what ends with them.

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
use tokio::time::Sleep;
use tonic::Status;

use super::{
    headers,
    message::{FRAME_HEADER, Message},
    message_boundary::MessageBoundary,
    refusal::{Refused, reason_of, trailers},
};
use crate::monitoring::{LossCounter, OwnRefusal, UpstreamSpan};

/// The longest message of an answer that is collected. The services send no longer one, because clients of gRPC accept no longer
/// one by default.
const MAX_COLLECTED: usize = 4 << 20;

/// The connection to the service was lost in the middle of a message, or its time was over. A client would take an end of the answer
/// there for bytes of the message, so the body is aborted, which clients see as a network error.
#[derive(Debug, thiserror::Error)]
#[error("the answer of the service ended in the middle of a message")]
pub(crate) struct TruncatedMessage {
    /// What would have come after the message.
    trailers: Box<HeaderMap>,
}

/// What ends with a call.
#[derive(Debug)]
pub(super) struct CallEnd {
    pub(super) request_id: String,
    pub(super) span: Option<UpstreamSpan>,
    pub(super) losses: LossCounter,
    pub(super) own: OwnRefusal,
}

impl CallEnd {
    /// The status for a call that the gateway ends itself.
    pub(super) fn refuse(&mut self, refused: Refused) -> Status {
        if let Refused::Because(reason) = refused {
            self.losses.count(reason);
        }
        let status = refused.status(&self.request_id);
        if let Some(reason) = reason_of(&status) {
            self.own.set(reason);
        }
        self.trace(&trailers(&status));
        status
    }

    /// Ends the span with the status of these trailers.
    pub(super) fn trace(&mut self, trailers: &HeaderMap) {
        if let Some(span) = self.span.take() {
            span.end(headers::grpc_status(trailers));
        }
    }
}

pub(super) enum BodyState {
    Upstream(tonic::body::Body),
    /// A whole message in its frame, and what comes after it.
    Collected(Bytes, HeaderMap),
    Trailers(HeaderMap),
    Ended,
}

/// The messages of an answer, then its trailers. Each chunk of the service is given at once. Dropping it ends the call to the
/// service.
pub(crate) struct AnswerBody {
    pub(super) state: BodyState,
    pub(super) boundary: MessageBoundary,
    pub(super) late: Option<Pin<Box<Sleep>>>,
    pub(super) end: CallEnd,
}

impl AnswerBody {
    /// The status for an answer that the gateway cannot pass on.
    pub(crate) fn undecodable(&mut self) -> Status {
        self.end.refuse(Reason::Internal.into())
    }

    fn finish(&mut self, trailers: HeaderMap) -> Result<Frame<Bytes>, TruncatedMessage> {
        self.state = BodyState::Ended;
        self.end.trace(&trailers);
        if self.boundary.is_between_messages() {
            Ok(Frame::trailers(trailers))
        } else {
            let trailers = Box::new(trailers);
            Err(TruncatedMessage { trailers })
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
    pub(super) async fn collect_message(
        &mut self,
        place: &mut CallShare,
    ) -> Result<(Bytes, HeaderMap), HeaderMap> {
        let mut collected = Vec::new();
        while let Some(frame) = self.frame().await {
            let frame = match frame {
                Ok(frame) => frame,
                Err(TruncatedMessage { trailers }) if !is_success(&trailers) => {
                    return Err(*trailers);
                }
                Err(_without_a_reason) => return Err(self.refusal(Reason::UpstreamUnavailable)),
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
        if !is_success(&trailers) {
            return Err(trailers);
        }
        // The gateway does not say that it reads compressed answers.
        match Message::from_frame(frame, false) {
            Ok(message) => Ok((message.payload(), trailers)),
            Err(_not_one_message) => Err(self.refusal(Reason::Internal)),
        }
    }

    fn refusal(&mut self, reason: Reason) -> HeaderMap {
        self.state = BodyState::Ended;
        trailers(&self.end.refuse(reason.into()))
    }
}

fn is_success(trailers: &HeaderMap) -> bool {
    headers::grpc_status(trailers).is_some_and(|status| status == "0")
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
            BodyState::Collected(frame, trailers) => {
                let (frame, trailers) = (std::mem::take(frame), std::mem::take(trailers));
                self.state = BodyState::Trailers(trailers);
                Ok(Frame::data(frame))
            }
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
