//! Accounts, and the values they are made of.

use api::{ids::UserId, text};
use chrono::{DateTime, Utc};
use contract::refusal::Problem;

use super::email::Email;

/// Most code points of a name.
const MAX_NAME_LENGTH: usize = 100;

/// The epoch of a new account.
pub(crate) const FIRST_EPOCH: i64 = 1;

/// What an account may do, as the column `role` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[repr(i16)]
pub(crate) enum Role {
    /// Uses the service.
    User = 1,
    /// Administers other accounts too.
    Admin = 2,
}

/// Whether an account can be used, as the column `state` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[repr(i16)]
pub(crate) enum AccountState {
    /// It can be signed in to.
    Active = 1,
    /// An administrator has closed it.
    Disabled = 2,
}

/// An account, as its owner may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) id: UserId,
    pub(crate) email: Email,
    pub(crate) display_name: DisplayName,
    pub(crate) role: Role,
    pub(crate) state: AccountState,
    /// Access tokens of a lower epoch are refused.
    pub(crate) epoch: i64,
    /// Counts the changes of the row; its etag follows from it.
    pub(crate) revision: i64,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) update_time: DateTime<Utc>,
}

/// The name of a person: 1 to 100 code points after NFC, one line, visible.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct DisplayName(String);

impl DisplayName {
    /// Parses the field of a message.
    pub(crate) fn parse(raw: &str) -> Result<Self, Problem> {
        text::line(raw, 1..=MAX_NAME_LENGTH).map(Self)
    }

    /// The name of a person who gave none: the part of the address before the `@`, which has at most 64 bytes, or `user` when that
    /// is no name, for example because it is not visible.
    #[must_use]
    pub(crate) fn from_email(email: &Email) -> Self {
        Self::parse(email.local_part()).unwrap_or_else(|_not_a_name| Self("user".to_owned()))
    }

    /// The text.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
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
        let blank = DisplayName::parse("\u{3164} \u{2800}").unwrap_err();
        assert_eq!(blank.reason, "NOT_VISIBLE");
    }

    #[test]
    fn a_display_name_is_taken_from_the_part_before_the_at() {
        let name = |email: &str| DisplayName::from_email(&Email::parse(email).unwrap());
        assert_eq!(name("Ada.Lovelace@example.org").as_str(), "Ada.Lovelace");
        let long = "x".repeat(64);
        assert_eq!(name(&format!("{long}@example.org")).as_str(), long);
        assert_eq!(name("\u{3164}@example.org").as_str(), "user");
    }
}
