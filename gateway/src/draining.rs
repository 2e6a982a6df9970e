//! The time between the request to stop and the close of the listener. The gateway still serves, and announces the stop, so
//! that clients and load balancers can move to another instance.

use std::time::Duration;

use axum::{extract::State, middleware::Next, response::Response};
use http::{HeaderValue, Request, Version, header::CONNECTION};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Whether the gateway is stopping. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draining(CancellationToken);

impl Draining {
    /// Starts draining when `shutdown` completes; resolves `pause` later.
    pub(crate) async fn after(self, shutdown: impl Future<Output = ()>, pause: Duration) {
        shutdown.await;
        self.0.cancel();
        if !pause.is_zero() {
            tracing::info!(?pause, "draining");
            sleep(pause).await;
        }
    }

    /// Whether draining has started.
    pub(crate) fn has_started(&self) -> bool {
        self.0.is_cancelled()
    }
}

/// Closes HTTP/1.1 connections with their next answer, so that none is closed while a request is on its way. HTTP/2
/// connections get a GOAWAY, which loses no request.
pub(crate) async fn close_http1(
    State(draining): State<Draining>,
    request: Request<axum::body::Body>,
    next: Next,
) -> Response {
    let is_http1 = request.version() <= Version::HTTP_11;
    let mut response = next.run(request).await;
    if is_http1 && draining.has_started() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}
