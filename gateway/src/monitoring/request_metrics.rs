//! The metrics of requests. A request is counted after its answer was sent or when its client went away.

use std::sync::Arc;

use crate::metrics::{
    GATEWAY_DURATION, GATEWAY_IN_FLIGHT, GATEWAY_REQUESTS, GATEWAY_UPSTREAM_ERRORS, HTTP_STATUS,
    Route, Upstream,
};
use contract::{code::code_name, reason::Reason};
use http::{Method, StatusCode};
use telemetry::metrics::{
    BoundHistogram, BoundUpDownCounter, Counter, CounterBy, KeyValue, Metrics, definitions::CODE,
    labels::Label as _,
};
use tokio::time::Instant;
use tonic::Code;

use crate::routes::{self, Service};

/// The gRPC code of a request that is not a call.
const NOT_A_CALL: &str = "-";

/// The counters of requests.
#[derive(Debug)]
pub(crate) struct RequestMetrics {
    requests: Counter<u64>,
    duration: Vec<BoundHistogram<f64>>,
    in_flight: BoundUpDownCounter<i64>,
    upstream_errors: CounterBy<Upstream>,
}

/// The label of the request's route.
pub(super) fn route(method: &Method, path: &str) -> Route {
    if method == Method::OPTIONS {
        return Route::Preflight;
    }
    match path {
        routes::INFO => Route::Info,
        routes::HEALTH => Route::Health,
        routes::JWKS => Route::Jwks,
        path if routes::is_metadata(path) => Route::Metadata,
        path if routes::is_rest(path) => Route::Rest,
        path if routes::is_docs(path) => Route::Docs,
        path => match Service::of(path) {
            Some(Service::Auth) => Route::Auth,
            Some(Service::Task) => Route::Task,
            None => Route::Other,
        },
    }
}

impl RequestMetrics {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let duration = |route: &&'static str| {
            metrics.histogram(&GATEWAY_DURATION, &[KeyValue::new(Route::NAME, *route)])
        };
        let metrics = Self {
            requests: metrics.counter(&GATEWAY_REQUESTS),
            duration: Route::VALUES.iter().map(duration).collect(),
            in_flight: metrics.level(&GATEWAY_IN_FLIGHT, &[]),
            upstream_errors: metrics.counters(&GATEWAY_UPSTREAM_ERRORS),
        };
        metrics.create_expected_series();
        metrics
    }

    /// The series that alerts and dashboards use exist from the start, with the value zero.
    fn create_expected_series(&self) {
        let ok = Some(StatusCode::OK);
        for route in [Route::Auth, Route::Task] {
            for code in [
                Code::Ok,
                Code::Unavailable,
                Code::Internal,
                Code::DeadlineExceeded,
            ] {
                self.requests.add(0, &labels(route, ok, code_name(code)));
            }
        }
        for route in [
            Route::Health,
            Route::Jwks,
            Route::Metadata,
            Route::Info,
            Route::Rest,
            Route::Docs,
            Route::Preflight,
        ] {
            self.requests.add(0, &labels(route, ok, NOT_A_CALL));
        }
        let not_found = Some(StatusCode::NOT_FOUND);
        self.requests
            .add(0, &labels(Route::Other, not_found, NOT_A_CALL));
    }

    /// A request has arrived.
    pub(super) fn start(&self) {
        self.in_flight.add(1);
    }

    /// A request has ended. It has an HTTP status if it was answered, and a gRPC code if it was a call.
    pub(super) fn end(
        &self,
        route: Route,
        start: Instant,
        status: Option<StatusCode>,
        code: Option<Code>,
    ) {
        self.in_flight.add(-1);
        self.duration[route.number()].record(start.elapsed().as_secs_f64());
        let code = code.map_or(NOT_A_CALL, code_name);
        self.requests.add(1, &labels(route, status, code));
    }
}

/// Counts a call that its service does not answer, or does not answer to the end.
#[derive(Debug, Clone)]
pub(crate) struct LossCounter {
    metrics: Arc<RequestMetrics>,
    upstream: Upstream,
}

impl LossCounter {
    /// For a call to this service.
    pub(crate) fn new(metrics: &Arc<RequestMetrics>, service: Service) -> Self {
        Self {
            metrics: Arc::clone(metrics),
            upstream: match service {
                Service::Auth => Upstream::Auth,
                Service::Task => Upstream::Task,
            },
        }
    }

    /// Counts the call, if the service is the reason why the gateway refuses it.
    pub(crate) fn count(&self, reason: Reason) {
        if reason == Reason::UpstreamUnavailable {
            self.metrics.upstream_errors.add(self.upstream);
        }
    }
}

/// Without a status, because the client went away before there was one, the label is 0.
fn labels(route: Route, status: Option<StatusCode>, code: &'static str) -> [KeyValue; 3] {
    let status = status.map_or(0, |status| i64::from(status.as_u16()));
    [
        KeyValue::new(Route::NAME, Route::VALUES[route.number()]),
        KeyValue::new(HTTP_STATUS, status),
        KeyValue::new(CODE, code),
    ]
}
