//! Requests that are arriving: how many may wait, and how many bytes they may hold.

use std::{pin::pin, sync::Arc};

use contract::reason::Reason;
use futures_util::poll;

use super::{Principal, Share, Shares};

/// Calls that may wait for their message, for each place of a call in flight. One that waits is small.
const WAITING_FOR_EACH_PLACE: usize = 16;
/// Bytes of all requests that are arriving, without the first kilobyte of each.
const MAX_BYTES: usize = 16 << 20;

/// The shares that requests use while they arrive.
#[derive(Debug)]
pub struct ArrivingShares {
    waiting: Arc<Shares>,
    bytes: Arc<Shares>,
}

impl ArrivingShares {
    /// For a server with this many places, of which one principal may have `percent`.
    #[must_use]
    pub fn new(max_in_flight: usize, percent: u8) -> Self {
        let waiting = max_in_flight.saturating_mul(WAITING_FOR_EACH_PLACE);
        Self {
            waiting: Shares::new(waiting, percent),
            bytes: Shares::new(MAX_BYTES, percent),
        }
    }

    /// What holds the bytes of one request.
    pub fn bytes(&self, principal: Principal) -> Share {
        self.bytes.share(principal)
    }

    /// The request that `receiving` receives. A request that is already there needs no share.
    ///
    /// # Errors
    /// Those of `receiving`; [`Reason::RateLimited`] and [`Reason::Overloaded`] when too many requests of its principal, or too many
    /// in all, are waited for.
    pub async fn receive<T>(
        &self,
        principal: Principal,
        receiving: impl Future<Output = Result<T, Reason>>,
    ) -> Result<T, Reason> {
        let mut receiving = pin!(receiving);
        if let std::task::Poll::Ready(received) = poll!(receiving.as_mut()) {
            return received;
        }
        let _waiting = self.waiting.take(principal)?;
        receiving.await
    }
}
