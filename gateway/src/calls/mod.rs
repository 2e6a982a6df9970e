//! What every protocol of the gateway does with a call. gRPC-web, Connect and REST are formats over it.
//!
//! 1. [`Call::begin`]: the RPC is offered, and the call gets its deadline, its principal and its span.
//! 2. [`Call::forward`] receives the request within its limits, and the format decodes it to a [`Message`].
//! 3. The message takes a place among the calls in flight and is sent to the service.
//! 4. The format encodes the [`Answer`] for its client.
//!
//! A call never decodes a message itself, so gRPC-web needs no descriptor. [`unary`] does all of it for a caller that has typed
//! messages.

mod answer;
mod answer_body;
mod deadline;
pub(crate) mod gzip;
mod headers;
mod message;
mod message_boundary;
mod receive;
mod refusal;
mod typed;

use std::{
    error::Error,
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
    time::Duration,
};

use axum::body::Bytes;
use contract::reason::Reason;
use http::request::Parts;
use serving::shares::{CallKind, CallShare, Principal, Share};
use tokio::time::timeout_at;
use tonic::Status;
use tower::ServiceExt as _;
use transport::connections::ReceiveBy;

pub(crate) use self::{
    answer::{Answer, UnaryAnswer},
    answer_body::{AnswerBody, TruncatedMessage},
    headers::grpc_status,
    message::{FRAME_HEADER, Message},
    receive::{read, receive},
    refusal::{Refused, marked, reason_of, status_of_error, trailers},
    typed::{Exchange, unary},
};
use self::{answer_body::CallEnd, deadline::Deadline, receive::too_late};
use crate::{
    client_address::ClientAddress,
    cookies::CookieCall,
    monitoring::{LossCounter, OwnRefusal, UpstreamSpan, request_id},
    routes::{self, Service},
    state::GatewayState,
};

/// A call of a client, from the arrival of its headers.
pub(crate) struct Call {
    state: GatewayState,
    service: Service,
    parts: Parts,
    limits: Limits,
    end: CallEnd,
    /// What the cookie has to do with it, if anything.
    cookie: Option<CookieCall>,
    /// The place of an earlier call for the same request, if there was one.
    place: Option<CallShare>,
}

/// The limits of one call.
#[derive(Debug, Clone, Copy)]
struct Limits {
    deadline: Deadline,
    message: usize,
    principal: Principal,
}

impl Call {
    /// A call of the RPC that the URI of `parts` names, which arrives now. `asked`: how long the client gives it.
    ///
    /// # Errors
    /// The RPC is not offered, or the call opts in to the cookie and may not.
    pub(crate) fn begin(
        state: &GatewayState,
        service: Service,
        mut parts: Parts,
        asked: Option<Duration>,
    ) -> Result<Self, Status> {
        let id = request_id(&parts.headers).to_owned();
        if !state.offers(routes::service_name(parts.uri.path())) {
            return Err(refusal::status(Reason::MethodUnknown, &id));
        }
        let calls = &state.config.calls;
        let streaming = state.catalog.is_streaming(parts.uri.path());
        let limits = Limits {
            deadline: Deadline::new(asked, calls.deadline, streaming),
            message: calls.request_limit,
            principal: ClientAddress::principal(&parts.extensions),
        };
        let cookie =
            CookieCall::of(&parts).map_err(|error| refusal::status_of_error(&error, &id))?;
        let server = state.upstreams.get(service).server();
        let end = CallEnd {
            span: UpstreamSpan::start(&state.catalog, server, &mut parts),
            losses: LossCounter::new(&state.metrics, service),
            own: OwnRefusal::of(&parts.extensions),
            request_id: id,
        };
        Ok(Self {
            state: state.clone(),
            service,
            parts,
            limits,
            end,
            cookie,
            place: None,
        })
    }

    /// The same call, which goes on in the place of an earlier one.
    fn in_place(mut self, place: Option<CallShare>) -> Self {
        self.place = place;
        self
    }

    /// When the client must have received the answer.
    pub(crate) fn receive_by(&self) -> ReceiveBy {
        let grace = self.state.config.calls.answer_grace;
        self.limits.deadline.receive_by(grace)
    }

    /// The id of its request.
    pub(crate) fn request_id(&self) -> &str {
        &self.end.request_id
    }

    /// Ends it without an answer of the service.
    pub(crate) fn refuse(mut self, refused: impl Into<Refused>) -> Status {
        self.end.refuse(refused.into())
    }

    /// Receives the request, decodes it to the message of the call, sends that to the service, and waits for the headers of the
    /// answer. `read` gets the most bytes that the request may have, and the share that holds them while they arrive.
    ///
    /// If the client goes away, this future is dropped, and with it the call to the service.
    pub(crate) async fn forward<Reading>(
        mut self,
        read: impl FnOnce(usize, Share) -> Reading,
        decode: impl FnOnce(&Self, Bytes) -> Result<Message, Refused>,
    ) -> Result<Answer, Status>
    where
        Reading: Future<Output = Result<Bytes, Reason>>,
    {
        let (answer, place) = match self.try_forward(read, decode).await {
            Ok(answered) => answered,
            Err(refused) => return Err(self.end.refuse(refused)),
        };
        let answer = Answer::new(answer, self.limits.deadline, self.end, place);
        match &self.cookie {
            Some(cookie) => answer.without_refresh_token(cookie).await,
            None => Ok(answer),
        }
    }

    async fn try_forward<Reading>(
        &mut self,
        read: impl FnOnce(usize, Share) -> Reading,
        decode: impl FnOnce(&Self, Bytes) -> Result<Message, Refused>,
    ) -> Result<(http::Response<tonic::body::Body>, CallShare), Refused>
    where
        Reading: Future<Output = Result<Bytes, Reason>>,
    {
        let Limits {
            principal,
            deadline,
            ..
        } = self.limits;
        let bytes = receive(&self.state, principal, deadline.begin_by, read).await?;
        let message = decode(self, bytes)?;
        let message = self.with_cookie(message)?;
        let place = match self.place.take() {
            Some(place) => place,
            None => self.state.places.take(principal, kind(&self.parts.uri))?,
        };
        let answer = self.send(message).await?;
        Ok((answer, place))
    }

    /// The message, with the refresh token of the cookie if it needs that.
    fn with_cookie(&mut self, message: Message) -> Result<Message, Refused> {
        let cookie = self.cookie.as_mut();
        let Some(cookie) = cookie.filter(|cookie| cookie.reads_request()) else {
            return Ok(message);
        };
        let payload = if message.is_compressed() {
            gzip::inflate(message.payload(), self.limits.message)?
        } else {
            message.payload()
        };
        let filled = cookie.fill(payload);
        let filled = filled.map_err(|error| Refused::of_error(&error, self.request_id()))?;
        Ok(Message::from_payload(&filled))
    }

    async fn send(&self, message: Message) -> Result<http::Response<tonic::body::Body>, Reason> {
        let upstream = self.state.upstreams.get(self.service).clone();
        let call = headers::call(&self.parts, message, self.limits.deadline);
        let answer = timeout_at(self.limits.deadline.begin_by, upstream.oneshot(call))
            .await
            .map_err(too_late)?
            .map_err(|error| failure_reason(&*error))?;
        if headers::is_grpc(&answer) {
            Ok(answer)
        } else {
            Err(Reason::UpstreamUnavailable)
        }
    }
}

/// Calls of one RPC are of one kind.
fn kind(uri: &http::Uri) -> CallKind {
    CallKind(BuildHasherDefault::<DefaultHasher>::default().hash_one(uri.path()))
}

/// The reason for a call that got no answer. The channel enforces the deadline too, and has its own error for that.
fn failure_reason(error: &(dyn Error + 'static)) -> Reason {
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
