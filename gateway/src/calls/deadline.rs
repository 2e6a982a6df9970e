//! How long a call may take: what the client asks for, at most what the gateway allows, measured from arrival.

use std::time::Duration;

use api::grpc_timeout;
use http::HeaderValue;
use tokio::time::Instant;
use transport::connections::ReceiveBy;

/// The moments that end a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    /// The answer must have begun.
    pub(super) begin_by: Instant,
    /// The answer must have ended. `None`: a stream whose client set no limit.
    pub(super) end_by: Option<Instant>,
    /// Whether the answer is a stream.
    streaming: bool,
}

impl Deadline {
    /// For a call that arrives now. `asked`: how long the client gives it.
    pub(super) fn new(asked: Option<Duration>, max: Duration, streaming: bool) -> Self {
        let now = Instant::now();
        let begin_by = now + asked.map_or(max, |asked| asked.min(max));
        let end_by = if streaming {
            asked.and_then(|asked| now.checked_add(asked))
        } else {
            Some(begin_by)
        };
        Self {
            begin_by,
            end_by,
            streaming,
        }
    }

    /// When the client must have received the answer.
    pub(super) fn receive_by(&self, grace: Duration) -> ReceiveBy {
        ReceiveBy {
            end: self.end_by.and_then(|end| end.checked_add(grace)),
            streaming: self.streaming,
        }
    }

    /// The time left, as `grpc-timeout` for the service; never zero.
    pub(super) fn remaining(&self) -> Option<HeaderValue> {
        let left = self.end_by?.saturating_duration_since(Instant::now());
        Some(grpc_timeout::format(left))
    }
}
