//! `auth-service keys`: what an operator does with signing keys at the database, also where no administrator can sign in
//! or no replica runs.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, SecondsFormat, SubsecRound as _, Utc};
use clap::Subcommand;
use shared::{
    clock::Clock,
    database::{self, Lanes},
};
use tokio::time::Instant;

use crate::{
    config::Config,
    error::Error,
    feed::Feed,
    parts::lag,
    signing::sealing::KeyEncryptionKeysError,
    signing_keys::{Killed, Order, SigningKeys},
    store::{
        audit::{Act, Kind},
        signing_key::StoredKey,
    },
};

/// How long a command may take.
const LIMIT: Duration = Duration::from_secs(30);
/// Who the audit log says it was.
const ACTOR: &str = "cli";

/// What to do with signing keys.
#[derive(Debug, Clone, Subcommand)]
pub enum KeysCommand {
    /// List the keys that verify tokens, the newest first.
    List,
    /// Make a new key; it signs as soon as the connected verifiers accept it.
    Rotate,
    /// End a key at once, and every token it has signed; another one signs in its place.
    Kill {
        /// The key's id, as `list` shows it.
        // One of 64 begins with a hyphen, and is no option.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum KeysCommandError {
    /// The keys that seal signing keys contradict one another.
    #[error(transparent)]
    KeyEncryptionKeys(#[from] KeyEncryptionKeysError),
    /// The database's URL cannot be read.
    #[error("auth.database.url cannot be read")]
    Url(#[source] sqlx::Error),
    /// The database did not do it.
    #[error(transparent)]
    Refused(#[from] Error),
    /// There is nothing to kill.
    #[error("there is no signing key {0}, or it was killed before")]
    Unknown(String),
}

impl KeysCommandError {
    /// For the shell, after sysexits.h: 65 no such key, 69 the database cannot be reached, 70 anything else.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Unknown(_) => 65,
            Self::Refused(Error::Database(_)) => 69,
            Self::KeyEncryptionKeys(_) | Self::Url(_) | Self::Refused(_) => 70,
        }
    }
}

impl KeysCommand {
    /// Carries the command out on the database of `config`; what there is to tell.
    pub async fn run(
        self,
        config: Config,
        clock: Arc<dyn Clock>,
    ) -> Result<String, KeysCommandError> {
        let feed = Feed::new(config.feed, lag(&config));
        let one = database::Settings {
            lanes: 1,
            ..config.database.clone()
        };
        let lanes = Lanes::start(one).map_err(KeysCommandError::Url)?;
        let keys = crate::parts::signing_keys(&config, &lanes, &feed, &clock)?;
        let told = self.carry_out(&keys, clock.now().trunc_subsecs(6)).await;
        lanes.close().await;
        told
    }

    async fn carry_out(
        self,
        keys: &SigningKeys,
        now: DateTime<Utc>,
    ) -> Result<String, KeysCommandError> {
        let deadline = Instant::now() + LIMIT;
        let order = |kind| Order {
            act: Act::without_call(kind, now),
            actor: ACTOR.to_owned(),
        };
        match self {
            Self::List => Ok(table(&keys.list(deadline).await?)),
            Self::Rotate => {
                let order = order(Kind::SigningKeyRotated);
                let next = keys.rotate(order, deadline).await?;
                Ok(format!(
                    "{} is next: it signs as soon as the connected verifiers accept it",
                    next.kid
                ))
            }
            Self::Kill { kid } => {
                let order = order(Kind::SigningKeyKilled);
                match keys.kill(kid.clone(), order, deadline).await? {
                    Killed::Idle => Ok(format!("{kid} is killed")),
                    Killed::Replaced(by) => Ok(format!("{kid} is killed; {by} signs")),
                    Killed::Unknown => Err(KeysCommandError::Unknown(kid)),
                }
            }
        }
    }
}

/// A line for each key: its id, its state, when it was made, began to sign and stopped.
fn table(keys: &[StoredKey]) -> String {
    let line = |key: &StoredKey| {
        let state = key.state_name();
        let made = shown(Some(key.create_time));
        let (began, stopped) = (shown(key.activate_time), shown(key.retire_time));
        format!("{}  {state:7}  {made}  {began}  {stopped}", key.kid)
    };
    keys.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn shown(time: Option<DateTime<Utc>>) -> String {
    let time = time.map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true));
    time.unwrap_or_else(|| "-".to_owned())
}
