//! Whether a password may be tried, and what happens after a wrong one.

use api::ids::UserId;
use database::{self, Principal};
use futures_util::FutureExt as _;
use serving::caller::Call;
use tokio::{
    sync::oneshot,
    time::{Duration, Instant},
};
use uuid::Uuid;

use super::sign_in::{SignIn, SignInRequest};
use crate::{
    audit::{domain::AuditEvent, store as audit},
    context::share_of_address,
    error::Error,
    passwords::{
        hashing::HashingPrincipal,
        store::{self as passwords, Credentials, SignInTarget},
    },
    throttle::{Permit, domain::ThrottleKey, store as throttle},
};

/// Longest time to record a failure, waiting included, whatever the deadline of the call.
const RECORD_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause between the count and the record of a failure. Work that begins together with the response would delay it, and the
/// delay would show that there is an account.
const RECORD_DELAY: Duration = Duration::from_millis(100);

/// A sign-in that no limit refuses.
#[derive(Debug)]
pub(super) struct Admitted<'a> {
    pub(super) credentials: Option<Credentials>,
    /// What a wrong password is counted against.
    pub(super) key: ThrottleKey,
    pub(super) principal: HashingPrincipal,
    /// What it took from the address; `None` when it comes from a known device.
    pub(super) permit: Option<Permit<'a>>,
}

impl SignIn {
    /// Reads the credentials of a sign-in and applies the limits. A client that shows no token needs a permit of its address
    /// before any query. A client that shows one needs it too, unless it is a known device of this account.
    ///
    /// Attempts whose hash is not computed yet are not counted. So an account may see as many wrong passwords above its limit
    /// as there are places in the hashing queues.
    pub(super) async fn admit(
        &self,
        call: &Call,
        request: &SignInRequest,
    ) -> Result<Admitted<'_>, Error> {
        let throttle = &self.throttle;
        let permit = match request.device {
            Some(_) => None,
            None => Some(throttle.take_password_permit(call)?),
        };
        let target = self.find_target(call, request).await?;
        if let (Some(key), Some(read)) = (target.device_key, &target.credentials) {
            let principal = HashingPrincipal::known(read.account_id, key, call.peer);
            let key = throttle.device_key(key);
            throttle.check(key, target.device_failures)?;
            throttle.check_confirmed(principal.account_key())?;
            return Ok(Admitted {
                credentials: target.credentials,
                key,
                principal,
                permit: None,
            });
        }
        let permit = permit.map_or_else(|| throttle.take_password_permit(call), Ok)?;
        let key = throttle.account_key(request.email.key_hash());
        throttle.check(key, target.account_failures)?;
        let principal = HashingPrincipal::anyone(request.email.key_hash(), call.peer);
        throttle.check_confirmed(principal.account_key())?;
        Ok(Admitted {
            credentials: target.credentials,
            key,
            principal,
            permit: Some(permit),
        })
    }

    async fn find_target(
        &self,
        call: &Call,
        request: &SignInRequest,
    ) -> Result<SignInTarget, Error> {
        let (email, device) = (request.email.clone(), request.device);
        let now = self.context.now();
        let found = self.context.lanes.run(
            share_of_address(call),
            call.deadline,
            move |connection| {
                async move { Ok(passwords::find_target(connection, &email, device, now).await?) }
                    .boxed()
            },
        );
        found.await
    }

    /// Counts a wrong password, and records it if there is an account.
    ///
    /// The caller gets its answer after the count, so that parallel attempts cannot slip past it. The failure is counted even
    /// if the caller does not wait. It is recorded some time after the answer.
    pub(super) async fn record_failure(
        &self,
        key: ThrottleKey,
        record: Option<(AuditEvent, UserId)>,
    ) -> Result<(), Error> {
        let (lanes, now) = (self.context.lanes.clone(), self.context.now());
        let deadline = Instant::now() + RECORD_TIMEOUT;
        let share = share_of_failures(&key);
        let (counted, outcome) = oneshot::channel();
        self.records.spawn(async move {
            let count = lanes.run(share, deadline, move |connection| {
                async move { Ok::<_, Error>(throttle::count_failure(connection, &key, now).await?) }
                    .boxed()
            });
            let _caller_gone = counted.send(count.await);
            let Some((event, account_id)) = record else {
                return;
            };
            tokio::time::sleep(RECORD_DELAY).await;
            let recorded = lanes.run(share, Instant::now() + RECORD_TIMEOUT, move |connection| {
                async move { audit::insert(connection, &event, account_id, None).await }.boxed()
            });
            if let Err(error) = recorded.await {
                tracing::error!(%error, account = %account_id, "a failed sign-in was not recorded");
            }
        });
        outcome
            .await
            .unwrap_or(Err(Error::Database(database::Error::Panicked)))
    }
}

/// Whose share of the lanes the record of a wrong password takes: that of the address that was tried, whether there is an account or
/// not, so that the two do not differ. The share of the client would let it hold up its own count.
fn share_of_failures(key: &ThrottleKey) -> Principal {
    let mut id = [0; 16];
    id.copy_from_slice(&key.key[..16]);
    Principal::Credential(Uuid::from_bytes(id))
}
