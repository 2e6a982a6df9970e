//! Use cases of accounts. Passwords are hashed before a transaction begins, never inside one.

use std::sync::Arc;

use futures_util::FutureExt as _;
use shared::{
    caller::{Call, Caller},
    ids::UserId,
    refusal::Problem,
};
use sqlx::PgConnection;
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

use crate::{
    domain::{DeviceLabel, DisplayName, Email, Password, PresentedPassword},
    error::Error,
    password::{Hasher, Line},
    sessions::Sessions,
    store::{
        account::{self, Account, NewAccount},
        audit::{self, Act, Kind},
        session::{self, NewSession},
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
        // An account made costs its address as much as a wrong password, so that nobody makes them by the thousand.
        let _kept = self.sessions.throttle.charge(call)?;
        let password_hash = self
            .hasher
            .hash(&wish.password, Line::Anyone, call.deadline)
            .await?;
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
