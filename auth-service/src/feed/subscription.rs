//! One reader of the feed.

use std::collections::VecDeque;

use futures_util::{Stream, stream};
use shared::refusal::Reason;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;

use super::{Message, subscribers::Seat};

/// What a reader holds already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Since {
    /// The highest sequence; 0 for none.
    pub(crate) sequence: i64,
    /// The incarnation it was read from.
    pub(crate) incarnation: String,
}

/// Why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The reader fell behind by more than the buffer holds; it must begin again.
    TooSlow,
    /// The server stops.
    Draining,
}

impl End {
    pub(crate) const fn reason(self) -> Reason {
        match self {
            Self::TooSlow => Reason::SlowConsumer,
            Self::Draining => Reason::Draining,
        }
    }
}

/// The messages for one reader: those that bring it up to date, then all that are published.
#[derive(Debug)]
pub(crate) struct Subscription {
    opening: VecDeque<Message>,
    live: Receiver<Message>,
    ending: CancellationToken,
    ended: bool,
    /// Gives up the place among the subscribers when the stream is dropped.
    _seat: Seat,
}

impl Subscription {
    pub(super) fn new(
        opening: Vec<Message>,
        live: Receiver<Message>,
        ending: CancellationToken,
        seat: Seat,
    ) -> Self {
        Self {
            opening: opening.into(),
            live,
            ending,
            ended: false,
            _seat: seat,
        }
    }

    /// The messages, and at last why there are no more.
    pub(crate) fn messages(self) -> impl Stream<Item = Result<Message, End>> + Send {
        stream::unfold(self, |mut subscription| async move {
            let next = subscription.next().await?;
            Some((next, subscription))
        })
    }

    async fn next(&mut self) -> Option<Result<Message, End>> {
        if self.ended {
            return None;
        }
        let next = tokio::select! {
            biased;
            () = self.ending.cancelled() => Err(End::Draining),
            next = following(&mut self.opening, &mut self.live) => next,
        };
        self.ended = next.is_err();
        Some(next)
    }
}

async fn following(
    opening: &mut VecDeque<Message>,
    live: &mut Receiver<Message>,
) -> Result<Message, End> {
    if let Some(message) = opening.pop_front() {
        return Ok(message);
    }
    live.recv().await.map_err(|error| match error {
        RecvError::Lagged(_) => End::TooSlow,
        RecvError::Closed => End::Draining,
    })
}
