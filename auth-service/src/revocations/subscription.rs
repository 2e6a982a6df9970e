//! The messages for one subscriber of the feed.

use std::collections::VecDeque;

use contract::refusal::Reason;
use futures_util::{Stream, stream};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;

use super::{FeedMessage, subscribers::SubscriberGuard};

/// The part of the feed that a subscriber has already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Since {
    /// The highest sequence; 0 if it has none.
    pub(crate) sequence: i64,
    /// The incarnation it was read from.
    pub(crate) incarnation: String,
}

/// Why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamEnd {
    /// The subscriber is behind by more messages than the buffer holds; it must begin again.
    TooSlow,
    /// The server is stopping.
    Draining,
}

impl StreamEnd {
    pub(crate) const fn reason(self) -> Reason {
        match self {
            Self::TooSlow => Reason::SlowConsumer,
            Self::Draining => Reason::Draining,
        }
    }
}

/// The messages for one subscriber: those that bring it up to date, then all that are published.
#[derive(Debug)]
pub(crate) struct Subscription {
    opening: VecDeque<FeedMessage>,
    live: Receiver<FeedMessage>,
    draining: CancellationToken,
    ended: bool,
    /// Removes the subscriber when the stream is dropped.
    _guard: SubscriberGuard,
}

impl Subscription {
    pub(super) fn new(
        opening: Vec<FeedMessage>,
        live: Receiver<FeedMessage>,
        draining: CancellationToken,
        guard: SubscriberGuard,
    ) -> Self {
        Self {
            opening: opening.into(),
            live,
            draining,
            ended: false,
            _guard: guard,
        }
    }

    /// The messages, and at the end the reason why there are no more.
    pub(crate) fn messages(self) -> impl Stream<Item = Result<FeedMessage, StreamEnd>> + Send {
        stream::unfold(self, |mut subscription| async move {
            let next = subscription.next().await?;
            Some((next, subscription))
        })
    }

    async fn next(&mut self) -> Option<Result<FeedMessage, StreamEnd>> {
        if self.ended {
            return None;
        }
        let next = tokio::select! {
            biased;
            () = self.draining.cancelled() => Err(StreamEnd::Draining),
            next = next_message(&mut self.opening, &mut self.live) => next,
        };
        self.ended = next.is_err();
        Some(next)
    }
}

async fn next_message(
    opening: &mut VecDeque<FeedMessage>,
    live: &mut Receiver<FeedMessage>,
) -> Result<FeedMessage, StreamEnd> {
    if let Some(message) = opening.pop_front() {
        return Ok(message);
    }
    live.recv().await.map_err(|error| match error {
        RecvError::Lagged(_) => StreamEnd::TooSlow,
        RecvError::Closed => StreamEnd::Draining,
    })
}
