//! `auth-service keys`: signing keys, managed directly in the database, also when no administrator can sign in or no replica
//! runs.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use clap::Subcommand;
use clock::Clock;
use database::{self, Lanes};
use tokio::time::Instant;

use super::ACTOR;
use crate::{
    app::parts::{revocation_ttl, signing_keys},
    audit::domain::{AuditEvent, EventKind},
    config::Config,
    context::Context,
    error::Error,
    revocations::Feed,
    signing_keys::{
        KeyChange, KillResult, SigningKeys, sealing::KeyEncryptionKeysError, store::StoredKey,
    },
};

/// Longest time of a command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// The commands for signing keys.
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

/// Why a command has changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum KeysCommandError {
    /// The keys that seal signing keys are not usable.
    #[error(transparent)]
    KeyEncryptionKeys(#[from] KeyEncryptionKeysError),
    /// The URL of the database cannot be read.
    #[error("auth.database.url cannot be read")]
    Url(#[source] sqlx::Error),
    /// The command was refused or failed.
    #[error(transparent)]
    Failed(#[from] Error),
    /// There is no such key.
    #[error("there is no signing key {0}, or it was killed before")]
    Unknown(String),
}

impl KeysCommandError {
    /// The exit code, after sysexits.h: 65 no such key, 69 the database cannot be reached, 70 anything else.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Unknown(_) => 65,
            Self::Failed(Error::Database(_)) => 69,
            Self::KeyEncryptionKeys(_) | Self::Url(_) | Self::Failed(_) => 70,
        }
    }
}

impl KeysCommand {
    /// Runs the command on the database of `config`; returns what to print.
    pub async fn run(
        self,
        config: Config,
        clock: Arc<dyn Clock>,
    ) -> Result<String, KeysCommandError> {
        let one = database::Settings {
            lanes: 1,
            ..config.database.clone()
        };
        let lanes = Lanes::start(one).map_err(KeysCommandError::Url)?;
        let context = Context {
            lanes: lanes.clone(),
            clock,
            feed: Feed::new(config.feed, revocation_ttl(&config)),
        };
        let now = context.now();
        let keys = signing_keys(&config, context)?;
        let done = self.run_on(&keys, now).await;
        lanes.close().await;
        done
    }

    async fn run_on(
        self,
        keys: &SigningKeys,
        now: DateTime<Utc>,
    ) -> Result<String, KeysCommandError> {
        let deadline = Instant::now() + COMMAND_TIMEOUT;
        let change = |kind| KeyChange {
            event: AuditEvent::without_call(kind, now),
            actor: ACTOR.to_owned(),
        };
        match self {
            Self::List => Ok(table(&keys.list(deadline).await?)),
            Self::Rotate => {
                let change = change(EventKind::SigningKeyRotated);
                let next = keys.rotate(change, deadline).await?;
                Ok(format!(
                    "{} is next: it signs as soon as the connected verifiers accept it",
                    next.kid
                ))
            }
            Self::Kill { kid } => {
                let change = change(EventKind::SigningKeyKilled);
                match keys.kill(kid.clone(), change, deadline).await? {
                    KillResult::Idle => Ok(format!("{kid} is killed")),
                    KillResult::Replaced(by) => Ok(format!("{kid} is killed; {by} signs")),
                    KillResult::Unknown => Err(KeysCommandError::Unknown(kid)),
                }
            }
        }
    }
}

/// One line per key: its id, its state, and when it was made, began to sign and stopped.
fn table(keys: &[StoredKey]) -> String {
    let line = |key: &StoredKey| {
        let state = key.state().as_str();
        let made = format_time(Some(key.create_time));
        let (began, stopped) = (format_time(key.activate_time), format_time(key.retire_time));
        format!("{}  {state:7}  {made}  {began}  {stopped}", key.kid)
    };
    keys.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn format_time(time: Option<DateTime<Utc>>) -> String {
    let time = time.map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true));
    time.unwrap_or_else(|| "-".to_owned())
}
