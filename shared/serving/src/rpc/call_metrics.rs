//! Counts calls, and logs each when it ends. The series of each method and code are bound once, not for each call.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
};

use contract::{code::NAMES, reason::Reason};
use http::{HeaderMap, Response};
use http_body::{Frame, SizeHint};
use telemetry::metrics::{
    BoundCounter, BoundHistogram, BoundUpDownCounter, Counter, CounterBy, Histogram, KeyValue,
    Metrics,
    definitions::{CODE, METHOD},
    label,
};
use tokio::time::Instant;
use tonic::{Code, body::Body};
use verifier::{Claims, TokenError};

use super::refusal_details;
use crate::access_line::AccessLine;
use crate::metrics::{
    RPC_DURATION, RPC_HANDLED, RPC_IN_FLIGHT, RPC_REFUSED, RPC_STARTED, SYSTEM, TOKENS_CHECKED,
    TokenCheck,
};

/// Codes that no method answers on purpose. Their series begin with the first call that ends with them.
const RARE_CODES: [Code; 3] = [Code::Unknown, Code::OutOfRange, Code::DataLoss];

/// The metrics of the calls of a server.
#[derive(Debug)]
pub(crate) struct RpcMetrics {
    methods: Vec<Arc<MethodMetrics>>,
    /// Calls of methods that are not served. Their path is text of the client, so it does not become a label.
    other: Arc<MethodMetrics>,
    refused: CounterBy<Reason>,
    tokens: CounterBy<TokenCheck>,
}

/// The metrics of the calls of one method.
#[derive(Debug)]
struct MethodMetrics {
    name: KeyValue,
    started: BoundCounter<u64>,
    in_flight: BoundUpDownCounter<i64>,
    handled: Counter<u64>,
    duration: Histogram<f64>,
    by_code: [OnceLock<CodeMetrics>; NAMES.len()],
}

/// The metrics of the calls of one method that end with one code.
#[derive(Debug)]
struct CodeMetrics {
    handled: BoundCounter<u64>,
    duration: OnceLock<BoundHistogram<f64>>,
}

/// One call. It counts as in flight until it is finished or dropped.
#[derive(Debug)]
pub(super) struct CallMetrics {
    method: Arc<MethodMetrics>,
    arrival: Instant,
    finished: bool,
    /// Logged when the call is finished; none for a call that is not logged.
    pub(super) line: Option<AccessLine>,
}

impl RpcMetrics {
    /// Counts the calls of `methods`: full names, in the order of their numbers.
    pub(crate) fn new<'a>(metrics: &Metrics, methods: impl IntoIterator<Item = &'a str>) -> Self {
        let of_method = |name: &str| Arc::new(MethodMetrics::new(metrics, name.to_owned()));
        Self {
            methods: methods.into_iter().map(of_method).collect(),
            other: of_method("_OTHER"),
            refused: metrics.counters(&RPC_REFUSED),
            tokens: metrics.counters(&TOKENS_CHECKED),
        }
    }

    /// Counts the arrival of a call of the method with this number; `None` for a method that is not served.
    pub(super) fn begin(&self, method: Option<usize>, arrival: Instant) -> CallMetrics {
        let method = method.map_or(&self.other, |number| &self.methods[number]);
        method.started.add(1);
        method.in_flight.add(1);
        CallMetrics {
            method: Arc::clone(method),
            arrival,
            finished: false,
            line: None,
        }
    }

    /// Counts a call that was refused for `reason`.
    pub(super) fn refused(&self, reason: &str) {
        let known = Reason::ALL.iter().find(|known| known.as_str() == reason);
        if let Some(reason) = known {
            self.refused.add(*reason);
        }
    }

    /// Counts an access token that was checked.
    pub(super) fn token_checked(&self, result: &Result<Arc<Claims>, TokenError>) {
        self.tokens.add(match result {
            Ok(_) => TokenCheck::Ok,
            Err(TokenError::Invalid) => TokenCheck::Invalid,
            Err(TokenError::Expired) => TokenCheck::Expired,
            Err(TokenError::Revoked) => TokenCheck::Revoked,
            Err(TokenError::Stale | TokenError::KeysUnavailable) => TokenCheck::Unknown,
        });
    }

    /// Counts a call without an access token, or with one that cannot be read.
    pub(super) fn token_unreadable(&self, missing: bool) {
        self.tokens.add(if missing {
            TokenCheck::Missing
        } else {
            TokenCheck::Invalid
        });
    }
}

impl MethodMetrics {
    fn new(registry: &Metrics, name: String) -> Self {
        let name = label(METHOD, name);
        let of_method = std::slice::from_ref(&name);
        let metrics = Self {
            started: registry.count(&RPC_STARTED, of_method),
            in_flight: registry.level(&RPC_IN_FLIGHT, of_method),
            handled: registry.counter(&RPC_HANDLED),
            duration: registry.distribution(&RPC_DURATION),
            by_code: [const { OnceLock::new() }; NAMES.len()],
            name,
        };
        for number in 0..NAMES.len() {
            if !RARE_CODES.iter().any(|rare| *rare as usize == number) {
                metrics.of_code(number);
            }
        }
        // The distributions of other codes begin with the first call that ends with them: each has a series for every bound.
        metrics.duration(Code::Ok as usize);
        metrics
    }

    fn of_code(&self, code: usize) -> &CodeMetrics {
        self.by_code[code].get_or_init(|| {
            let handled = self
                .handled
                .bind(&[self.name.clone(), label(CODE, NAMES[code])]);
            handled.add(0);
            CodeMetrics {
                handled,
                duration: OnceLock::new(),
            }
        })
    }

    fn duration(&self, code: usize) -> &BoundHistogram<f64> {
        self.of_code(code).duration.get_or_init(|| {
            let labels = [
                label(SYSTEM, "grpc"),
                self.name.clone(),
                label(CODE, NAMES[code]),
            ];
            self.duration.bind(&labels)
        })
    }
}

impl CallMetrics {
    /// Counts the end of a call that was answered: a stream ends with its last frame, any other call at once.
    pub(super) fn count(mut self, answer: Response<Body>, streaming: bool) -> Response<Body> {
        match refusal_details::code(&answer) {
            None if streaming => answer.map(|body| self.follow(body)),
            code => {
                self.finish(code.unwrap_or(Code::Ok));
                answer
            }
        }
    }

    fn finish(&mut self, code: Code) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let took = self.arrival.elapsed();
        if let Some(line) = &mut self.line {
            line.code = Some(code);
            line.log(took);
        }
        let code = code as usize;
        self.method.in_flight.add(-1);
        self.method.of_code(code).handled.add(1);
        self.method.duration(code).record(took.as_secs_f64());
    }

    /// The same body, whose last frame ends the call.
    fn follow(self, body: Body) -> Body {
        Body::new(CountedBody { body, call: self })
    }
}

impl Drop for CallMetrics {
    fn drop(&mut self) {
        // It was dropped before its end: the client went away.
        self.finish(Code::Cancelled);
    }
}

/// The body of a stream, whose end is counted.
struct CountedBody {
    body: Body,
    call: CallMetrics,
}

impl http_body::Body for CountedBody {
    type Data = <Body as http_body::Body>::Data;
    type Error = <Body as http_body::Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(code) = frame.trailers_ref().and_then(code) {
                    self.call.finish(code);
                }
            }
            Some(Err(_)) => self.call.finish(Code::Unknown),
            None => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn code(trailers: &HeaderMap) -> Option<Code> {
    let status = trailers.get("grpc-status")?;
    Some(Code::from_bytes(status.as_bytes()))
}
