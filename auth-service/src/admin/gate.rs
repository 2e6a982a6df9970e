//! Transactions that only administrators may run.
//!
//! The database says whether the caller is an administrator, in the same transaction as the work: the access token may be
//! older than the last change of the account.

use std::sync::Arc;

use futures_util::{FutureExt as _, future::BoxFuture};
use serving::caller::{Call, Caller};
use sqlx::PgConnection;

use super::store;
use crate::{
    context::{Context, share_of},
    error::Error,
};

/// Runs the transactions of administrators. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct AdminGate {
    pub(crate) context: Context,
}

impl AdminGate {
    /// Runs `work` in a transaction if the caller is an administrator. The caller stays one until the transaction is over.
    pub(crate) async fn transaction<T, W>(
        &self,
        caller: Caller,
        call: &Call,
        work: W,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        W: for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T, Error>>
            + Send
            + Sync
            + 'static,
    {
        let now = self.context.now();
        let work = Arc::new(work);
        let done = self.context.lanes.transaction(
            share_of(caller.user_id),
            call.deadline,
            move |connection| {
                let work = Arc::clone(&work);
                async move {
                    match store::authorize(connection, &caller, now).await? {
                        Some(true) => work(connection).await,
                        Some(false) => Err(Error::ScopeMissing),
                        None => Err(Error::TokenRevoked),
                    }
                }
                .boxed()
            },
        );
        done.await
    }
}
