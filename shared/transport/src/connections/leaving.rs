//! How a connection ends: by itself, at its age, or because the server stops.

use std::{error::Error, pin::pin, time::Duration};

use http::{Request, Response};
use hyper::{body::Incoming, service::Service};
use hyper_util::{rt::TokioExecutor, rt::TokioIo, server::conn::auto::Connection};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::connection::{Outcome, Shared};

/// How long the last words of streams that were told to end may take to be read.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Tells the streams of one connection that they must end, in the extensions of its requests.
#[derive(Debug, Clone)]
pub struct StreamsEnd(CancellationToken);

impl StreamsEnd {
    /// Resolves when the connection is past its age and its grace: what has not ended by then is cut a second later.
    pub async fn now(self) {
        self.0.cancelled_owned().await;
    }
}

/// Why a connection was asked to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Age,
    Stop,
}

/// One connection's end.
pub(super) struct Leaving<'a> {
    shared: &'a Shared,
    streams: CancellationToken,
}

impl<'a> Leaving<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            streams: CancellationToken::new(),
        }
    }

    pub(super) fn streams_end(&self) -> StreamsEnd {
        StreamsEnd(self.streams.clone())
    }

    /// Drives `connection` to its end: asks it to go when it is time to, and cuts it when that has taken too long.
    pub(super) async fn attend<I, S, B>(
        &self,
        connection: Connection<'_, TokioIo<I>, S, TokioExecutor>,
    ) -> Outcome
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<Request<Incoming>, Response = Response<B>> + Send,
        S::Future: Send + 'static,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let mut connection = pin!(connection);
        let cause = tokio::select! {
            // First, so that it has seen what was sent before it is told to end.
            biased;
            served = connection.as_mut() => return served,
            cause = self.asked() => cause,
        };
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            served = connection => served,
            () = self.overdue(cause) => {
                self.shared.counters.cut();
                Ok(())
            }
        }
    }

    /// Resolves when the connection must take no new calls.
    async fn asked(&self) -> Cause {
        tokio::select! {
            () = self.shared.leave.cancelled() => Cause::Stop,
            () = sleep(jittered(self.shared.limits.connection_age)) => {
                self.shared.counters.aged();
                Cause::Age
            }
        }
    }

    /// Resolves when the connection must end even though its calls have not.
    async fn overdue(&self, cause: Cause) {
        let grace_over = async {
            if cause == Cause::Stop {
                // How long that may take is for the stop to say.
                return std::future::pending().await;
            }
            sleep(self.shared.limits.connection_grace).await;
            self.streams.cancel();
            sleep(LAST_WORDS).await;
        };
        tokio::select! {
            () = self.shared.cut.cancelled() => {}
            () = grace_over => {}
        }
    }
}

/// `age`, 10 % more or less.
fn jittered(age: Duration) -> Duration {
    let mut random = [0; 2];
    aws_lc_rs::rand::fill(&mut random).expect("the operating system gives random bytes");
    let share = f64::from(u16::from_be_bytes(random)) / f64::from(u16::MAX);
    age.mul_f64(0.9 + 0.2 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_one_moment_leave_over_a_fifth_of_their_age() {
        let age = Duration::from_mins(30);
        let ages: Vec<_> = (0..1000).map(|_| jittered(age)).collect();
        let (first, last) = (ages.iter().min().unwrap(), ages.iter().max().unwrap());
        assert!(*first >= Duration::from_mins(27) && *last <= Duration::from_mins(33));
        assert!(*first < Duration::from_mins(28) && *last > Duration::from_mins(32));
    }
}
