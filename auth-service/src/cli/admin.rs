//! `auth-service admin`: accounts, managed directly in the database. This is also how the first administrator is made. Every
//! change is in the audit log, with the actor `cli`.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use api::ids::UserId;
use chrono::{DateTime, SubsecRound as _, Utc};
use clock::Clock;
use contract::refusal::Problem;
use database::{Lanes, Principal};
use futures_util::FutureExt as _;
use sqlx::PgConnection;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::ACTOR;
use crate::{
    accounts::{
        domain::{Account, DisplayName, Role},
        email::Email,
        store::{self as accounts, NewAccount},
    },
    admin::{command::AdminCommand, store},
    app::parts::revocation_ttl,
    audit::{
        domain::{AuditEvent, EventKind},
        store as audit,
    },
    config::Config,
    error,
    passwords::{
        domain::RawPassword,
        hashing::{Hasher, HasherError, HashingPrincipal, PasswordHash},
    },
    revocations::domain::{MAX_ACCESS_TTL, RevocationTtl},
};

/// Longest time of a command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// Most bytes that are read as a password: far more than a password may have.
const MAX_INPUT_BYTES: u64 = 4096;

/// The commands for accounts.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum AccountsCommand {
    /// Make an administrator's account.
    Create {
        /// The address to sign in with.
        #[arg(long)]
        email: String,
        /// The file with the password; `-` is the standard input. One line break at its end is not part of the password.
        #[arg(long, default_value = "-", value_name = "FILE")]
        password_file: PathBuf,
    },
    /// Disable an account: signing in is refused, and its sessions, API keys and tokens end.
    Disable {
        /// The account's address.
        #[arg(long)]
        email: String,
    },
    /// Enable a disabled account again.
    Enable {
        /// The account's address.
        #[arg(long)]
        email: String,
    },
}

/// Why a command has changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum AdminCliError {
    /// An argument or the password is out of bounds.
    #[error("the {what} {}", problem.description)]
    Invalid {
        /// Which one.
        what: &'static str,
        /// Why.
        problem: Problem,
    },
    /// The password cannot be read.
    #[error("cannot read the password from {}", from.display())]
    Password {
        /// The file.
        from: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Password hashing cannot be started.
    #[error(transparent)]
    Hashing(#[from] HasherError),
    /// The URL of the database cannot be read.
    #[error("auth.database.url cannot be read")]
    Url(#[source] sqlx::Error),
    /// The command was refused or failed.
    #[error(transparent)]
    Failed(#[from] error::Error),
}

impl AdminCliError {
    /// The exit code, after sysexits.h: 65 bad input, 66 unreadable file, 67 no such account, 69 the database cannot be
    /// reached, 73 the account exists, 77 not allowed, 70 anything else.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Invalid { .. } => 65,
            Self::Password { .. } => 66,
            Self::Failed(error::Error::AccountNotFound) => 67,
            Self::Failed(error::Error::Database(_)) => 69,
            Self::Failed(error::Error::EmailTaken) => 73,
            Self::Failed(error::Error::LastAdmin) => 77,
            Self::Hashing(_) | Self::Url(_) | Self::Failed(_) => 70,
        }
    }
}

/// Runs a command; returns what to print.
pub async fn run(
    config: Config,
    clock: &dyn Clock,
    command: AccountsCommand,
) -> Result<String, AdminCliError> {
    let ttl = revocation_ttl(&config);
    let mut database = config.database.clone();
    database.lanes = 1;
    let cli = AdminCli {
        lanes: Lanes::start(database).map_err(AdminCliError::Url)?,
        deadline: Instant::now() + COMMAND_TIMEOUT,
        ttl,
        now: clock.now().trunc_subsecs(6),
    };
    let done = match command {
        AccountsCommand::Create {
            email,
            password_file,
        } => cli.create(&config, &email, &password_file).await,
        AccountsCommand::Disable { email } => cli.set_enabled(&email, false).await,
        AccountsCommand::Enable { email } => cli.set_enabled(&email, true).await,
    };
    cli.lanes.close().await;
    done
}

/// What every command needs.
struct AdminCli {
    lanes: Lanes,
    deadline: Instant,
    ttl: RevocationTtl,
    now: DateTime<Utc>,
}

impl AdminCli {
    /// Makes an administrator's account.
    async fn create(
        &self,
        config: &Config,
        email: &str,
        from: &Path,
    ) -> Result<String, AdminCliError> {
        let email = address(Email::parse(email))?;
        let account = NewAccount {
            id: UserId::at(self.now),
            display_name: DisplayName::from_email(&email),
            password_hash: self.hash_password(config, &email, from).await?,
            email,
            role: Role::Admin,
            now: self.now,
        };
        let (email, id) = (account.email.as_str(), account.id);
        let done = format!("made the administrator {email} ({id})");
        let event = AuditEvent::without_call(EventKind::AdminCreated, self.now);
        let work = Arc::new((account, event));
        let inserted = self.lanes.transaction(
            Principal::Internal("cli"),
            self.deadline,
            move |connection| {
                let work = Arc::clone(&work);
                async move { insert(connection, &work.0, &work.1).await }.boxed()
            },
        );
        inserted.await?;
        Ok(done)
    }

    async fn hash_password(
        &self,
        config: &Config,
        email: &Email,
        from: &Path,
    ) -> Result<PasswordHash, AdminCliError> {
        let raw = read_password(from).map_err(|cause| AdminCliError::Password {
            from: from.to_owned(),
            cause,
        })?;
        let password = raw
            .parse(Some(email))
            .map_err(|problem| AdminCliError::Invalid {
                what: "password",
                problem,
            })?;
        let hasher = Hasher::start(config.hash, config.peppers.clone())?;
        let hash = hasher
            .hash(
                &password,
                HashingPrincipal::anyone([0; 32], None),
                self.deadline,
            )
            .await;
        Ok(hash.map_err(error::Error::from)?)
    }

    /// Enables or disables an account.
    async fn set_enabled(&self, email: &str, enabled: bool) -> Result<String, AdminCliError> {
        let email = address(Email::parse_existing(email))?;
        let kind = if enabled {
            EventKind::AccountEnabled
        } else {
            EventKind::AccountDisabled
        };
        let event = AuditEvent::without_call(kind, self.now);
        let window = self.ttl.window(MAX_ACCESS_TTL, self.now);
        let changed = self.lanes.transaction(
            Principal::Internal("cli"),
            self.deadline,
            move |connection| {
                let (event, email) = (event.clone(), email.clone());
                async move {
                    let found = store::find_account_by_email(connection, &email).await?;
                    let command = AdminCommand {
                        account_id: found.ok_or(error::Error::AccountNotFound)?.id,
                        actor: ACTOR.to_owned(),
                        event,
                        window,
                    };
                    if enabled {
                        command.enable(connection).await
                    } else {
                        command.disable(connection).await
                    }
                }
                .boxed()
            },
        );
        let account: Account = changed.await?;
        let state = if enabled { "enabled" } else { "disabled" };
        Ok(format!(
            "{} ({}) is {state}",
            account.email.as_str(),
            account.id
        ))
    }
}

/// The transaction that makes an administrator.
async fn insert(
    connection: &mut PgConnection,
    new: &NewAccount,
    event: &AuditEvent,
) -> Result<(), error::Error> {
    if !accounts::insert(connection, new).await? {
        return Err(error::Error::EmailTaken);
    }
    audit::insert_by(connection, event, new.id, ACTOR).await?;
    Ok(())
}

fn address(parsed: Result<Email, Problem>) -> Result<Email, AdminCliError> {
    parsed.map_err(|problem| AdminCliError::Invalid {
        what: "email",
        problem,
    })
}

/// The text of a file or of the standard input, without the line break that an editor or `echo` adds at the end.
fn read_password(from: &Path) -> io::Result<RawPassword> {
    let mut text = Zeroizing::new(String::new());
    let input: &mut dyn Read = if from == Path::new("-") {
        &mut io::stdin()
    } else {
        &mut File::open(from)?
    };
    input.take(MAX_INPUT_BYTES).read_to_string(&mut text)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    Ok(RawPassword::from(line.to_owned()))
}
