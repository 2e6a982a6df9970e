//! Use cases of accounts. Passwords are hashed before a transaction begins, never inside one.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use shared::{
    caller::{Call, Caller},
    ids::{SessionId, UserId},
    refusal::Problem,
};
use sqlx::PgConnection;
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

use crate::{
    domain::{DeviceLabel, DisplayName, Email, Password, PresentedPassword},
    error::Error,
    password::{Hasher, PasswordHash},
    refresh_token::SessionSecret,
    sessions::Sessions,
    store::{
        account::{self, Account, Credentials, NewAccount},
        audit::{self, Act, Kind},
        feed::{self, Voiding},
        revocation,
        session::{self, NewSession, Standing},
    },
    tokens::Pair,
};

/// `role` of an account that administers nothing: the number of `ACCOUNT_ROLE_USER`.
const USER: i16 = 1;

/// A new account asked for.
#[derive(Debug)]
pub(crate) struct SignUp {
    pub(crate) email: Email,
    pub(crate) password: Password,
    pub(crate) display_name: DisplayName,
    pub(crate) device_label: DeviceLabel,
}

/// A change of an account asked for.
#[derive(Debug)]
pub(crate) struct Change {
    /// `None` when the mask leaves it as it is.
    pub(crate) display_name: Option<DisplayName>,
    /// The revision that the etag expects.
    pub(crate) revision: Option<i64>,
}

/// A new password asked for.
#[derive(Debug)]
pub(crate) struct NewPassword {
    pub(crate) current: RawPassword,
    pub(crate) new: RawPassword,
}

/// A password as it stands in a message; wiped when dropped.
pub(crate) struct RawPassword(Zeroizing<String>);

impl From<String> for RawPassword {
    fn from(raw: String) -> Self {
        Self(Zeroizing::new(raw))
    }
}

impl RawPassword {
    pub(crate) fn presented(&self) -> PresentedPassword {
        PresentedPassword::new(&self.0)
    }

    /// The password as a new one of the account with this address.
    pub(crate) fn parse(&self, email: Option<&Email>) -> Result<Password, Problem> {
        Password::parse(&self.0, email)
    }
}

impl std::fmt::Debug for RawPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RawPassword(..)")
    }
}

/// All accounts. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Accounts {
    pub(crate) sessions: Sessions,
    pub(crate) hasher: Hasher,
    /// Records that no call waits for.
    pub(crate) records: TaskTracker,
}

impl Accounts {
    pub(crate) fn new(sessions: Sessions, hasher: Hasher, records: TaskTracker) -> Self {
        Self {
            sessions,
            hasher,
            records,
        }
    }

    /// Makes an account and its first session. Whether the address is taken shows only after the hashing, so that both
    /// cases cost the same.
    pub(crate) async fn sign_up(
        &self,
        call: &Call,
        wish: SignUp,
    ) -> Result<(Account, Pair), Error> {
        let password_hash = self.hasher.hash(&wish.password, call.deadline).await?;
        let (session, token) = self.sessions.draft(call, wish.device_label)?;
        let account = NewAccount {
            id: UserId::at(session.now),
            email: wish.email,
            password_hash,
            display_name: wish.display_name,
            role: USER,
            now: session.now,
        };
        let act = Act::of(call, Kind::SignUp, session.now);
        let work = Arc::new((account, session.clone(), act));
        let made = self
            .sessions
            .lanes
            .transaction(call.deadline, move |connection| {
                let work = Arc::clone(&work);
                async move { make(connection, &work.0, &work.1, &work.2).await }.boxed()
            })
            .await?;
        let pair = self.sessions.first_pair(&made, &session, &token)?;
        Ok((made, pair))
    }

    /// The caller's account.
    pub(crate) async fn get(&self, caller: Caller, call: &Call) -> Result<Account, Error> {
        let now = self.sessions.now();
        let found = self
            .sessions
            .lanes
            .run(call.deadline, move |connection| {
                async move { Ok::<_, Error>(account::find_own(connection, &caller, now).await?) }
                    .boxed()
            })
            .await?;
        found.ok_or(Error::TokenRevoked)
    }

    /// Changes the caller's account; without anything to change, only the etag is checked.
    pub(crate) async fn update(
        &self,
        caller: Caller,
        call: &Call,
        change: Change,
    ) -> Result<Account, Error> {
        let now = self.sessions.now();
        let revision = change.revision;
        if let Some(name) = change.display_name {
            let updated = self
                .sessions
                .lanes
                .run(call.deadline, move |connection| {
                    async move {
                        Ok::<_, Error>(
                            account::update_own(connection, &caller, &name, revision, now).await?,
                        )
                    }
                    .boxed()
                })
                .await?;
            if let Some(account) = updated {
                return Ok(account);
            }
            self.get(caller, call).await?;
            return Err(Error::EtagMismatch);
        }
        let account = self.get(caller, call).await?;
        if revision.is_some_and(|revision| revision != account.revision) {
            return Err(Error::EtagMismatch);
        }
        Ok(account)
    }

    /// Sets a new password: every other session ends, and this one goes on with a new secret, so that no token issued
    /// before is good for anything (ASVS 7.4.3).
    pub(crate) async fn change_password(
        &self,
        caller: Caller,
        call: &Call,
        wish: NewPassword,
    ) -> Result<Pair, Error> {
        self.sessions.mint.check()?;
        let read = self.confirm(caller, call, &wish.current).await?;
        let new = wish
            .new
            .parse(Some(&read.email))
            .map_err(|problem| Error::field("new_password", problem))?;
        let password_hash = self.hasher.hash(&new, call.deadline).await?;
        let now = self.sessions.now();
        let secret = SessionSecret::random();
        let work = Arc::new(Replacement {
            read,
            password_hash,
            session_id: caller.session_id,
            secret_hash: secret.hash(),
            idle_deadline: self.sessions.idle_deadline(now),
            act: Act::of(call, Kind::PasswordChanged, now),
            voiding: self.sessions.feed.voiding(now),
        });
        let session = self
            .sessions
            .lanes
            .transaction(call.deadline, move |connection| {
                let work = Arc::clone(&work);
                async move { replace_password(connection, &work).await }.boxed()
            })
            .await?;
        self.sessions.feed.wake();
        self.sessions.renewed_pair(&session, secret)
    }

    /// Deletes the caller's account with its sessions. The audit events stay; they name no address.
    pub(crate) async fn delete(
        &self,
        caller: Caller,
        call: &Call,
        current: RawPassword,
    ) -> Result<(), Error> {
        let read = self.confirm(caller, call, &current).await?;
        let act = Act::of(call, Kind::AccountDeleted, self.sessions.now());
        let voiding = self.sessions.feed.voiding(act.time);
        let work = Arc::new((read, act));
        self.sessions
            .lanes
            .transaction(call.deadline, move |connection| {
                let work = Arc::clone(&work);
                async move {
                    remove(connection, &work.0, caller.session_id, &work.1, voiding).await
                }
                .boxed()
            })
            .await?;
        self.sessions.feed.wake();
        Ok(())
    }

    /// The credentials of a caller who knows the password (ASVS 6.2.3).
    async fn confirm(
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
                async move {
                    Ok::<_, Error>(account::find_own_credentials(connection, &caller, now).await?)
                }
                .boxed()
            })
            .await?;
        let read = found.ok_or(Error::TokenRevoked)?;
        let verdict = self
            .hasher
            .verify(
                current.presented(),
                Some(read.password_hash.clone()),
                call.deadline,
            )
            .await?;
        if verdict.matches {
            Ok(read)
        } else {
            Err(Error::CredentialsInvalid)
        }
    }
}

/// What a change of password writes.
struct Replacement {
    read: Credentials,
    password_hash: PasswordHash,
    session_id: SessionId,
    secret_hash: [u8; 32],
    idle_deadline: DateTime<Utc>,
    act: Act,
    voiding: Voiding,
}

/// The transaction of a sign-up.
async fn make(
    connection: &mut PgConnection,
    new: &NewAccount,
    session: &NewSession,
    act: &Act,
) -> Result<Account, Error> {
    if !account::insert(connection, new).await? {
        return Err(Error::EmailTaken);
    }
    let made = session::open(connection, new.id, account::FIRST_EPOCH, session).await?;
    audit::insert(connection, act, new.id, Some(session.id)).await?;
    made.ok_or(Error::Conflict)
}

/// The transaction of a change of password.
async fn replace_password(
    connection: &mut PgConnection,
    work: &Replacement,
) -> Result<Standing, Error> {
    let (account_id, session_id, now) = (work.read.account_id, work.session_id, work.act.time);
    if !account::change_password(connection, &work.read, &work.password_hash, now).await? {
        return Err(Error::TokenRevoked);
    }
    feed::revoke_account(connection, account_id, work.read.epoch + 1, work.voiding).await?;
    revocation::end_others(connection, account_id, session_id, now).await?;
    audit::insert(connection, &work.act, account_id, Some(session_id)).await?;
    let renewed = session::renew(
        connection,
        session_id,
        &work.secret_hash,
        now,
        work.idle_deadline,
    )
    .await?;
    renewed.ok_or(Error::TokenRevoked)
}

/// The transaction of a deletion.
async fn remove(
    connection: &mut PgConnection,
    read: &Credentials,
    session_id: SessionId,
    act: &Act,
    voiding: Voiding,
) -> Result<(), Error> {
    if !account::delete(connection, read).await? {
        return Err(Error::TokenRevoked);
    }
    feed::revoke_account(connection, read.account_id, feed::NO_EPOCH, voiding).await?;
    audit::insert(connection, act, read.account_id, Some(session_id)).await?;
    Ok(())
}
