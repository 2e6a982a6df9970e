//! `grpc.health.v1`: what a server tells those who route calls to it.
//!
//! The names are "" (the whole server), the full name of each service, [`READINESS`] and [`LIVENESS`]. All but the last
//! share one state: the services of a process are ready together, because what they wait for is common to them.
//! Liveness depends on nothing but the process, so that an outage of the database does not get it restarted.
//!
//! The rules are those of `health.proto`: Check of an unknown name is `NOT_FOUND`; Watch of one answers
//! `SERVICE_UNKNOWN` and stays open; Watch tells the current status at once, then each change, and nothing twice in a
//! row. Changes that follow each other faster than a client reads may be merged into the last one.

mod readiness;

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, stream, stream::BoxStream};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

pub use self::readiness::Readiness;
use crate::metrics::READY;
use contract::proto::health::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
    health_check_response::ServingStatus,
    health_server::{self, HealthServer},
};
use telemetry::metrics::Metrics;

/// The name that is `SERVING` for as long as the process runs.
pub const LIVENESS: &str = "liveness";

/// The name for Kubernetes' readiness probe; the same status as "".
pub const READINESS: &str = "readiness";

/// The health of one server: the handle that changes it and the service that tells it. Clones share their state.
#[derive(Debug, Clone)]
pub struct Health {
    state: watch::Sender<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// What stands in the way while it is not ready.
    failing: Vec<&'static str>,
    /// Every name but [`LIVENESS`].
    names: BTreeSet<String>,
}

/// Whether a server is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Ready,
    /// It is not; the conditions that fail, by name.
    NotReady(Vec<&'static str>),
    /// It stops, and will not be again.
    Draining,
}

/// In the order in which a server goes through them; it returns from the first two only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    NotReady,
    Ready,
    Draining,
    Closed,
}

impl Health {
    /// The health of a server that offers `services` (full names). Only [`LIVENESS`] is `SERVING` yet.
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

    /// Adds a service (full name) to a running server; those who watch the name already are told.
    pub fn add_service(&self, service: &str) {
        self.state
            .send_if_modified(|state| state.names.insert(service.to_owned()));
    }

    /// Sets every name but [`LIVENESS`]. Has no effect once the server drains.
    pub fn set_ready(&self, ready: bool) {
        self.enter(if ready { Phase::Ready } else { Phase::NotReady });
    }

    /// Makes every name but [`LIVENESS`] `NOT_SERVING` for good, and tells those who watch.
    pub fn drain(&self) {
        self.enter(Phase::Draining);
    }

    /// Drains, and ends all Watch streams once they have told it, so that they do not hold up a graceful stop. A later
    /// Watch gets its first message and ends.
    pub fn close(&self) {
        self.enter(Phase::Closed);
    }

    /// Sets every name but [`LIVENESS`] by what fails: ready when nothing does.
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

    /// Whether the server is ready, and why not.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let state = self.state.borrow();
        match state.phase {
            Phase::Ready => Verdict::Ready,
            Phase::NotReady => Verdict::NotReady(state.failing.clone()),
            Phase::Draining | Phase::Closed => Verdict::Draining,
        }
    }

    /// Tells `metrics` whether the server is ready.
    pub fn tell(&self, metrics: &Metrics) {
        let state = self.state.subscribe();
        metrics.gauge(&READY, move || {
            let ready = state.borrow().phase == Phase::Ready;
            vec![(f64::from(u8::from(ready)), Vec::new())]
        });
    }

    /// Whether "" is `SERVING`.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.state.borrow().phase == Phase::Ready
    }

    /// The gRPC service.
    #[must_use]
    pub fn service(&self) -> HealthServer<Self> {
        HealthServer::new(self.clone())
    }

    fn enter(&self, next: Phase) {
        self.state.send_if_modified(|state| state.enter(next));
    }
}

impl State {
    /// Enters a phase, if there is a way from this one to it; whether that changes anything.
    fn enter(&mut self, next: Phase) -> bool {
        let allowed = self.phase < Phase::Draining || self.phase < next;
        let changes = allowed && self.phase != next;
        if changes {
            self.phase = next;
        }
        changes
    }

    /// The status of `name`, or `None` for an unknown one.
    fn status(&self, name: &str) -> Option<ServingStatus> {
        match name {
            LIVENESS => Some(ServingStatus::Serving),
            name if !self.names.contains(name) => None,
            _ if self.phase == Phase::Ready => Some(ServingStatus::Serving),
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
            told: None,
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
    told: Option<ServingStatus>,
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
            if self.told != Some(status) {
                self.told = Some(status);
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
