//! An open loop: calls begin at fixed times, whether or not earlier ones were answered. What is late counts from the time at which it should
//! have begun, so a slow server cannot slow its load down.

use std::{cell::RefCell, net::SocketAddr, rc::Rc, sync::Arc, thread, time::Duration};

use anyhow::Context as _;
use http::{HeaderValue, Request};
use prost::bytes::Bytes;
use tokio::{
    sync::oneshot,
    task::{JoinSet, LocalSet},
    time::{Instant, sleep_until},
};

use super::{Answer, Calls, http2::Http2};
use crate::{
    random::Random,
    rounds::{Work, count},
};

/// How often the calls that are due are sent.
const TICK: Duration = Duration::from_millis(1);
/// Calls that may wait for their answers. More are not sent, and are lost for the server as for the caller.
const MOST_WAITING: usize = 8_000;
/// The numbers of the statuses that a server with too much work gives: `DEADLINE_EXCEEDED`, `RESOURCE_EXHAUSTED`, `UNAVAILABLE`.
const REFUSALS: [&str; 3] = ["4", "8", "14"];

/// Where and how often to call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offer {
    pub(crate) address: SocketAddr,
    /// Calls a second.
    pub(crate) rate: f64,
    /// The deadline of each, which the server is told.
    pub(crate) deadline: Duration,
    pub(crate) connections: usize,
}

/// What became of the calls.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Outcome {
    /// Answered within the deadline, and right.
    pub(crate) useful: u64,
    /// Refused, late, or not sent.
    pub(crate) lost: u64,
    pub(crate) seconds: f64,
}

impl Outcome {
    fn add(&mut self, useful: bool) {
        if useful {
            self.useful += 1;
        } else {
            self.lost += 1;
        }
    }

    /// The useful calls.
    pub(crate) fn work(&self) -> Work {
        Work {
            calls: self.useful,
            seconds: self.seconds,
        }
    }
}

/// Offers calls for this long, on a thread of its own. Fails at the first answer that is wrong. A refusal is not wrong.
pub(crate) async fn offer<C: Calls>(
    calls: &Arc<C>,
    offer: Offer,
    length: Duration,
) -> anyhow::Result<Outcome> {
    let calls = Arc::clone(calls);
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || {
        // The receiver is gone when the measurement has failed elsewhere.
        let _ = sender.send(on_this_thread(&calls, offer, length));
    });
    receiver.await.context("the generator panicked")?
}

fn on_this_thread<C: Calls>(
    calls: &Arc<C>,
    offer: Offer,
    length: Duration,
) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, work(calls, offer, length))
}

async fn work<C: Calls>(calls: &Arc<C>, offer: Offer, length: Duration) -> anyhow::Result<Outcome> {
    let mut connections = Vec::new();
    for _ in 0..offer.connections {
        connections.push(Http2::connect(offer.address).await?);
    }
    let outcome = Rc::new(RefCell::new(Outcome::default()));
    let (mut waiting, mut random, mut sent) = (JoinSet::new(), Random::new(1), 0_u64);
    let began = Instant::now();
    while began.elapsed() < length {
        let due = due(offer.rate, began.elapsed());
        while sent < due {
            let intended = Duration::from_secs_f64(count(sent) / offer.rate);
            let late = began + intended + offer.deadline;
            sent += 1;
            if waiting.len() >= MOST_WAITING {
                outcome.borrow_mut().lost += 1;
                continue;
            }
            let place = usize::try_from(sent)? % connections.len();
            let (request, expected) = calls.next(&mut random);
            let (calls, outcome) = (Arc::clone(calls), Rc::clone(&outcome));
            let connection = connections[place].clone();
            waiting.spawn_local(async move {
                let useful = call(&*calls, connection, request, expected, late).await?;
                outcome.borrow_mut().add(useful);
                anyhow::Ok(())
            });
        }
        while let Some(done) = waiting.try_join_next() {
            done??;
        }
        sleep_until(Instant::now() + TICK).await;
    }
    finish(waiting, &outcome, began.elapsed()).await
}

/// Makes a call with the time that is left. Returns whether it was answered, and right, before it was late. The answer is awaited even then,
/// because a client that resets many calls would be an attack.
async fn call<C: Calls>(
    calls: &C,
    mut connection: Http2,
    mut request: Request<Bytes>,
    expected: C::Expected,
    late: Instant,
) -> anyhow::Result<bool> {
    let left = late.saturating_duration_since(Instant::now()).as_millis();
    if left == 0 {
        return Ok(false);
    }
    let left = HeaderValue::from_str(&format!("{left}m"))?;
    request.headers_mut().insert("grpc-timeout", left);
    let answer = connection.call(request).await?;
    Ok(is_useful(calls, &expected, &answer)? && Instant::now() <= late)
}

/// How many calls must have been sent after this time.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is positive, and far below 2^52 calls are made"
)]
fn due(rate: f64, elapsed: Duration) -> u64 {
    (rate * elapsed.as_secs_f64()) as u64
}

/// Waits for the calls that were sent. Those that are answered after the end count for the time of the load.
async fn finish(
    mut waiting: JoinSet<anyhow::Result<()>>,
    outcome: &RefCell<Outcome>,
    length: Duration,
) -> anyhow::Result<Outcome> {
    while let Some(done) = waiting.join_next().await {
        done??;
    }
    let outcome = *outcome.borrow();
    Ok(Outcome {
        seconds: length.as_secs_f64(),
        ..outcome
    })
}

/// Whether the answer is a right one; false for a refusal.
fn is_useful<C: Calls>(calls: &C, expected: &C::Expected, answer: &Answer) -> anyhow::Result<bool> {
    let trailers = answer.trailers.as_ref().unwrap_or(&answer.headers);
    let status = trailers.get("grpc-status");
    if status.is_some_and(|status| REFUSALS.iter().any(|refusal| status == refusal)) {
        return Ok(false);
    }
    calls.check(expected, answer)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_due_at_fixed_times() {
        let at = |milliseconds| due(1_000.0, Duration::from_millis(milliseconds));
        assert_eq!([0, 1, 10, 1_500].map(at), [0, 1, 10, 1_500]);
    }
}
