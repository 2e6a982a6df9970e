//! What every request passes before its route, in this order: the access log, the rest of a body that nobody reads, the check of
//! `Host`, and the close of connections while the gateway is stopping.
//!
//! It is one service around the router, and one future for all steps: layers of the router itself would copy each other, one box for
//! each, with every request.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{Router, body::Body, extract::Request, response::Response};
use contract::reason::Reason;
use futures_util::{FutureExt as _, future::BoxFuture};
use hyper::body::Incoming;
use serving::host;
use tower::ServiceExt as _;
use transport::unread::{self, Unread};

use crate::{
    connect,
    draining::close_http1,
    monitoring::{self, AccessLog},
    state::GatewayState,
};

/// The gateway as one service. Clones share it.
#[derive(Clone)]
pub(crate) struct Entry(Arc<EntryInner>);

struct EntryInner {
    log: AccessLog,
    state: GatewayState,
    router: Router,
}

impl Entry {
    /// The access log is the outermost step, so that it includes every refusal.
    pub(crate) fn new(log: AccessLog, state: GatewayState, router: Router) -> Self {
        Self(Arc::new(EntryInner { log, state, router }))
    }

    async fn answer(self, request: http::Request<Incoming>) -> Response {
        let entry = &*self.0;
        let (request, unread) = unread::watch(request);
        let answer = |request| entry.answer_before(request, unread);
        monitoring::record(&entry.log, request.map(Body::new), answer).await
    }
}

impl EntryInner {
    /// A client that is still sending gets its answer too.
    async fn answer_before(&self, request: Request, unread: Unread<Incoming>) -> Response {
        let answer = self.route(request).await;
        unread.discard_before(answer, Body::new).await
    }

    async fn route(&self, request: Request) -> Response {
        let version = request.version();
        if let Some(page) = host::refuse(version, request.headers()) {
            let mut refusal = connect::host_refusal(&self.state, &request, page);
            refusal.extensions_mut().insert(Reason::RequestMalformed);
            return refusal;
        }
        let mut answer = match self.router.clone().oneshot(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        close_http1(&self.state.draining, version, &mut answer);
        answer
    }
}

impl tower::Service<http::Request<Incoming>> for Entry {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Incoming>) -> Self::Future {
        self.clone().answer(request).map(Ok).boxed()
    }
}
