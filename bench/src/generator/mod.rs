//! A closed loop of callers: each waits for its answer, checks it, and makes the next call.
//!
//! The callers share the machine with what they measure, so they must cost little: they speak HTTP/2 through h2 and HTTP/1.1 through
//! hyper, without a layer above, on threads of their own that nothing else runs on.

mod http1;
mod http2;
mod open;

use std::{net::SocketAddr, rc::Rc, sync::Arc, thread, time::Duration};

use anyhow::Context as _;
use http::{HeaderMap, Request, StatusCode};
use prost::bytes::Bytes;
use tokio::{
    sync::oneshot,
    task::{JoinSet, LocalSet},
    time::Instant,
};

pub(crate) use self::open::{Offer, offer};
use self::{http1::Http1, http2::Http2};
use crate::{random::Random, rounds::Work};

/// The version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// A connection for each caller, kept open.
    Http1,
    /// Few connections that the callers share.
    Http2,
}

/// Where to call, and how many callers there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) wire: Wire,
    pub(crate) callers: usize,
    /// Callers of one HTTP/2 connection.
    pub(crate) streams: usize,
    pub(crate) threads: usize,
}

/// An answer with its whole body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

/// The calls that are made.
pub(crate) trait Calls: Send + Sync + 'static {
    /// What is known of the right answer.
    type Expected;

    /// The next call.
    fn next(&self, random: &mut Random) -> (Request<Bytes>, Self::Expected);

    /// Returns an error for a wrong answer.
    fn check(&self, expected: &Self::Expected, answer: &Answer) -> anyhow::Result<()>;
}

/// Makes calls for this long. Fails at the first answer that is wrong.
pub(crate) async fn run<C: Calls>(
    calls: &Arc<C>,
    target: Target,
    length: Duration,
) -> anyhow::Result<Work> {
    let mut parts = Vec::new();
    for thread in 0..target.threads {
        let (calls, share) = (Arc::clone(calls), target.share(thread));
        let (sender, receiver) = oneshot::channel();
        thread::spawn(move || {
            // The receiver is gone when another thread has failed.
            let _ = sender.send(on_this_thread(&calls, &share, length));
        });
        parts.push(receiver);
    }
    let mut work = Work {
        calls: 0,
        seconds: 0.0,
    };
    for part in parts {
        let part = part.await.context("a thread of the generator panicked")??;
        work.calls += part.calls;
        work.seconds = work.seconds.max(part.seconds);
    }
    Ok(work)
}

/// The part of the callers that one thread runs.
struct Share {
    target: Target,
    /// The numbers of the callers.
    callers: std::ops::Range<usize>,
}

impl Target {
    fn share(&self, thread: usize) -> Share {
        let first = |thread| self.callers * thread / self.threads;
        Share {
            target: *self,
            callers: first(thread)..first(thread + 1),
        }
    }
}

fn on_this_thread<C: Calls>(
    calls: &Arc<C>,
    share: &Share,
    length: Duration,
) -> anyhow::Result<Work> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, work(calls, share, length))
}

async fn work<C: Calls>(calls: &Arc<C>, share: &Share, length: Duration) -> anyhow::Result<Work> {
    let connections = connect(share).await?;
    let began = Instant::now();
    let until = began + length;
    let mut callers = JoinSet::new();
    for (number, connection) in share.callers.clone().zip(connections) {
        let (calls, random) = (Arc::clone(calls), Random::new(number as u64 + 1));
        callers.spawn_local(async move { call(&*calls, connection, random, until).await });
    }
    let mut done = 0;
    while let Some(caller) = callers.join_next().await {
        done += caller??;
    }
    Ok(Work {
        calls: done,
        seconds: began.elapsed().as_secs_f64(),
    })
}

/// What a caller calls through.
enum Connection {
    Http1(Http1),
    Http2(Http2),
}

impl Connection {
    async fn call(&mut self, request: Request<Bytes>) -> anyhow::Result<Answer> {
        match self {
            Self::Http1(connection) => connection.call(request).await,
            Self::Http2(connection) => connection.call(request).await,
        }
    }
}

/// A connection for each caller. Those of HTTP/2 are clones of few.
async fn connect(share: &Share) -> anyhow::Result<Vec<Connection>> {
    let mut connections = Vec::new();
    let mut shared: Option<Rc<Http2>> = None;
    for number in 0..share.callers.len() {
        let address = share.target.address;
        connections.push(match share.target.wire {
            Wire::Http1 => Connection::Http1(Http1::connect(address).await?),
            Wire::Http2 => {
                if number.is_multiple_of(share.target.streams) {
                    shared = Some(Rc::new(Http2::connect(address).await?));
                }
                let shared = shared.as_deref().expect("the first caller connects");
                Connection::Http2(shared.clone())
            }
        });
    }
    Ok(connections)
}

async fn call<C: Calls>(
    calls: &C,
    mut connection: Connection,
    mut random: Random,
    until: Instant,
) -> anyhow::Result<u64> {
    let mut done = 0;
    while Instant::now() < until {
        let (request, expected) = calls.next(&mut random);
        let answer = connection.call(request).await?;
        calls.check(&expected, &answer)?;
        done += 1;
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threads_share_all_callers() {
        let target = Target {
            address: ([127, 0, 0, 1], 1).into(),
            wire: Wire::Http2,
            callers: 7,
            streams: 2,
            threads: 3,
        };
        let shares: Vec<_> = (0..3)
            .flat_map(|thread| target.share(thread).callers)
            .collect();
        assert_eq!(shares, (0..7).collect::<Vec<_>>());
    }
}
