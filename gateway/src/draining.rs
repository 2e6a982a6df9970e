//! The time between the request to stop and the close of the listener. The gateway still serves, and announces the stop, so
//! that clients and load balancers can move to another instance.

use std::time::Duration;

use axum::response::Response;
use http::{HeaderValue, Version, header::CONNECTION};
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

/// Closes the connection of HTTP/1.1 after this answer, so that no connection is closed while a request is on its way. HTTP/2
/// connections get a GOAWAY, which loses no request.
pub(crate) fn close_http1(draining: &Draining, version: Version, response: &mut Response) {
    if version <= Version::HTTP_11 && draining.has_started() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
}
