//! The check of the current password before a sensitive operation (ASVS 6.2.3).

use std::sync::Arc;

use database;
use futures_util::FutureExt as _;
use serving::caller::{Call, Caller};
use tokio::time::{Duration, Instant};
use tokio_util::task::TaskTracker;

use super::{
    domain::RawPassword,
    hashing::{Hasher, HashingPrincipal},
    store::{self, Credentials},
};
use crate::{
    audit::{
        domain::{AuditEvent, EventKind},
        store as audit,
    },
    context::{Context, share_of},
    error::Error,
    throttle::{
        Throttle,
        domain::{ThrottleKey, device_key},
        store as throttle,
    },
};

/// Longest time to record a failure, waiting included, whatever the deadline of the call.
const RECORD_TIMEOUT: Duration = Duration::from_secs(10);

/// Checks the password of a caller. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Reauthentication {
    pub(crate) context: Context,
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) hasher: Hasher,
    /// Tasks that end before the service does.
    pub(crate) records: TaskTracker,
}

/// A caller is a known device of its account.
pub(super) fn principal(caller: Caller, call: &Call) -> HashingPrincipal {
    let device = device_key(caller.session_id);
    HashingPrincipal::known(caller.user_id, device, call.peer)
}

impl Reauthentication {
    /// The credentials of a caller who gives the right password. A caller is a known device and has the limit of one.
    pub(crate) async fn confirm(
        &self,
        caller: Caller,
        call: &Call,
        current: &RawPassword,
    ) -> Result<Credentials, Error> {
        let now = self.context.now();
        let found =
            self.context
                .lanes
                .run(share_of(caller.user_id), call.deadline, move |connection| {
                    async move { Ok::<_, Error>(store::find_own(connection, &caller, now).await?) }
                        .boxed()
                });
        let (read, count) = found.await?.ok_or(Error::TokenRevoked)?;
        let key = self.throttle.device_key(device_key(caller.session_id));
        self.throttle.check(key, count)?;
        let principal = principal(caller, call);
        self.throttle.check_confirmed(principal.account_key())?;
        let (presented, stored) = (current.presented(), Some(read.password_hash.clone()));
        let verdict = self
            .hasher
            .verify(presented, stored, principal, call.deadline)
            .await?;
        if verdict.matches {
            self.throttle.count_confirmed(principal.account_key());
            return Ok(read);
        }
        let event = AuditEvent::of(call, EventKind::ConfirmationFailed, now);
        self.record_failure(key, caller, event).await?;
        Err(Error::CredentialsInvalid)
    }

    /// Counts and records a wrong password before the caller gets its answer, even if the caller does not wait. There is
    /// nothing to hide from someone who has a token of the account, so both happen at once.
    async fn record_failure(
        &self,
        key: ThrottleKey,
        caller: Caller,
        event: AuditEvent,
    ) -> Result<(), Error> {
        let (lanes, event) = (self.context.lanes.clone(), Arc::new(event));
        let recorded = self.records.spawn(async move {
            let deadline = Instant::now() + RECORD_TIMEOUT;
            let record = lanes.transaction(share_of(caller.user_id), deadline, move |connection| {
                let event = Arc::clone(&event);
                async move {
                    throttle::count_failure(connection, &key, event.time).await?;
                    let session_id = Some(caller.session_id);
                    audit::insert(connection, &event, caller.user_id, session_id).await?;
                    Ok::<_, Error>(())
                }
                .boxed()
            });
            record.await
        });
        recorded
            .await
            .unwrap_or(Err(Error::Database(database::Error::Panicked)))
    }
}
