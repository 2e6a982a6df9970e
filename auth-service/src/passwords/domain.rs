//! Passwords as users type them. They are wiped when dropped and never printed.

use std::fmt;

use contract::refusal::Problem;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::common::is_common;
use crate::accounts::email::{Email, lower_case};

/// Fewest code points of a new password (ASVS 6.2.1).
const MIN_LENGTH: usize = 8;
/// Most code points of a new password (ASVS 6.2.9 asks for at least 64).
const MAX_LENGTH: usize = 128;
/// Most bytes of a presented password that are hashed; a password of [`MAX_LENGTH`] code points has at most half of them.
const MAX_PRESENTED_BYTES: usize = 1024;

/// A password that a user chooses: 8 to 128 code points of any kind (ASVS 6.2.5), never truncated (ASVS 6.2.8), in NFC.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Parses the field of a message. The 10,000 most common passwords are refused, in upper or lower case (ASVS 6.2.4). With
    /// an `email`, this address and its local part are refused too (ASVS 6.2.11).
    pub(crate) fn parse(raw: &str, email: Option<&Email>) -> Result<Self, Problem> {
        let text = nfc(raw);
        let length = text.chars().count();
        if length < MIN_LENGTH {
            return Err(Problem::new(
                "TOO_SHORT",
                format!("has {length} of at least {MIN_LENGTH} characters"),
            ));
        }
        if length > MAX_LENGTH {
            return Err(Problem::new(
                "TOO_LONG",
                format!("has {length} of at most {MAX_LENGTH} characters"),
            ));
        }
        let lower = Zeroizing::new(lower_case(&text));
        if is_common(&lower) {
            return Err(Problem::new(
                "COMMON_PASSWORD",
                "must not be one of the 10,000 most common passwords",
            ));
        }
        if email.is_some_and(|email| is_address(&lower, email)) {
            return Err(Problem::new(
                "EMAIL_AS_PASSWORD",
                "must not be the account's email",
            ));
        }
        Ok(Self(text))
    }

    /// The bytes that are hashed.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// A password that a user presents to sign in, in NFC. No policy applies to it, because the account may be older than the
/// policy.
///
/// No account has a password of more than 1024 bytes, so a longer one is not kept; checking it costs as much as any other.
#[derive(Clone)]
pub struct PresentedPassword(Option<Zeroizing<String>>);

impl PresentedPassword {
    /// Takes the field of a message without a check.
    #[must_use]
    pub fn new(raw: &str) -> Self {
        Self(Some(nfc(raw)).filter(|text| text.len() <= MAX_PRESENTED_BYTES))
    }

    /// The bytes that are hashed; `None` when it cannot match.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        self.0.as_ref().map(|text| text.as_bytes())
    }
}

impl fmt::Debug for PresentedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresentedPassword(..)")
    }
}

/// A password as it is in a message; wiped when dropped.
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

    /// Parses it as the new password of the account with this address.
    pub(crate) fn parse(&self, email: Option<&Email>) -> Result<Password, Problem> {
        Password::parse(&self.0, email)
    }
}

impl fmt::Debug for RawPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawPassword(..)")
    }
}

/// A password that is checked, not set: it must only be given.
pub(crate) fn required(password: String) -> Result<RawPassword, Problem> {
    if password.is_empty() {
        return Err(Problem::new("REQUIRED", "must not be empty"));
    }
    Ok(RawPassword::from(password))
}

/// NFC in one allocation, so that growing leaves no copy in memory: NFC makes text at most three times as long (UAX 15).
fn nfc(raw: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(raw.len() * 3));
    text.extend(raw.nfc());
    text
}

/// Whether a password in lower case is the address or its local part.
fn is_address(password: &str, email: &Email) -> bool {
    [
        email.key(),
        lower_case(email.as_str()),
        lower_case(email.local_part()),
    ]
    .iter()
    .any(|refused| password == refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(raw: &str) -> &'static str {
        let email = Email::parse("Ada.Lovelace@Example.org").unwrap();
        Password::parse(raw, Some(&email)).unwrap_err().reason
    }

    #[test]
    fn a_password_has_8_to_128_code_points_and_is_not_cut() {
        assert_eq!(reason(""), "TOO_SHORT");
        assert_eq!(reason("1234567"), "TOO_SHORT");
        assert_eq!(reason(&"x".repeat(129)), "TOO_LONG");
        let longest = "🦀".repeat(128);
        let password = Password::parse(&longest, None).unwrap();
        assert_eq!(password.bytes(), longest.as_bytes());
    }

    #[test]
    fn length_is_counted_after_nfc() {
        assert_eq!(reason(&"e\u{301}".repeat(7)), "TOO_SHORT");
        assert!(Password::parse(&"e\u{301}".repeat(128), None).is_ok());
    }

    #[test]
    fn no_kind_of_character_is_required_or_forbidden() {
        for password in [
            "aaaaaaaa",
            "        ",
            "\u{0}\u{1}\t\n\r\u{7f}\u{85} ",
            "密码密码密码密码",
        ] {
            assert!(Password::parse(password, None).is_ok(), "{password:?}");
        }
    }

    #[test]
    fn neither_the_email_nor_its_local_part_is_a_password_in_any_case() {
        for password in [
            "Ada.Lovelace@Example.org",
            "ADA.LOVELACE@EXAMPLE.ORG",
            "ada.LOVELACE",
        ] {
            assert_eq!(reason(password), "EMAIL_AS_PASSWORD");
            assert!(Password::parse(password, None).is_ok());
        }
    }

    #[test]
    fn a_common_password_is_refused_in_any_case_and_normal_form() {
        for password in ["password1", "PassWord1", "1qaz2wsx3edc", "QWERTYUIOP"] {
            assert_eq!(reason(password), "COMMON_PASSWORD", "{password}");
            let presented = PresentedPassword::new(password);
            assert!(
                presented.bytes().is_some(),
                "an account that has one can sign in"
            );
        }
        // The sign of the kelvin is a letter K in NFC.
        assert_eq!(reason("\u{212a}1234567"), "COMMON_PASSWORD");
        assert!(Password::parse("password1 ", None).is_ok());
    }

    #[test]
    fn a_presented_password_equals_the_chosen_one_in_every_normal_form() {
        let chosen = Password::parse("caf\u{e9} cr\u{e8}me", None).unwrap();
        let presented = PresentedPassword::new("cafe\u{301} cre\u{300}me");
        assert_eq!(presented.bytes(), Some(chosen.bytes()));
    }

    #[test]
    fn a_presented_password_that_no_account_can_have_is_not_kept() {
        assert!(PresentedPassword::new(&"x".repeat(1024)).bytes().is_some());
        assert!(PresentedPassword::new(&"x".repeat(1025)).bytes().is_none());
        assert!(PresentedPassword::new("").bytes().is_some());
    }

    #[test]
    fn the_longest_password_that_can_be_chosen_can_be_presented() {
        let longest = "\u{10ffff}".repeat(128);
        assert!(Password::parse(&longest, None).is_ok());
        assert!(PresentedPassword::new(&longest).bytes().is_some());
    }

    #[test]
    fn debug_shows_no_password() {
        let password = Password::parse("correct horse", None).unwrap();
        assert_eq!(format!("{password:?}"), "Password(..)");
        let presented = PresentedPassword::new("correct horse");
        assert_eq!(format!("{presented:?}"), "PresentedPassword(..)");
    }
}
