//! How a connection ends: the client closes it, it has reached its age, or the server stops.

use std::{error::Error, pin::pin, time::Duration};

use http::{Request, Response};
use hyper::{body::Incoming, service::Service};
use hyper_util::{rt::TokioIo, server::conn::auto::Connection};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{
    answer_timer::{AnswerTimeout, AnswerTimer, StreamExecutor},
    listener_state::{ListenerState, Outcome},
};

/// How long the last messages of streams that had to end may take to be sent.
const LAST_MESSAGES_TIMEOUT: Duration = Duration::from_secs(1);

/// Signals to the streams of one connection that they must end. It is in the extensions of every request.
#[derive(Debug, Clone)]
pub struct StreamsEnd(CancellationToken);

impl StreamsEnd {
    /// Resolves when the connection is past its age and its grace. Streams that have not ended are cut a second later.
    pub async fn now(self) {
        self.0.cancelled_owned().await;
    }
}

/// Why a connection is drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DrainCause {
    Age,
    Stop,
}

/// The end of one connection.
pub(super) struct ConnectionDrain<'a> {
    state: &'a ListenerState,
    streams: CancellationToken,
}

impl<'a> ConnectionDrain<'a> {
    pub(super) fn new(state: &'a ListenerState) -> Self {
        Self {
            state,
            streams: CancellationToken::new(),
        }
    }

    pub(super) fn streams_end(&self) -> StreamsEnd {
        StreamsEnd(self.streams.clone())
    }

    /// Drives `connection` until it ends. Drains it when it is time to, and cuts it when draining takes too long, or when an answer
    /// is not taken in time: `timer` has that limit.
    pub(super) async fn drive<I, S, B>(
        &self,
        connection: Connection<'_, TokioIo<I>, S, StreamExecutor>,
        timer: AnswerTimer,
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
        let mut unread = pin!(AnswerTimeout::new(timer));
        let cause = tokio::select! {
            // The connection comes first, so that it reads what was already sent before it is drained.
            biased;
            served = connection.as_mut() => return served,
            () = unread.as_mut() => return Ok(()),
            cause = self.drain_begins() => cause,
        };
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            biased;
            served = connection => served,
            () = unread => Ok(()),
            () = self.drain_ends(cause) => {
                self.state.counters.cut();
                Ok(())
            }
        }
    }

    /// Resolves when the connection must take no new calls.
    async fn drain_begins(&self) -> DrainCause {
        tokio::select! {
            () = self.state.drain.cancelled() => DrainCause::Stop,
            () = sleep(jittered(self.state.limits.connection_age)) => {
                self.state.counters.aged();
                DrainCause::Age
            }
        }
    }

    /// Resolves when the connection must end although calls are in flight.
    async fn drain_ends(&self, cause: DrainCause) {
        let grace_over = async {
            if cause == DrainCause::Stop {
                // The caller of `Connections::cut` decides how long a stop may take.
                return std::future::pending().await;
            }
            sleep(self.state.limits.connection_grace).await;
            self.streams.cancel();
            sleep(LAST_MESSAGES_TIMEOUT).await;
        };
        tokio::select! {
            () = self.state.cut.cancelled() => {}
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
    fn connections_opened_together_end_spread_over_a_fifth_of_their_age() {
        let age = Duration::from_mins(30);
        let ages: Vec<_> = (0..1000).map(|_| jittered(age)).collect();
        let (first, last) = (ages.iter().min().unwrap(), ages.iter().max().unwrap());
        assert!(*first >= Duration::from_mins(27) && *last <= Duration::from_mins(33));
        assert!(*first < Duration::from_mins(28) && *last > Duration::from_mins(32));
    }
}
