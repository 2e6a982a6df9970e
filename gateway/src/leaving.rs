//! What a gateway that was asked to stop tells those who use it, while it still serves: the time for them to go elsewhere.

use std::time::Duration;

use axum::{extract::State, middleware::Next, response::Response};
use http::{HeaderValue, Request, Version, header::CONNECTION};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Whether the gateway was asked to stop. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leaving(CancellationToken);

impl Leaving {
    /// Resolves `pause` after `shutdown`, and tells from `shutdown` on.
    pub(crate) async fn after(self, shutdown: impl Future<Output = ()>, pause: Duration) {
        shutdown.await;
        self.0.cancel();
        if !pause.is_zero() {
            tracing::info!(?pause, "leaving");
            sleep(pause).await;
        }
    }

    /// Whether it was asked to stop.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.is_cancelled()
    }
}

/// Closes connections of HTTP/1.1 with their next answer, so that none is closed while a request is on its way to it.
/// Those of HTTP/2 are told by GOAWAY, which loses no request.
pub(crate) async fn tell(
    State(leaving): State<Leaving>,
    request: Request<axum::body::Body>,
    next: Next,
) -> Response {
    let keeps_alive = request.version() <= Version::HTTP_11;
    let mut response = next.run(request).await;
    if keeps_alive && leaving.is_asked() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}
