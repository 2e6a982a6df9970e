//! What calls tell, bound to method and code beforehand.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
};

use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tokio::time::Instant;
use tonic::{Code, body::Body};

use contract::{code::NAMES, reason::Reason};
use telemetry::metrics::{
    BoundCounter, BoundHistogram, BoundUpDownCounter, Counter, CounterBy, Histogram, KeyValue,
    Metrics,
    definitions::{CODE, METHOD},
    label,
};
use verifier::{Claims, TokenError};

use crate::metrics::{
    RPC_DURATION, RPC_HANDLED, RPC_IN_FLIGHT, RPC_REFUSED, RPC_STARTED, SYSTEM, TOKENS_CHECKED,
    Token,
};

/// Codes that no method answers by intent: their series begin with the first call that ends so.
const RARE: [Code; 3] = [Code::Unknown, Code::OutOfRange, Code::DataLoss];

/// Counts the calls of a server.
#[derive(Debug)]
pub(crate) struct RpcMeter {
    methods: Vec<Arc<MethodMeter>>,
    /// Calls of what is not served: their path is the client's text, so it does not become a label.
    other: Arc<MethodMeter>,
    refused: CounterBy<Reason>,
    tokens: CounterBy<Token>,
}

/// Counts the calls of one method.
#[derive(Debug)]
struct MethodMeter {
    name: KeyValue,
    started: BoundCounter<u64>,
    in_flight: BoundUpDownCounter<i64>,
    handled: Counter<u64>,
    duration: Histogram<f64>,
    ended: [OnceLock<Ended>; NAMES.len()],
}

/// Counts the calls of one method that end with one code.
#[derive(Debug)]
struct Ended {
    handled: BoundCounter<u64>,
    duration: OnceLock<BoundHistogram<f64>>,
}

/// One call, which counts as under way until it is finished or dropped.
#[derive(Debug)]
pub(crate) struct CallMeter {
    method: Arc<MethodMeter>,
    arrival: Instant,
    finished: bool,
}

impl RpcMeter {
    /// Counts the calls of `methods`, full names in the order of their numbers.
    pub(crate) fn new<'a>(metrics: &Metrics, methods: impl IntoIterator<Item = &'a str>) -> Self {
        let meter = |name: &str| Arc::new(MethodMeter::new(metrics, name.to_owned()));
        Self {
            methods: methods.into_iter().map(meter).collect(),
            other: meter("_OTHER"),
            refused: metrics.counters(&RPC_REFUSED),
            tokens: metrics.counters(&TOKENS_CHECKED),
        }
    }

    /// A call of the method of this number has arrived; of none, if it is not served.
    pub(crate) fn begin(&self, method: Option<usize>, arrival: Instant) -> CallMeter {
        let method = method.map_or(&self.other, |number| &self.methods[number]);
        method.started.add(1);
        method.in_flight.add(1);
        CallMeter {
            method: Arc::clone(method),
            arrival,
            finished: false,
        }
    }

    /// A call was refused for `reason`.
    pub(crate) fn refuse(&self, reason: &str) {
        let known = Reason::ALL.iter().find(|known| known.as_str() == reason);
        if let Some(reason) = known {
            self.refused.add(*reason);
        }
    }

    /// An access token was checked.
    pub(crate) fn checked(&self, found: &Result<Arc<Claims>, TokenError>) {
        self.tokens.add(match found {
            Ok(_) => Token::Ok,
            Err(TokenError::Invalid) => Token::Invalid,
            Err(TokenError::Expired) => Token::Expired,
            Err(TokenError::Revoked) => Token::Revoked,
            Err(TokenError::Stale | TokenError::KeysUnavailable) => Token::Unknown,
        });
    }

    /// A call brought no token, or what is none.
    pub(crate) fn unreadable(&self, missing: bool) {
        self.tokens.add(if missing {
            Token::Missing
        } else {
            Token::Invalid
        });
    }
}

impl MethodMeter {
    fn new(metrics: &Metrics, name: String) -> Self {
        let name = label(METHOD, name);
        let of_method = std::slice::from_ref(&name);
        let meter = Self {
            started: metrics.count(&RPC_STARTED, of_method),
            in_flight: metrics.level(&RPC_IN_FLIGHT, of_method),
            handled: metrics.counter(&RPC_HANDLED),
            duration: metrics.distribution(&RPC_DURATION),
            ended: [const { OnceLock::new() }; NAMES.len()],
            name,
        };
        for number in 0..NAMES.len() {
            if !RARE.iter().any(|rare| *rare as usize == number) {
                meter.ended(number);
            }
        }
        // The distributions of other codes begin with the first call that ends so: each has as many series as it has bounds.
        meter.duration(Code::Ok as usize);
        meter
    }

    fn ended(&self, code: usize) -> &Ended {
        self.ended[code].get_or_init(|| {
            let handled = self
                .handled
                .bind(&[self.name.clone(), label(CODE, NAMES[code])]);
            handled.add(0);
            Ended {
                handled,
                duration: OnceLock::new(),
            }
        })
    }

    fn duration(&self, code: usize) -> &BoundHistogram<f64> {
        self.ended(code).duration.get_or_init(|| {
            let labels = [
                label(SYSTEM, "grpc"),
                self.name.clone(),
                label(CODE, NAMES[code]),
            ];
            self.duration.bind(&labels)
        })
    }
}

impl CallMeter {
    /// The call has ended.
    pub(crate) fn finish(&mut self, code: Code) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let code = code as usize;
        self.method.in_flight.add(-1);
        self.method.ended(code).handled.add(1);
        let took = self.arrival.elapsed().as_secs_f64();
        self.method.duration(code).record(took);
    }

    /// The call ends with its stream, whose last frame says how.
    pub(crate) fn follow(self, body: Body) -> Body {
        Body::new(Followed { body, meter: self })
    }
}

impl Drop for CallMeter {
    fn drop(&mut self) {
        // Nobody waits for it any more.
        self.finish(Code::Cancelled);
    }
}

/// The body of a stream, watched for its end.
struct Followed {
    body: Body,
    meter: CallMeter,
}

impl http_body::Body for Followed {
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
                    self.meter.finish(code);
                }
            }
            Some(Err(_)) => self.meter.finish(Code::Unknown),
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
