//! Use cases of API keys: what a backend signs in with.

use std::sync::Arc;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use futures_util::FutureExt as _;
use shared::{
    caller::{Call, Caller},
    ids::ApiKeyId,
};
use sqlx::PgConnection;

use crate::{
    api_key::Secret,
    domain::{DisplayName, KeyEnd, KeyScopes},
    error::Error,
    sessions::Sessions,
    store::{
        api_key::{self, ApiKey, NewApiKey},
        audit::{self, Act, Kind},
        feed::{self, Voiding},
    },
    tokens::Exchanged,
};

/// A new key asked for.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) display_name: DisplayName,
    pub(crate) scopes: KeyScopes,
    pub(crate) end: KeyEnd,
}

/// The API keys of all accounts. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ApiKeys {
    sessions: Sessions,
}

impl ApiKeys {
    pub(crate) const fn new(sessions: Sessions) -> Self {
        Self { sessions }
    }

    /// The time, as exact as the database keeps it.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.sessions.now()
    }

    /// Makes a key of the caller's account: the key and its text, which is never to be had again.
    pub(crate) async fn create(
        &self,
        caller: Caller,
        call: &Call,
        wish: Wish,
    ) -> Result<(ApiKey, String), Error> {
        let now = self.now();
        let secret = Secret::random(ApiKeyId::at(now));
        let new = NewApiKey {
            id: secret.id,
            secret_hash: secret.hash(),
            display_name: wish.display_name,
            scopes: wish.scopes,
            now,
            end: wish.end,
        };
        let work = Arc::new((new, Act::of(call, Kind::ApiKeyCreated, now)));
        let made = Arc::clone(&work);
        self.sessions
            .lanes
            .transaction(call.deadline, move |connection| {
                let work = Arc::clone(&work);
                async move { make(connection, &caller, &work.0, &work.1).await }.boxed()
            })
            .await?;
        Ok((shown(&made.0), secret.seal(self.sessions.mint.ring())))
    }

    /// The caller's live keys, the newest first.
    pub(crate) async fn list(&self, caller: Caller, call: &Call) -> Result<Vec<ApiKey>, Error> {
        let now = self.now();
        let listed = self
            .sessions
            .lanes
            .run(call.deadline, move |connection| {
                async move { Ok::<_, Error>(api_key::list_live(connection, &caller, now).await?) }
                    .boxed()
            })
            .await?;
        listed.ok_or(Error::TokenRevoked)
    }

    /// Ends one of the caller's live keys.
    pub(crate) async fn revoke(
        &self,
        caller: Caller,
        call: &Call,
        id: ApiKeyId,
    ) -> Result<(), Error> {
        let act = Arc::new(Act::of(call, Kind::ApiKeyRevoked, self.now()));
        let voiding = self.sessions.feed.voiding(act.time);
        self.sessions
            .lanes
            .transaction(call.deadline, move |connection| {
                let act = Arc::clone(&act);
                async move { end(connection, &caller, id, &act, voiding).await }.boxed()
            })
            .await?;
        self.sessions.feed.wake();
        Ok(())
    }

    /// The access token that a key is good for: one statement, and none for a forged key.
    pub(crate) async fn exchange(&self, call: &Call, key: &str) -> Result<Exchanged, Error> {
        let Ok(secret) = Secret::open(key, self.sessions.mint.ring()) else {
            return Err(Error::ApiKeyInvalid);
        };
        let (id, secret_hash, now) = (secret.id, secret.hash(), self.now());
        let hour = now
            .duration_trunc(TimeDelta::hours(1))
            .expect("the clock is within the calendar");
        let granted = self
            .sessions
            .lanes
            .run(call.deadline, move |connection| {
                async move {
                    Ok::<_, Error>(
                        api_key::exchange(connection, id, &secret_hash, now, hour).await?,
                    )
                }
                .boxed()
            })
            .await?;
        let grant = granted.ok_or(Error::ApiKeyInvalid)?;
        self.sessions.mint.exchanged(grant, now)
    }
}

/// A new key, as its account sees it.
fn shown(new: &NewApiKey) -> ApiKey {
    ApiKey {
        id: new.id,
        display_name: new.display_name.clone(),
        scopes: new.scopes.clone(),
        create_time: new.now,
        expire_time: new.end.time(),
        last_use_time: None,
    }
}

/// The transaction that makes a key. The lock is a statement of its own, since a statement counts what was committed
/// before it began, not before it got its lock.
async fn make(
    connection: &mut PgConnection,
    caller: &Caller,
    new: &NewApiKey,
    act: &Act,
) -> Result<(), Error> {
    if !api_key::lock_account(connection, caller, new.now).await? {
        return Err(Error::TokenRevoked);
    }
    if !api_key::insert(connection, caller, new).await? {
        return Err(Error::ApiKeyQuotaExceeded);
    }
    audit::insert(connection, act, caller.user_id, Some(new.id.into())).await?;
    Ok(())
}

/// The transaction that ends a key and voids its tokens.
async fn end(
    connection: &mut PgConnection,
    caller: &Caller,
    id: ApiKeyId,
    act: &Act,
    voiding: Voiding,
) -> Result<(), Error> {
    let ended = api_key::revoke(connection, caller, id, act.time).await?;
    if !ended.caller_live {
        return Err(Error::TokenRevoked);
    }
    if ended.count == 0 {
        return Err(Error::ApiKeyNotFound);
    }
    feed::revoke_session(connection, id.uuid(), voiding).await?;
    audit::insert(connection, act, caller.user_id, Some(id.into())).await?;
    Ok(())
}
