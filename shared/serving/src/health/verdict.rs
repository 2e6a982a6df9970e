//! Whether a server is ready, judged in one place.

use http::StatusCode;

/// Whether a server is ready. `grpc.health.v1`, `/readyz` and the metric `tandem.ready` are derived from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadinessVerdict {
    /// It is.
    Ready,
    /// It is not; the names of the conditions that fail.
    NotReady(Vec<&'static str>),
    /// It is stopping and will not be ready again.
    Draining,
}

impl ReadinessVerdict {
    /// The verdict of a server that is not stopping: ready when no condition fails.
    #[must_use]
    pub fn from_failing(failing: Vec<&'static str>) -> Self {
        if failing.is_empty() {
            Self::Ready
        } else {
            Self::NotReady(failing)
        }
    }

    /// Whether the server may receive calls.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        *self == Self::Ready
    }

    /// The code of an HTTP answer to a readiness probe: 200 or 503.
    #[must_use]
    pub fn http_status(&self) -> StatusCode {
        if self.is_ready() {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }

    /// The verdict in words: `ready`, `not ready` or `draining`.
    #[must_use]
    pub fn text(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NotReady(_) => "not ready",
            Self::Draining => "draining",
        }
    }

    /// The names of the conditions that fail; empty unless it is [`ReadinessVerdict::NotReady`].
    #[must_use]
    pub fn failing(&self) -> &[&'static str] {
        match self {
            Self::NotReady(failing) => failing,
            Self::Ready | Self::Draining => &[],
        }
    }
}
