//! What requests tell: counted when their answer has been handed over or their client has gone.

use http::{Method, StatusCode};
use shared::metrics::{
    BoundHistogram, BoundUpDownCounter, Counter, CounterBy, KeyValue, Metrics, code_name,
    definitions::{
        CODE, GATEWAY_DURATION, GATEWAY_IN_FLIGHT, GATEWAY_REQUESTS, GATEWAY_UPSTREAM_ERRORS,
        HTTP_STATUS,
    },
    labels::{Label as _, Route, Upstream},
};
use tokio::time::Instant;
use tonic::Code;

/// The code of what is no call.
const NO_CALL: &str = "-";

/// Counts the requests of a gateway.
#[derive(Debug)]
pub(crate) struct Meter {
    requests: Counter<u64>,
    duration: Vec<BoundHistogram<f64>>,
    in_flight: BoundUpDownCounter<i64>,
    upstream_errors: CounterBy<Upstream>,
}

/// What a request is for.
pub(crate) fn route(method: &Method, path: &str) -> Route {
    if method == Method::OPTIONS {
        return Route::Preflight;
    }
    match path {
        "/" => Route::Info,
        "/health" => Route::Health,
        "/.well-known/jwks.json" => Route::Jwks,
        path if path.starts_with("/tandem.auth.v1.") => Route::Auth,
        path if path.starts_with("/tandem.task.v1.") => Route::Task,
        _ => Route::Other,
    }
}

impl Meter {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let duration = |route: &&'static str| {
            metrics.histogram(&GATEWAY_DURATION, &[KeyValue::new(Route::NAME, *route)])
        };
        let meter = Self {
            requests: metrics.counter(&GATEWAY_REQUESTS),
            duration: Route::VALUES.iter().map(duration).collect(),
            in_flight: metrics.level(&GATEWAY_IN_FLIGHT, &[]),
            upstream_errors: metrics.counters(&GATEWAY_UPSTREAM_ERRORS),
        };
        meter.begin_at_zero();
        meter
    }

    /// What is expected is there from the start.
    fn begin_at_zero(&self) {
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
        for route in [Route::Health, Route::Jwks, Route::Info, Route::Preflight] {
            self.requests.add(0, &labels(route, ok, NO_CALL));
        }
        let missing = Some(StatusCode::NOT_FOUND);
        self.requests
            .add(0, &labels(Route::Other, missing, NO_CALL));
    }

    /// A request has arrived.
    pub(crate) fn begin(&self) {
        self.in_flight.add(1);
    }

    /// It has ended, with an HTTP status if it got that far and a gRPC status if it was a call.
    pub(crate) fn end(
        &self,
        route: Route,
        start: Instant,
        status: Option<StatusCode>,
        grpc: Option<Code>,
    ) {
        self.in_flight.add(-1);
        self.duration[route.number()].record(start.elapsed().as_secs_f64());
        let code = grpc.map_or(NO_CALL, code_name);
        self.requests.add(1, &labels(route, status, code));
    }

    /// The service behind `route` did not answer.
    pub(crate) fn upstream_error(&self, path: &str) {
        match route(&Method::POST, path) {
            Route::Auth => self.upstream_errors.add(Upstream::Auth),
            Route::Task => self.upstream_errors.add(Upstream::Task),
            _ => {}
        }
    }
}

/// 0 stands for no status: the client went away before there was one.
fn labels(route: Route, status: Option<StatusCode>, code: &'static str) -> [KeyValue; 3] {
    let status = status.map_or(0, |status| i64::from(status.as_u16()));
    [
        KeyValue::new(Route::NAME, Route::VALUES[route.number()]),
        KeyValue::new(HTTP_STATUS, status),
        KeyValue::new(CODE, code),
    ]
}
