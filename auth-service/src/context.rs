//! What all subjects share.

use std::sync::Arc;

use api::ids::UserId;
use chrono::{DateTime, SubsecRound as _, Utc};
use clock::Clock;
use database::{Lanes, Principal};
use serving::caller::Call;

use crate::revocations::Feed;

/// The database, the time and the feed of revocations. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) lanes: Lanes,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) feed: Feed,
}

impl Context {
    /// The time in microseconds, which is the precision of the database.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(6)
    }
}

/// Whose share of the lanes the work for an account takes.
pub(crate) fn share_of(account: UserId) -> Principal {
    Principal::User(account.uuid())
}

/// Whose share of the lanes a call without a credential takes.
pub(crate) fn share_of_address(call: &Call) -> Principal {
    Principal::address(call.peer)
}
