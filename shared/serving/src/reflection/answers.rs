//! The answers of one stream, within its limits.

use std::time::Duration;

use contract::{
    proto::reflection_v1::{ServerReflectionRequest, ServerReflectionResponse},
    refusal::{Reason, refuse_request},
};
use futures_util::{Stream, StreamExt as _, stream, stream::BoxStream};
use tokio::time::timeout;
use tonic::Status;

use super::catalog::ReflectionStream;
use crate::rpc::library_reason;

/// Requests of one stream. A client that describes every method of every service of this project sends fewer than a hundred.
const MAX_REQUESTS: usize = 1000;

/// The answers of one stream.
pub(super) struct Answers {
    requests: BoxStream<'static, Result<ServerReflectionRequest, Status>>,
    lookups: ReflectionStream,
    idle_timeout: Duration,
    request_id: String,
    /// How many more requests are answered.
    left: usize,
    has_ended: bool,
}

impl Answers {
    pub(super) fn new(
        requests: BoxStream<'static, Result<ServerReflectionRequest, Status>>,
        lookups: ReflectionStream,
        idle_timeout: Duration,
        request_id: String,
    ) -> Self {
        Self {
            requests,
            lookups,
            idle_timeout,
            request_id,
            left: MAX_REQUESTS,
            has_ended: false,
        }
    }

    /// The answers, each after its request. They end with those of the client, and when it sends nothing for too long.
    pub(super) fn stream(self) -> impl Stream<Item = Result<ServerReflectionResponse, Status>> {
        stream::unfold(self, Self::next)
    }

    async fn next(mut self) -> Option<(Result<ServerReflectionResponse, Status>, Self)> {
        if self.has_ended {
            return None;
        }
        let idle = timeout(self.idle_timeout, self.requests.next());
        let Ok(Some(request)) = idle.await else {
            return None;
        };
        let answer = match request {
            Ok(request) if self.left > 0 => Ok(self.lookups.answer(request)),
            Ok(_) => Err(self.refuse(Reason::RateLimited)),
            Err(error) => Err(self.refuse(library_reason(&error))),
        };
        self.left = self.left.saturating_sub(1);
        Some((answer, self))
    }

    /// The refusal with which the stream ends.
    fn refuse(&mut self, reason: Reason) -> Status {
        self.has_ended = true;
        refuse_request(reason, &self.request_id)
    }
}
