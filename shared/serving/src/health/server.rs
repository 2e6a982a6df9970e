//! The state of the health of a server, and the gRPC service that reports it.

use std::collections::BTreeSet;

use contract::proto::health::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
    health_check_response::ServingStatus,
    health_server::{self, HealthServer},
};
use futures_util::{StreamExt as _, stream, stream::BoxStream};
use telemetry::metrics::Metrics;
use tokio::sync::watch;
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status};

use super::verdict::ReadinessVerdict;
use crate::metrics::READY;

/// The name that is `SERVING` for as long as the process runs.
pub const LIVENESS: &str = "liveness";

/// The name for Kubernetes' readiness probe; the same status as "".
pub const READINESS: &str = "readiness";

/// The largest request. The names of services are shorter, and a Watch keeps its name for as long as it is open.
const MAX_REQUEST_BYTES: usize = 1024;

/// The health of one server: the handle that changes it, and the gRPC service that reports it. Clones share their state.
#[derive(Debug, Clone)]
pub struct Health {
    state: watch::Sender<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// The conditions that fail while it is not ready.
    failing: Vec<&'static str>,
    /// Every name but [`LIVENESS`].
    names: BTreeSet<String>,
}

/// The phases of a server, in their order. Only `Ready` can go back to the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    NotReady,
    Ready,
    Draining,
    Closed,
}

impl Health {
    /// The health of a server that offers `services` (full names). At first only [`LIVENESS`] is `SERVING`.
    #[must_use]
    pub fn new<'a>(services: impl IntoIterator<Item = &'a str>) -> Self {
        let names = ["", READINESS].into_iter().chain(services);
        let state = State {
            phase: Phase::NotReady,
            failing: vec!["start"],
            names: names.map(str::to_owned).collect(),
        };
        Self {
            state: watch::Sender::new(state),
        }
    }

    /// Adds a service (full name) to a running server. Open watches of that name receive its status.
    pub fn add_service(&self, service: &str) {
        self.state
            .send_if_modified(|state| state.names.insert(service.to_owned()));
    }

    /// Sets the status of every name but [`LIVENESS`]. It has no effect once the server is draining.
    pub fn set_ready(&self, ready: bool) {
        self.enter(if ready { Phase::Ready } else { Phase::NotReady });
    }

    /// Makes every name but [`LIVENESS`] permanently `NOT_SERVING`. Open watches receive that.
    pub fn drain(&self) {
        self.enter(Phase::Draining);
    }

    /// Drains, and ends all Watch streams after they have sent it, so that they do not delay a graceful stop. A later Watch
    /// gets its first message and ends.
    pub fn close(&self) {
        self.enter(Phase::Closed);
    }

    /// Sets the status of every name but [`LIVENESS`] from the conditions that fail: ready when none does.
    pub(crate) fn set_failing(&self, failing: Vec<&'static str>) {
        let next = if failing.is_empty() {
            Phase::Ready
        } else {
            Phase::NotReady
        };
        self.state.send_if_modified(|state| {
            state.failing = failing;
            state.enter(next)
        });
    }

    /// Whether the server is ready, and if not, why.
    #[must_use]
    pub fn verdict(&self) -> ReadinessVerdict {
        self.state.borrow().verdict()
    }

    /// Registers in `metrics` the gauge that says whether the server is ready.
    pub fn register_metrics(&self, metrics: &Metrics) {
        let state = self.state.subscribe();
        metrics.gauge(&READY, move || {
            let ready = state.borrow().verdict().is_ready();
            vec![(f64::from(u8::from(ready)), Vec::new())]
        });
    }

    /// Whether "" is `SERVING`.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.verdict().is_ready()
    }

    /// The gRPC service.
    #[must_use]
    pub fn service(&self) -> HealthServer<Self> {
        HealthServer::new(self.clone())
            .max_decoding_message_size(MAX_REQUEST_BYTES)
            .accept_compressed(CompressionEncoding::Gzip)
    }

    fn enter(&self, next: Phase) {
        self.state.send_if_modified(|state| state.enter(next));
    }
}

impl State {
    /// Enters a phase if it may follow the present one. Returns whether the phase has changed.
    fn enter(&mut self, next: Phase) -> bool {
        let allowed = self.phase < Phase::Draining || self.phase < next;
        let changes = allowed && self.phase != next;
        if changes {
            self.phase = next;
        }
        changes
    }

    fn verdict(&self) -> ReadinessVerdict {
        match self.phase {
            Phase::Ready => ReadinessVerdict::Ready,
            Phase::NotReady => ReadinessVerdict::NotReady(self.failing.clone()),
            Phase::Draining | Phase::Closed => ReadinessVerdict::Draining,
        }
    }

    /// The status of `name`; `None` if the name is unknown.
    fn status(&self, name: &str) -> Option<ServingStatus> {
        match name {
            LIVENESS => Some(ServingStatus::Serving),
            name if !self.names.contains(name) => None,
            _ if self.verdict().is_ready() => Some(ServingStatus::Serving),
            _ => Some(ServingStatus::NotServing),
        }
    }
}

#[tonic::async_trait]
impl health_server::Health for Health {
    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let status = self.state.borrow().status(&request.get_ref().service);
        let status = status.ok_or_else(unknown_service)?;
        Ok(Response::new(response(status)))
    }

    async fn list(
        &self,
        _request: Request<HealthListRequest>,
    ) -> Result<Response<HealthListResponse>, Status> {
        let state = self.state.borrow();
        let names = state.names.iter().map(String::as_str).chain([LIVENESS]);
        let statuses = names
            .filter_map(|name| Some((name.to_owned(), response(state.status(name)?))))
            .collect();
        Ok(Response::new(HealthListResponse { statuses }))
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let watcher = Watcher {
            state: self.state.subscribe(),
            name: request.into_inner().service,
            last_sent: None,
        };
        let statuses = stream::unfold(watcher, Watcher::next);
        Ok(Response::new(statuses.map(response).map(Ok).boxed()))
    }
}

/// One Watch call.
struct Watcher {
    state: watch::Receiver<State>,
    name: String,
    /// The last status sent, which is not sent again.
    last_sent: Option<ServingStatus>,
}

impl Watcher {
    async fn next(mut self) -> Option<(ServingStatus, Self)> {
        loop {
            let (status, closed) = {
                let state = self.state.borrow_and_update();
                let status = state.status(&self.name);
                (status, state.phase == Phase::Closed)
            };
            let status = status.unwrap_or(ServingStatus::ServiceUnknown);
            if self.last_sent != Some(status) {
                self.last_sent = Some(status);
                return Some((status, self));
            }
            if closed || self.state.changed().await.is_err() {
                return None;
            }
        }
    }
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "health.proto fixes the code; a layer around all services adds ErrorInfo"
)]
fn unknown_service() -> Status {
    Status::not_found("no such service")
}
