//! Use cases of administration. Whether the caller is an administrator is asked of the database, in the transaction of the
//! act: the token may be older than the answer.

pub(crate) mod acts;
mod signing_keys;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::{FutureExt as _, future::BoxFuture};
use shared::{
    caller::{Call, Caller},
    ids::UserId,
    paging::{Binding, PageTokens},
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    domain::Email,
    error::Error,
    sessions::Sessions,
    store::{
        account::Account,
        administration as store,
        audit::{self, Act, Event, Kind},
    },
};
use acts::Order;

/// What the page tokens of lists here are sealed for.
const PURPOSE: &[u8] = b"tandem administration page token\0";

/// A page of a list asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slice {
    /// Entries at most.
    pub(crate) size: usize,
    /// The id of the last entry on the page before.
    pub(crate) after: Option<Uuid>,
    /// What the token of the next page is bound to.
    pub(crate) binding: Binding,
}

impl Slice {
    /// Ids of the page are below this one.
    fn before(&self) -> Uuid {
        self.after.unwrap_or(Uuid::max())
    }

    /// One more than the page holds, to see whether there is another page.
    fn limit(&self) -> i64 {
        i64::try_from(self.size + 1).expect("a page has at most 200 entries")
    }
}

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) entries: Vec<T>,
    /// Empty on the last page.
    pub(crate) next_page_token: String,
}

/// What administrators do. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Administration {
    sessions: Sessions,
    tokens: Arc<PageTokens>,
}

impl Administration {
    pub(crate) fn new(sessions: Sessions) -> Self {
        let key = sessions.mint.ring().derive(PURPOSE);
        Self {
            sessions,
            tokens: Arc::new(PageTokens::new(&key)),
        }
    }

    /// The time, as exact as the database keeps it.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.sessions.now()
    }

    pub(crate) fn tokens(&self) -> &PageTokens {
        &self.tokens
    }

    /// A page of all accounts, or the account with an address.
    pub(crate) async fn list_accounts(
        &self,
        caller: Caller,
        call: &Call,
        slice: Slice,
        email: Option<Email>,
    ) -> Result<Page<Account>, Error> {
        let email_hash = email.as_ref().map(Email::key_hash);
        let found = self.as_admin(caller, call, move |connection| {
            async move {
                let Some(hash) = email_hash else {
                    let listed = store::list_accounts(connection, slice.before(), slice.limit());
                    return Ok(listed.await?);
                };
                let found = store::find_account_of(connection, &hash).await?;
                Ok(found.into_iter().collect())
            }
            .boxed()
        });
        Ok(self.page(found.await?, slice, |account| account.id.uuid()))
    }

    /// A page of the audit log, of all accounts or of one.
    pub(crate) async fn list_events(
        &self,
        caller: Caller,
        call: &Call,
        slice: Slice,
        account_id: Option<UserId>,
    ) -> Result<Page<Event>, Error> {
        let found = self.as_admin(caller, call, move |connection| {
            async move {
                let (before, limit) = (slice.before(), slice.limit());
                Ok(match account_id {
                    Some(id) => audit::list_of(connection, id, before, limit).await?,
                    None => audit::list(connection, before, limit).await?,
                })
            }
            .boxed()
        });
        Ok(self.page(found.await?, slice, |event| event.id))
    }

    /// Closes an account, which must not be the caller's own.
    pub(crate) async fn disable(
        &self,
        caller: Caller,
        call: &Call,
        id: UserId,
    ) -> Result<Account, Error> {
        let order = self.order(caller, call, id, Kind::AccountDisabled);
        let disabled = self.as_admin(caller, call, move |connection| {
            let order = Arc::clone(&order);
            async move {
                if order.account_id == caller.user_id {
                    return Err(Error::LastAdmin);
                }
                acts::disable(connection, &order).await
            }
            .boxed()
        });
        let account = disabled.await?;
        self.sessions.feed.wake();
        Ok(account)
    }

    /// Opens a closed account.
    pub(crate) async fn enable(
        &self,
        caller: Caller,
        call: &Call,
        id: UserId,
    ) -> Result<Account, Error> {
        let order = self.order(caller, call, id, Kind::AccountEnabled);
        self.as_admin(caller, call, move |connection| {
            let order = Arc::clone(&order);
            async move { acts::enable(connection, &order).await }.boxed()
        })
        .await
    }

    /// Ends every session of an account, the caller's own included if it is theirs; how many they were.
    pub(crate) async fn end_sessions(
        &self,
        caller: Caller,
        call: &Call,
        id: UserId,
    ) -> Result<i32, Error> {
        let order = self.order(caller, call, id, Kind::AccountSessionsRevoked);
        let ended = self.as_admin(caller, call, move |connection| {
            let order = Arc::clone(&order);
            async move { acts::end_sessions(connection, &order).await }.boxed()
        });
        let open = ended.await?;
        self.sessions.feed.wake();
        Ok(i32::try_from(open).unwrap_or(i32::MAX))
    }

    /// Does `work` in a transaction, if the caller is an administrator, who stays one until it is over.
    async fn as_admin<T, W>(&self, caller: Caller, call: &Call, work: W) -> Result<T, Error>
    where
        T: Send + 'static,
        W: for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T, Error>>
            + Send
            + Sync
            + 'static,
    {
        let now = self.now();
        let work = Arc::new(work);
        self.sessions
            .lanes
            .transaction(call.deadline, move |connection| {
                let work = Arc::clone(&work);
                async move {
                    authorize(connection, &caller, now).await?;
                    work(connection).await
                }
                .boxed()
            })
            .await
    }

    fn order(&self, caller: Caller, call: &Call, account_id: UserId, kind: Kind) -> Arc<Order> {
        let now = self.now();
        Arc::new(Order {
            account_id,
            actor: caller.user_id.to_string(),
            act: Act::of(call, kind, now),
            voiding: self.sessions.feed.voiding(now),
        })
    }

    /// The page that `found` begins with, `id` being what a list is ordered by.
    fn page<T>(&self, mut found: Vec<T>, slice: Slice, id: fn(&T) -> Uuid) -> Page<T> {
        let more = found.len() > slice.size;
        found.truncate(slice.size);
        let last = found.last().filter(|_| more).map(id);
        let next_page_token = last.map_or_else(String::new, |last| {
            self.tokens.seal(slice.binding, last, self.now())
        });
        Page {
            entries: found,
            next_page_token,
        }
    }
}

/// Refuses a caller who is no administrator now; to be the first thing in the transaction of what only one may do.
pub(crate) async fn authorize(
    connection: &mut PgConnection,
    caller: &Caller,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    match store::authorize(connection, caller, now).await? {
        Some(true) => Ok(()),
        Some(false) => Err(Error::ScopeMissing),
        None => Err(Error::TokenRevoked),
    }
}
