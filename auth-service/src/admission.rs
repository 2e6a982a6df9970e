//! Whether a password may be tried, and what a wrong one leaves behind.

use std::sync::Arc;

use futures_util::FutureExt as _;
use shared::{
    caller::{Call, Caller},
    database,
    ids::UserId,
};
use tokio::{
    sync::oneshot,
    time::{Duration, Instant},
};

use crate::{
    accounts::{Accounts, RawPassword},
    error::Error,
    password::Line,
    sign_in::SignIn,
    store::{
        account::Credentials,
        audit::{self, Act, Kind},
        throttle::{self, Target},
    },
    throttle::{Charge, Debtor},
};

/// How long the record of a failure may wait and take, whatever the caller's deadline.
const LIMIT: Duration = Duration::from_secs(10);
/// How long after the count a failure is recorded. Work begun together with the answer would delay it, and its time would
/// tell that there was something to record.
const LULL: Duration = Duration::from_millis(100);

/// A sign-in that no limit stands against.
#[derive(Debug)]
pub(crate) struct Admitted<'a> {
    pub(crate) credentials: Option<Credentials>,
    /// Whom a wrong password is charged to.
    pub(crate) debtor: Debtor,
    pub(crate) line: Line,
    /// What it cost the address; nothing when it comes from a known device.
    pub(crate) charge: Option<Charge<'a>>,
}

impl Accounts {
    /// Reads what a sign-in is about and holds it to the limits. Whoever shows no token is refused for its address before
    /// any query; who shows one is asked for its address too, unless it turns out to be a known device of this account.
    ///
    /// Attempts that are being hashed are not counted yet: an account may see as many wrong passwords more than its limit
    /// as there are in the hashing queues.
    pub(crate) async fn admit(&self, call: &Call, wish: &SignIn) -> Result<Admitted<'_>, Error> {
        let throttle = &self.sessions.throttle;
        let charge = match wish.device {
            Some(_) => None,
            None => Some(throttle.charge(call)?),
        };
        let target = self.find_target(call, wish).await?;
        let admitted = match wish.device {
            Some(device) if target.device_known => {
                let debtor = throttle.device(device);
                throttle.check(debtor, target.of_device)?;
                Admitted {
                    credentials: target.credentials,
                    debtor,
                    line: Line::Known,
                    charge: None,
                }
            }
            _ => {
                let charge = charge.map_or_else(|| throttle.charge(call), Ok)?;
                let debtor = throttle.account(wish.email.key_hash());
                throttle.check(debtor, target.of_account)?;
                Admitted {
                    credentials: target.credentials,
                    debtor,
                    line: Line::Anyone,
                    charge: Some(charge),
                }
            }
        };
        Ok(admitted)
    }

    async fn find_target(&self, call: &Call, wish: &SignIn) -> Result<Target, Error> {
        let (email_hash, device, now) = (wish.email.key_hash(), wish.device, self.sessions.now());
        self.sessions
            .lanes
            .run(call.deadline, move |connection| {
                async move {
                    Ok(throttle::find_target(connection, &email_hash, device, now).await?)
                }
                .boxed()
            })
            .await
    }

    /// The credentials of a caller who knows the password (ASVS 6.2.3). A caller is a known device, and limited like one.
    pub(crate) async fn confirm(
        &self,
        caller: Caller,
        call: &Call,
        current: &RawPassword,
    ) -> Result<Credentials, Error> {
        let now = self.sessions.now();
        let found = self
            .sessions
            .lanes
            .run(call.deadline, move |connection| {
                async move { Ok::<_, Error>(throttle::find_own(connection, &caller, now).await?) }
                    .boxed()
            })
            .await?;
        let (read, tally) = found.ok_or(Error::TokenRevoked)?;
        let device = self.sessions.throttle.device(caller.session_id);
        self.sessions.throttle.check(device, tally)?;
        let verdict = self
            .hasher
            .verify(
                current.presented(),
                Some(read.password_hash.clone()),
                Line::Known,
                call.deadline,
            )
            .await?;
        if verdict.matches {
            Ok(read)
        } else {
            let act = Act::of(call, Kind::ConfirmationFailed, now);
            self.fail_caller(device, caller, act).await?;
            Err(Error::CredentialsInvalid)
        }
    }

    /// Counts the wrong password of a caller and records it, before the caller is answered and even if it does not wait:
    /// there is nothing to hide from someone who has a token of the account.
    async fn fail_caller(&self, device: Debtor, caller: Caller, act: Act) -> Result<(), Error> {
        let (lanes, act) = (self.sessions.lanes.clone(), Arc::new(act));
        let counted = self.records.spawn(async move {
            let count = lanes.transaction(Instant::now() + LIMIT, move |connection| {
                let act = Arc::clone(&act);
                async move {
                    throttle::count_failure(connection, &device, act.time).await?;
                    let session_id = Some(caller.session_id);
                    audit::insert(connection, &act, caller.user_id, session_id).await?;
                    Ok::<_, Error>(())
                }
                .boxed()
            });
            count.await
        });
        counted
            .await
            .unwrap_or(Err(Error::Database(database::Error::Panicked)))
    }

    /// Counts a wrong password, and records it if there is an account it was wrong for.
    ///
    /// The caller is answered when it has been counted, lest anyone be quicker than the count; it is counted even if the
    /// caller does not wait. The record comes a while after the answer.
    pub(crate) async fn fail(
        &self,
        debtor: Debtor,
        record: Option<(Act, UserId)>,
    ) -> Result<(), Error> {
        let (lanes, now, deadline) = (
            self.sessions.lanes.clone(),
            self.sessions.now(),
            Instant::now() + LIMIT,
        );
        let (counted, outcome) = oneshot::channel();
        self.records.spawn(async move {
            let count = lanes.run(deadline, move |connection| {
                async move {
                    Ok::<_, Error>(throttle::count_failure(connection, &debtor, now).await?)
                }
                .boxed()
            });
            let _gone = counted.send(count.await);
            let Some((act, account_id)) = record else {
                return;
            };
            tokio::time::sleep(LULL).await;
            let recorded = lanes.run(Instant::now() + LIMIT, move |connection| {
                async move {
                    Ok::<_, Error>(audit::insert(connection, &act, account_id, None).await?)
                }
                .boxed()
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
