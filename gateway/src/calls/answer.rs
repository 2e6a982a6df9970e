//! The answer of a service: its headers, its messages as they arrive, and its trailers.

use axum::body::Bytes;
use http::HeaderMap;
use serving::shares::CallShare;
use tokio::time::sleep_until;
use tonic::Status;

use super::{
    answer_body::{AnswerBody, BodyState, CallEnd},
    deadline::Deadline,
    headers,
    message::Message,
    message_boundary::MessageBoundary,
    refusal::Refused,
};
use crate::cookies::CookieCall;

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
    end: CallEnd,
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
            end: body.end,
        }
    }
}

impl Answer {
    /// The answer of a call that opts in to the cookie, which takes the refresh token.
    ///
    /// # Errors
    /// The answer could still have the refresh token in it.
    pub(super) async fn without_refresh_token(self, cookie: &CookieCall) -> Result<Self, Status> {
        let mut answer = self.collect().await;
        match answer.message.take() {
            Some(message) => match cookie.keep(message) {
                Ok(message) => answer.message = Some(message),
                Err(error) => {
                    let refused = Refused::of_error(&error, &answer.end.request_id);
                    return Err(answer.end.refuse(refused));
                }
            },
            None => cookie.delete_after(&answer.status()),
        }
        Ok(answer.into())
    }
}

impl From<UnaryAnswer> for Answer {
    /// The same answer, as if it arrived from the service.
    fn from(answer: UnaryAnswer) -> Self {
        let mut headers = answer.headers;
        let state = if let Some(message) = answer.message {
            let frame = Message::from_payload(&message).into_frame();
            BodyState::Collected(frame, answer.trailers)
        } else {
            headers.extend(answer.trailers.clone());
            BodyState::Trailers(answer.trailers)
        };
        let body = AnswerBody {
            state,
            boundary: MessageBoundary::default(),
            late: None,
            end: answer.end,
        };
        Self {
            headers,
            body,
            place: answer.place,
        }
    }
}

impl UnaryAnswer {
    /// The status of a call that has failed.
    pub(crate) fn status(&self) -> Status {
        Status::from_header_map(&self.trailers).expect("the trailers have a status")
    }
}
