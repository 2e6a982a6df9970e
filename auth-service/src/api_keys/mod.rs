//! API keys, with which backends sign in.

pub(crate) mod domain;
pub(crate) mod grpc;
mod secret;
pub(crate) mod store;
mod token;

use std::sync::Arc;

use api::ids::ApiKeyId;
use chrono::{DurationRound as _, TimeDelta};
use database::Principal;
use futures_util::FutureExt as _;
use serving::caller::{Call, Caller};
use sqlx::PgConnection;

use self::{
    domain::{KeyEnd, KeyScopes},
    secret::ApiKeySecret,
    store::{ApiKey, NewApiKey},
    token::ExchangedToken,
};
use crate::{
    accounts::domain::DisplayName,
    audit::{
        domain::{AuditEvent, EventKind},
        store as audit,
    },
    context::{Context, share_of},
    error::Error,
    key_ring::KeyRing,
    passwords::{domain::RawPassword, reauthentication::Reauthentication},
    revocations::{domain::RevocationWindow, store as revocations},
    signing_keys::issuer::TokenIssuer,
    throttle::Throttle,
};

/// A request to make a key.
#[derive(Debug)]
pub(crate) struct KeyCreation {
    pub(crate) display_name: DisplayName,
    pub(crate) scopes: KeyScopes,
    pub(crate) end: KeyEnd,
    pub(crate) current_password: RawPassword,
}

/// The use cases of API keys. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ApiKeys {
    pub(crate) context: Context,
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) issuer: Arc<TokenIssuer>,
    /// The keys that seal API keys.
    pub(crate) ring: Arc<KeyRing>,
    pub(crate) reauthentication: Reauthentication,
}

impl ApiKeys {
    /// Makes a key of the caller's account: the key and its text, which is not available again. The password is required, because a
    /// key outlives the access token that asks for it.
    pub(crate) async fn create(
        &self,
        caller: Caller,
        call: &Call,
        request: KeyCreation,
    ) -> Result<(ApiKey, String), Error> {
        let current = &request.current_password;
        self.reauthentication.confirm(caller, call, current).await?;
        let now = self.context.now();
        let secret = ApiKeySecret::random(ApiKeyId::at(now));
        let new = NewApiKey {
            id: secret.id,
            secret_hash: secret.hash(),
            display_name: request.display_name,
            scopes: request.scopes,
            now,
            end: request.end,
        };
        let event = AuditEvent::of(call, EventKind::ApiKeyCreated, now);
        let work = Arc::new((new, event));
        let created = Arc::clone(&work);
        let inserted = self.context.lanes.transaction(
            share_of(caller.user_id),
            call.deadline,
            move |connection| {
                let work = Arc::clone(&work);
                async move { insert(connection, &caller, &work.0, &work.1).await }.boxed()
            },
        );
        inserted.await?;
        Ok((ApiKey::from(&created.0), secret.seal(&self.ring)))
    }

    /// The caller's live keys, the newest first.
    pub(crate) async fn list(&self, caller: Caller, call: &Call) -> Result<Vec<ApiKey>, Error> {
        let now = self.context.now();
        let listed =
            self.context
                .lanes
                .run(share_of(caller.user_id), call.deadline, move |connection| {
                    async move { Ok::<_, Error>(store::list_live(connection, &caller, now).await?) }
                        .boxed()
                });
        listed.await?.ok_or(Error::TokenRevoked)
    }

    /// Revokes one of the caller's live keys.
    pub(crate) async fn revoke(
        &self,
        caller: Caller,
        call: &Call,
        id: ApiKeyId,
    ) -> Result<(), Error> {
        let now = self.context.now();
        let event = Arc::new(AuditEvent::of(call, EventKind::ApiKeyRevoked, now));
        let window = self.context.feed.window(now);
        let revoked = self.context.lanes.transaction(
            share_of(caller.user_id),
            call.deadline,
            move |connection| {
                let event = Arc::clone(&event);
                async move { revoke(connection, &caller, id, &event, window).await }.boxed()
            },
        );
        revoked.await?;
        self.context.feed.notify_written();
        Ok(())
    }

    /// The access token for a key. It takes one statement; a forged key is refused without one.
    pub(crate) async fn exchange(&self, call: &Call, key: &str) -> Result<ExchangedToken, Error> {
        let Ok(secret) = ApiKeySecret::open(key, &self.ring) else {
            self.throttle.count_forgery(call)?;
            return Err(Error::ApiKeyInvalid);
        };
        let (id, hash, now) = (secret.id, secret.hash(), self.context.now());
        self.throttle.check_ended(id.uuid(), &hash)?;
        let hour = now
            .duration_trunc(TimeDelta::hours(1))
            .expect("the time is within the range of the calendar");
        let share = Principal::Credential(id.uuid());
        let granted = self
            .context
            .lanes
            .run(share, call.deadline, move |connection| {
                async move {
                        Ok::<_, Error>(store::exchange(connection, id, &hash, now, hour).await?)
                    }
                    .boxed()
            });
        let Some(grant) = granted.await? else {
            self.throttle.count_ended(id.uuid(), &hash);
            return Err(Error::ApiKeyInvalid);
        };
        ExchangedToken::issue(&self.issuer, grant, now)
    }
}

/// The transaction that makes a key. The lock is a statement of its own, because a statement counts the keys that were
/// committed before it began, not those committed before it got its lock.
async fn insert(
    connection: &mut PgConnection,
    caller: &Caller,
    new: &NewApiKey,
    event: &AuditEvent,
) -> Result<(), Error> {
    if !store::lock_account(connection, caller, new.now).await? {
        return Err(Error::TokenRevoked);
    }
    if !store::insert(connection, caller, new).await? {
        return Err(Error::ApiKeyQuotaExceeded);
    }
    audit::insert(connection, event, caller.user_id, Some(new.id.into())).await?;
    Ok(())
}

/// The transaction that revokes a key and its tokens.
async fn revoke(
    connection: &mut PgConnection,
    caller: &Caller,
    id: ApiKeyId,
    event: &AuditEvent,
    window: RevocationWindow,
) -> Result<(), Error> {
    let ended = store::revoke(connection, caller, id, event.time).await?;
    if !ended.caller_live {
        return Err(Error::TokenRevoked);
    }
    if ended.count == 0 {
        return Err(Error::ApiKeyNotFound);
    }
    revocations::revoke_session(connection, id.uuid(), window).await?;
    audit::insert(connection, event, caller.user_id, Some(id.into())).await?;
    Ok(())
}
