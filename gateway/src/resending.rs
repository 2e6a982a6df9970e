//! Calls that a service never saw, sent again.
//!
//! A service asks old connections to go, and a call may be on its way into one at that moment. Such a call was not looked at,
//! which is certain in two cases: the connection closed before the call was written to it, or the service refused the
//! stream by `REFUSED_STREAM` or a GOAWAY before it (RFC 9113, section 8.7). Then, and only then, it is sent again, whatever it
//! does; gRPC calls this a transparent retry (gRFC A6), which the gRPC library lacks.

use std::{
    error::Error,
    task::{Context, Poll},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use tonic::{body::Body, transport::Channel};
use tower::{Service, ServiceExt as _};

/// How often a call is sent at most. Each time is on a new connection, which may be asked to go as well.
const ATTEMPTS: usize = 4;

type Cause = Box<dyn Error + Send + Sync>;

/// A channel whose calls are sent again when they were not seen. Their messages are held meanwhile; the gateway has read
/// them whole anyway.
#[derive(Debug, Clone)]
pub(crate) struct Resending(Channel);

impl From<Channel> for Resending {
    fn from(channel: Channel) -> Self {
        Self(channel)
    }
}

impl Service<Request<Body>> for Resending {
    type Response = Response<Body>;
    type Error = Cause;
    type Future = BoxFuture<'static, Result<Response<Body>, Cause>>;

    /// The channel is awaited for each attempt.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Cause>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        send(self.0.clone(), request).boxed()
    }
}

async fn send(channel: Channel, request: Request<Body>) -> Result<Response<Body>, Cause> {
    let (parts, body) = request.into_parts();
    let message = body.collect().await?.to_bytes();
    let mut attempt = 1;
    loop {
        let body = Body::new(Full::new(message.clone()));
        let request = Request::from_parts(parts.clone(), body);
        match channel.clone().oneshot(request).await {
            Err(error) if attempt < ATTEMPTS && was_never_seen(&error) => {
                tracing::debug!(%error, attempt, "a call met a connection that ended; sending it again");
                attempt += 1;
            }
            answered => return Ok(answered?),
        }
    }
}

/// Whether it is certain that the service has not looked at a call.
fn was_never_seen(error: &(dyn Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| Error::source(*error));
    causes.any(|cause| {
        let unsent = cause.downcast_ref::<hyper::Error>();
        let refused = cause.downcast_ref::<h2::Error>();
        unsent.is_some_and(hyper::Error::is_canceled) || refused.is_some_and(was_refused)
    })
}

fn was_refused(error: &h2::Error) -> bool {
    let reason = error.reason();
    let refused = error.is_reset() && reason == Some(h2::Reason::REFUSED_STREAM);
    // Only streams after the last one the service will answer end with the GOAWAY itself.
    let after_the_last = error.is_go_away() && reason == Some(h2::Reason::NO_ERROR);
    error.is_remote() && (refused || after_the_last)
}
