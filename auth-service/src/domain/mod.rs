//! The values of accounts and sessions. Each is parsed once, at the edge, and is then right by its type.

mod api_key;
mod common;
mod email;
mod password;

use aws_lc_rs::digest::{SHA256, digest};
use shared::{refusal::Problem, text};

pub use api_key::{KeyEnd, KeyScopes};
pub use email::Email;
pub use password::{Password, PresentedPassword};

/// Most code points of a name or label.
const LONGEST_NAME: usize = 100;
/// Bytes that an attempt tag can have.
const TAG_LENGTHS: std::ops::RangeInclusive<usize> = 16..=64;

/// What a person is called: 1 to 100 code points after NFC, one line.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct DisplayName(String);

impl DisplayName {
    /// Parses the field of a message.
    pub fn parse(raw: &str) -> Result<Self, Problem> {
        text::line(raw, 1..=LONGEST_NAME).map(Self)
    }

    /// The name of someone who gave none: the part of the address before the `@`, cut to fit.
    #[must_use]
    pub fn from_email(email: &Email) -> Self {
        Self(email.local_part().chars().take(LONGEST_NAME).collect())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a client calls itself in the list of sessions: at most 100 code points after NFC, one line, may be empty.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct DeviceLabel(String);

impl DeviceLabel {
    /// Parses the field of a message.
    pub fn parse(raw: &str) -> Result<Self, Problem> {
        text::line(raw, 0..=LONGEST_NAME).map(Self)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What every retry of one refresh by one client has in common, 16 to 64 bytes that nobody else knows.
///
/// Only its hash is kept, so that a leaked database does not let a thief pass for the client.
#[derive(Clone, PartialEq, Eq)]
pub struct AttemptTag([u8; 32]);

impl AttemptTag {
    /// Parses the field of a message; an empty one is no tag.
    pub fn parse(raw: &[u8]) -> Result<Option<Self>, Problem> {
        if raw.is_empty() {
            return Ok(None);
        }
        if !TAG_LENGTHS.contains(&raw.len()) {
            return Err(Problem::new(
                "LENGTH_INVALID",
                format!("has {} bytes; it must have 16 to 64, or none", raw.len()),
            ));
        }
        Ok(Some(Self(sha256(raw))))
    }

    /// SHA-256 of the tag, which is what a session's row keeps.
    #[must_use]
    pub const fn hash(&self) -> [u8; 32] {
        self.0
    }
}

impl std::fmt::Debug for AttemptTag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AttemptTag(..)")
    }
}

/// SHA-256 (FIPS 180-4) of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes)
        .as_ref()
        .try_into()
        .expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_name_has_1_to_100_code_points_in_one_line() {
        assert_eq!(DisplayName::parse("").unwrap_err().reason, "REQUIRED");
        assert!(DisplayName::parse(&"🦀".repeat(100)).is_ok());
        let long = "🦀".repeat(101);
        assert_eq!(DisplayName::parse(&long).unwrap_err().reason, "TOO_LONG");
        let lines = DisplayName::parse("a\nb").unwrap_err();
        assert_eq!(lines.reason, "CONTROL_CHARACTER");
    }

    #[test]
    fn a_display_name_is_taken_from_the_part_before_the_at() {
        let name = |email: &str| DisplayName::from_email(&Email::parse(email).unwrap());
        assert_eq!(name("Ada.Lovelace@example.org").as_str(), "Ada.Lovelace");
        let long = format!("{}@example.org", "x".repeat(120));
        assert_eq!(name(&long), DisplayName::parse(&"x".repeat(100)).unwrap());
    }

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
