//! Sessions, and the values they are made of.

use std::time::Duration;

use api::{
    bounds,
    ids::{SessionId, UserId},
    text,
};
use chrono::{DateTime, Utc};
use contract::refusal::{Problem, Violations};

use crate::{accounts::domain::Role, audit::domain::Origin, digest::sha256};

/// Most code points of a label.
const MAX_LABEL_LENGTH: usize = 100;

/// How long sessions live, and how many.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// Without a refresh.
    pub idle: Duration,
    /// In all (ASVS 10.4.8).
    pub absolute: Duration,
    /// After a refresh, how long its token may be presented again by a client that has never sent an attempt tag.
    pub concurrent_window: Duration,
    /// Live sessions of an account: 1 to 1,000. When one more begins, the oldest ends.
    pub max_sessions: u32,
}

/// A session that is about to begin.
#[derive(Debug, Clone)]
pub(crate) struct NewSession {
    pub(crate) id: SessionId,
    pub(crate) secret_hash: [u8; 32],
    pub(crate) device: NewDevice,
    pub(crate) origin: Origin,
    pub(crate) now: DateTime<Utc>,
    pub(crate) idle_deadline: DateTime<Utc>,
    pub(crate) absolute_deadline: DateTime<Utc>,
}

/// What a device says of itself when it signs in.
#[derive(Debug, Clone)]
pub(crate) struct NewDevice {
    pub(crate) label: DeviceLabel,
    /// Declares the session from its birth.
    pub(crate) attempt_tag: Option<AttemptTag>,
}

impl NewDevice {
    /// Parses the fields `device_label` and `attempt_tag`.
    pub(crate) fn parse(label: &str, tag: &[u8], violations: &mut Violations) -> Option<Self> {
        let label = violations.take("device_label", DeviceLabel::parse(label));
        let attempt_tag = violations.take("attempt_tag", AttemptTag::parse(tag));
        Some(Self {
            label: label?,
            attempt_tag: attempt_tag?,
        })
    }
}

/// What the tokens of a session are made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionState {
    pub(crate) session_id: SessionId,
    pub(crate) account_id: UserId,
    /// Of the account.
    pub(crate) role: Role,
    /// Of the account.
    pub(crate) epoch: i64,
    pub(crate) generation: i64,
    pub(crate) rotate_time: DateTime<Utc>,
    pub(crate) idle_deadline: DateTime<Utc>,
    pub(crate) absolute_deadline: DateTime<Utc>,
}

/// The name of a client in the list of sessions: at most 100 code points after NFC, one line, may be empty.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct DeviceLabel(String);

impl DeviceLabel {
    /// Parses the field of a message.
    pub(crate) fn parse(raw: &str) -> Result<Self, Problem> {
        text::line(raw, 0..=MAX_LABEL_LENGTH).map(Self)
    }

    /// The text.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A random value of 16 to 64 bytes that one device makes when it signs in and sends with every refresh of that session.
///
/// Only its hash is kept, so that a thief with a copy of the database cannot pretend to be the client.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AttemptTag([u8; 32]);

impl AttemptTag {
    /// Parses the field of a message; an empty field is no tag.
    pub(crate) fn parse(raw: &[u8]) -> Result<Option<Self>, Problem> {
        if raw.is_empty() {
            return Ok(None);
        }
        if !bounds::ATTEMPT_TAG.contains(&raw.len()) {
            return Err(Problem::new(
                "LENGTH_INVALID",
                format!("has {} bytes; it must have 16 to 64, or none", raw.len()),
            ));
        }
        Ok(Some(Self(sha256(raw))))
    }

    /// SHA-256 of the tag, as the row of a session keeps it.
    #[must_use]
    pub(crate) const fn hash(&self) -> [u8; 32] {
        self.0
    }
}

impl std::fmt::Debug for AttemptTag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AttemptTag(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_label_may_be_empty_but_not_longer_than_100_code_points() {
        assert_eq!(DeviceLabel::parse("").unwrap().as_str(), "");
        let long = "é".repeat(101);
        assert_eq!(DeviceLabel::parse(&long).unwrap_err().reason, "TOO_LONG");
    }

    #[test]
    fn an_attempt_tag_has_16_to_64_bytes_and_an_empty_one_is_none() {
        assert_eq!(AttemptTag::parse(&[]).unwrap(), None);
        for length in [16, 64] {
            assert!(AttemptTag::parse(&vec![7; length]).unwrap().is_some());
        }
        for length in [1, 15, 65, 4096] {
            let problem = AttemptTag::parse(&vec![7; length]).unwrap_err();
            assert_eq!(problem.reason, "LENGTH_INVALID");
        }
    }

    #[test]
    fn attempt_tags_are_equal_exactly_when_their_bytes_are() {
        let tag = |byte| AttemptTag::parse(&[byte; 32]).unwrap().unwrap();
        assert_eq!(tag(1).hash(), tag(1).hash());
        assert_ne!(tag(1), tag(2));
        assert_eq!(format!("{:?}", tag(1)), "AttemptTag(..)");
    }
}
