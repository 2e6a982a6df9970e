//! What an operator does to accounts from the command line, directly in the database: no service needs to run, and the
//! first administrator has to come from somewhere. Every act is in the audit log, with `cli` as who did it.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, SubsecRound as _, Utc};
use futures_util::FutureExt as _;
use shared::{clock::Clock, database::Lanes, ids::UserId, refusal::Problem};
use sqlx::PgConnection;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::{
    accounts::RawPassword,
    administration::acts::{self, Order},
    config::Config,
    domain::{DisplayName, Email},
    error,
    feed::Lag,
    password::{self, Hasher, Line},
    store::{
        ADMIN,
        account::{self, Account, NewAccount},
        administration as store,
        audit::{self, Act, Kind},
    },
};

/// Who the audit log says it was.
const ACTOR: &str = "cli";
/// Longest a command may take.
const LIMIT: Duration = Duration::from_secs(30);
/// Bytes of a password that are read: far more than a password may have.
const LONGEST_INPUT: u64 = 4096;

/// What an operator can ask for.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// Make an account that administers others.
    Create {
        /// The address to sign in with.
        #[arg(long)]
        email: String,
        /// The file with the password; `-` is the standard input. One line break at its end is not part of it.
        #[arg(long, default_value = "-", value_name = "FILE")]
        password_file: PathBuf,
    },
    /// Close an account: signing in is refused, and its sessions, API keys and tokens end.
    Disable {
        /// The account's address.
        #[arg(long)]
        email: String,
    },
    /// Open a closed account again.
    Enable {
        /// The account's address.
        #[arg(long)]
        email: String,
    },
}

/// Why a command has done nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An argument or the password is out of bounds.
    #[error("the {what} {}", problem.description)]
    Invalid {
        /// Which.
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
    Hashing(#[from] password::StartError),
    /// The database's URL cannot be read.
    #[error("auth.database.url cannot be read")]
    Url(#[source] sqlx::Error),
    /// The act was refused, or the database did not do it.
    #[error(transparent)]
    Act(#[from] error::Error),
}

impl Error {
    /// For the shell, after sysexits.h: 65 bad input, 66 unreadable file, 67 no such account, 69 the database cannot be
    /// reached, 73 the account exists, 77 not allowed, 70 anything else.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Invalid { .. } => 65,
            Self::Password { .. } => 66,
            Self::Act(error::Error::AccountNotFound) => 67,
            Self::Act(error::Error::Database(_)) => 69,
            Self::Act(error::Error::EmailTaken) => 73,
            Self::Act(error::Error::LastAdmin) => 77,
            Self::Hashing(_) | Self::Url(_) | Self::Act(_) => 70,
        }
    }
}

/// Does what was asked for, and says what was done.
pub async fn run(config: Config, clock: &dyn Clock, command: Command) -> Result<String, Error> {
    let lag = crate::parts::lag(&config);
    let mut database = config.database.clone();
    database.lanes = 1;
    let desk = Desk {
        lanes: Lanes::start(database).map_err(Error::Url)?,
        deadline: Instant::now() + LIMIT,
        lag,
        now: clock.now().trunc_subsecs(6),
    };
    let done = match command {
        Command::Create {
            email,
            password_file,
        } => desk.create(&config, &email, &password_file).await,
        Command::Disable { email } => desk.set_open(&email, false).await,
        Command::Enable { email } => desk.set_open(&email, true).await,
    };
    desk.lanes.close().await;
    done
}

/// What every command needs.
struct Desk {
    lanes: Lanes,
    deadline: Instant,
    lag: Lag,
    now: DateTime<Utc>,
}

impl Desk {
    async fn create(&self, config: &Config, email: &str, from: &Path) -> Result<String, Error> {
        let email = address(email)?;
        let raw = read_password(from).map_err(|cause| Error::Password {
            from: from.to_owned(),
            cause,
        })?;
        let password = raw.parse(Some(&email)).map_err(|problem| Error::Invalid {
            what: "password",
            problem,
        })?;
        let hasher = Hasher::start(config.hash, config.peppers.clone())?;
        let password_hash = hasher.hash(&password, Line::Anyone, self.deadline).await;
        let account = NewAccount {
            id: UserId::at(self.now),
            display_name: DisplayName::from_email(&email),
            email,
            password_hash: password_hash.map_err(error::Error::from)?,
            role: ADMIN,
            now: self.now,
        };
        let done = format!(
            "made the administrator {} ({})",
            account.email.as_str(),
            account.id
        );
        let work = Arc::new((account, Act::without_call(Kind::AdminCreated, self.now)));
        self.lanes
            .transaction(self.deadline, move |connection| {
                let work = Arc::clone(&work);
                async move { make(connection, &work.0, &work.1).await }.boxed()
            })
            .await?;
        Ok(done)
    }

    /// Opens or closes an account.
    async fn set_open(&self, email: &str, open: bool) -> Result<String, Error> {
        let email_hash = address(email)?.key_hash();
        let kind = if open {
            Kind::AccountEnabled
        } else {
            Kind::AccountDisabled
        };
        let act = Act::without_call(kind, self.now);
        let voiding = self.lag.voiding(self.now);
        let changed = self.lanes.transaction(self.deadline, move |connection| {
            let act = act.clone();
            async move {
                let found = store::find_account_of(connection, &email_hash).await?;
                let order = Order {
                    account_id: found.ok_or(error::Error::AccountNotFound)?.id,
                    actor: ACTOR.to_owned(),
                    act,
                    voiding,
                };
                if open {
                    acts::enable(connection, &order).await
                } else {
                    acts::disable(connection, &order).await
                }
            }
            .boxed()
        });
        let account: Account = changed.await?;
        let state = if open { "open" } else { "closed" };
        Ok(format!(
            "{} ({}) is {state}",
            account.email.as_str(),
            account.id
        ))
    }
}

/// The transaction that makes an administrator.
async fn make(
    connection: &mut PgConnection,
    new: &NewAccount,
    act: &Act,
) -> Result<(), error::Error> {
    if !account::insert(connection, new).await? {
        return Err(error::Error::EmailTaken);
    }
    audit::insert_by(connection, act, new.id, ACTOR).await?;
    Ok(())
}

fn address(text: &str) -> Result<Email, Error> {
    Email::parse(text).map_err(|problem| Error::Invalid {
        what: "email",
        problem,
    })
}

/// The text of a file, or of the standard input, without the line break that an editor or `echo` puts at its end.
fn read_password(from: &Path) -> io::Result<RawPassword> {
    let mut text = Zeroizing::new(String::new());
    let input: &mut dyn Read = if from == Path::new("-") {
        &mut io::stdin()
    } else {
        &mut File::open(from)?
    };
    input.take(LONGEST_INPUT).read_to_string(&mut text)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    Ok(RawPassword::from(line.to_owned()))
}
