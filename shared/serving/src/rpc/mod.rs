//! The road every call takes before it reaches a method, and the way its answer takes back.
//!
//! arrival → deadline → admission → access policy → method; back: a refusal is completed (every one carries `ErrorInfo`
//! and `RequestInfo`), one access line is logged. One tower service holds all of it, so that the order can be read in one
//! place and a call costs one boxed future.

mod complete;
mod ending;
mod line;
mod opening;
mod traced;

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use http::{HeaderValue, Request, Response};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, body::Body};
use tower::Service;
use tracing::Instrument as _;

use crate::{
    access::{Access, AccessPolicy, Rpc},
    caller::{Call, Caller, ServiceCaller},
    meter::{CallMeter, RpcMeter},
    service_secrets::ServiceSecrets,
};
use contract::refusal::{Reason, refuse_plainly};
use telemetry::trace::{self, Span, Tracing};
use transport::{connections::StreamsEnd, network::Network};
use verifier::{Purpose, Verifier, bearer};

/// How old what is known of revocations was when a token was accepted all the same; absent when it was not stale.
const STALENESS: &str = "tandem-revocation-staleness-ms";

/// What the road knows: shared by all connections of a server.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) policy: AccessPolicy,
    pub(crate) verifier: Verifier,
    /// What services are known by.
    pub(crate) secrets: ServiceSecrets,
    /// Calls under way at once.
    pub(crate) admission: Semaphore,
    /// Longest a unary call may take, from its arrival.
    pub(crate) longest: Duration,
    /// Proxies that are believed about whom they were called by.
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) meter: RpcMeter,
    /// Which calls are traced.
    pub(crate) tracing: Tracing,
    /// Ends what is still under way when a drain has lasted long enough.
    pub(crate) abort: CancellationToken,
}

/// The road in front of a service.
#[derive(Debug, Clone)]
pub(crate) struct Road<S> {
    pub(crate) rules: Arc<Rules>,
    pub(crate) inner: S,
}

impl<S> Service<Request<Body>> for Road<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The instance that was polled ready is the one that is called.
        let fresh = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, fresh);
        let rules = Arc::clone(&self.rules);
        async move { Ok(rules.travel(inner, request).await) }.boxed()
    }
}

impl Rules {
    async fn travel<S>(&self, inner: S, request: Request<Body>) -> Response<Body>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        let arrival = Instant::now();
        let path = request.uri().path().to_owned();
        let rpc = self.policy.find(&path);
        let meter = self.meter.begin(rpc.map(|rpc| rpc.number), arrival);
        let opened = opening::open(&request, arrival, self.longest(rpc), &self.trusted_proxies);
        let trace = traced::begin(&self.tracing, &self.trusted_proxies, rpc, &request);
        let span = tracing::info_span!(
            "rpc",
            request_id = opened.call.request_id,
            trace_id = trace.id.map(tracing::field::display)
        );
        let request_id = opened.call.request_id.clone();
        let peer = opened.call.peer;
        let ends = request.extensions().get::<StreamsEnd>().cloned();
        let mut caller = None;
        let answered = match self.admit(rpc, opened, request, &mut caller) {
            Ok((_permit, call, request)) => {
                let parent = trace.span.as_ref().map(Span::parent);
                trace::within(parent, self.answer(inner, call.deadline, request))
                    .instrument(span.clone())
                    .await
            }
            Err(status) => status.into_http(),
        };
        let (mut answer, reason) = span.in_scope(|| complete::complete(answered, &request_id));
        if rpc.is_some_and(|rpc| rpc.streaming)
            && let Some(ends) = ends
        {
            answer = ending::end_with(answer, ends, request_id.clone());
        }
        if let Some(age) = caller.and_then(|_| self.verifier.staleness()) {
            let age = HeaderValue::from(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
            answer.headers_mut().insert(STALENESS, age);
        }
        if !rpc.is_some_and(|rpc| rpc.infrastructure) {
            span.in_scope(|| {
                line::log(
                    &path,
                    rpc,
                    &answer,
                    reason.as_deref(),
                    arrival,
                    peer,
                    caller,
                );
            });
        }
        let answer = self.count(rpc, meter, answer, reason.as_deref());
        traced::end(trace.span, answer, &request_id, reason.as_deref())
    }

    /// Counts a call that was answered; a stream when it ends.
    fn count(
        &self,
        rpc: Option<Rpc>,
        mut meter: CallMeter,
        answer: Response<Body>,
        reason: Option<&str>,
    ) -> Response<Body> {
        if let Some(reason) = reason {
            self.meter.refuse(reason);
        }
        match complete::code(&answer) {
            None if rpc.is_some_and(|rpc| rpc.streaming) => answer.map(|body| meter.follow(body)),
            code => {
                meter.finish(code.unwrap_or(Code::Ok));
                answer
            }
        }
    }

    /// Streams live as long as their client likes; unary calls are bounded.
    fn longest(&self, rpc: Option<Rpc>) -> Option<Duration> {
        match rpc {
            Some(rpc) if rpc.streaming => None,
            _ => Some(self.longest),
        }
    }

    /// Lets a call in: with a place among those under way, with its caller verified.
    fn admit(
        &self,
        rpc: Option<Rpc>,
        opened: opening::Opened,
        mut request: Request<Body>,
        seen: &mut Option<Caller>,
    ) -> Result<(Option<SemaphorePermit<'_>>, Call, Request<Body>), Status> {
        let call = opened.call;
        if let Some(problem) = opened.problem {
            return Err(problem);
        }
        let permit = match rpc {
            Some(rpc) if rpc.infrastructure => None,
            _ => Some(
                self.admission
                    .try_acquire()
                    .map_err(|_full| refuse_plainly(Reason::Overloaded))?,
            ),
        };
        match rpc.map(|rpc| (rpc.access, rpc.purpose)) {
            Some((Access::Token(scope), purpose)) => {
                let caller = self.caller(&request, purpose)?;
                *seen = Some(caller);
                if !caller.scopes.contains(scope) {
                    return Err(refuse_plainly(Reason::ScopeMissing));
                }
                request.extensions_mut().insert(caller);
            }
            Some((Access::Service, _)) => {
                let service = self.service(&request)?;
                request.extensions_mut().insert(service);
            }
            Some((Access::Public, _)) | None => {}
        }
        request.extensions_mut().insert(call.clone());
        Ok((permit, call, request))
    }

    /// Whether the request bears the secret of a service.
    fn service(&self, request: &Request<Body>) -> Result<ServiceCaller, Status> {
        if self.secrets.admit(credential(request)?) {
            return Ok(ServiceCaller::admitted());
        }
        Err(refuse_plainly(Reason::TokenInvalid))
    }

    /// Who holds the bearer token of the request.
    fn caller(&self, request: &Request<Body>, purpose: Purpose) -> Result<Caller, Status> {
        let token = credential(request).inspect_err(|_none| {
            let sent = request.headers().get(http::header::AUTHORIZATION);
            self.meter.unreadable(sent.is_none());
        })?;
        let verified = self.verifier.verify(token, purpose);
        self.meter.checked(&verified);
        let claims = verified.map_err(|error| refuse_plainly(error.into()))?;
        Ok(Caller::from(&*claims))
    }

    /// The method's answer, or why there is none in time.
    async fn answer<S>(&self, inner: S, deadline: Instant, request: Request<Body>) -> Response<Body>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        let mut inner = inner;
        let method = AssertUnwindSafe(inner.call(request)).catch_unwind();
        tokio::select! {
            biased;
            answered = method => match answered {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                // The panic hook has logged it.
                Err(_panic) => refuse_plainly(Reason::Internal).into_http(),
            },
            () = tokio::time::sleep_until(deadline) => refuse_plainly(Reason::DeadlineExceeded).into_http(),
            () = self.abort.cancelled() => refuse_plainly(Reason::Draining).into_http(),
        }
    }
}

/// What the request bears (RFC 6750).
fn credential(request: &Request<Body>) -> Result<&str, Status> {
    let mut sent = request
        .headers()
        .get_all(http::header::AUTHORIZATION)
        .iter();
    let header = match (sent.next(), sent.next()) {
        (None, _) => return Err(refuse_plainly(Reason::TokenMissing)),
        (Some(header), None) => header,
        (Some(_), Some(_)) => return Err(refuse_plainly(Reason::TokenInvalid)),
    };
    header
        .to_str()
        .ok()
        .and_then(bearer)
        .ok_or_else(|| refuse_plainly(Reason::TokenInvalid))
}
