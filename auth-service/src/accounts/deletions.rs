//! Which accounts were deleted, for services that keep data of accounts.

use api::ids::UserId;
use chrono::{DateTime, Utc};
use database::Principal;
use futures_util::FutureExt as _;
use serving::caller::Call;

use super::store;
use crate::{context::Context, error::Error};

/// The part of the deletions that a service has read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeletionsSince {
    /// The last sequence; 0 if it has read none.
    pub(crate) sequence: i64,
    /// The incarnation that it was read from.
    pub(crate) incarnation: String,
    /// The largest number of deletions in the answer.
    pub(crate) page_size: i64,
}

/// One deleted account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AccountDeletion {
    pub(crate) sequence: i64,
    pub(crate) account_id: UserId,
    pub(crate) delete_time: DateTime<Utc>,
}

/// Deletions in their order, without gaps.
#[derive(Debug, Default)]
pub(crate) struct DeletionPage {
    /// The history that the sequences belong to.
    pub(crate) incarnation: String,
    /// The last sequence of all.
    pub(crate) head: i64,
    pub(crate) deletions: Vec<AccountDeletion>,
}

/// Services that read deletions have one share of the lanes together.
const SHARE: Principal = Principal::Internal("readers of deletions");

/// The deletions of accounts.
#[derive(Debug)]
pub(crate) struct Deletions {
    pub(crate) context: Context,
}

impl Deletions {
    /// The deletions after `since`. They begin at the first one when the history is another one, as after a restore.
    pub(crate) async fn list(
        &self,
        call: &Call,
        since: DeletionsSince,
    ) -> Result<DeletionPage, Error> {
        let listed = self
            .context
            .lanes
            .run(SHARE, call.deadline, move |connection| {
                async move { Ok::<_, Error>(store::list_deletions(connection, &since).await?) }
                    .boxed()
            });
        listed.await
    }
}
