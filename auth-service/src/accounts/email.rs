//! Email addresses.

use contract::refusal::Problem;
use unicode_normalization::UnicodeNormalization as _;

use crate::digest::sha256;

/// Most bytes of an address (RFC 5321 section 4.5.3.1.3, less the angle brackets).
const MAX_LENGTH: usize = 254;
/// Most bytes of a label of a domain name (RFC 1035 section 2.3.4).
const MAX_LABEL_LENGTH: usize = 63;

/// An email address as it was typed, in NFC. Two addresses with the same [`key`](Self::key) belong to the same account.
///
/// The check of its form finds typing errors; only a delivered message shows that an address exists.
#[derive(Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct Email(String);

impl Email {
    /// Parses the field of a message: `local@domain`, at most 254 bytes after NFC, no white space, no control characters.
    pub(crate) fn parse(raw: &str) -> Result<Self, Problem> {
        if raw.is_empty() {
            return Err(Problem::new("REQUIRED", "must not be empty"));
        }
        let text: String = raw.nfc().collect();
        if text.len() > MAX_LENGTH {
            let length = text.len();
            return Err(Problem::new(
                "TOO_LONG",
                format!("has {length} of at most {MAX_LENGTH} bytes"),
            ));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(Problem::new(
                "NOT_AN_EMAIL",
                "must not contain white space or control characters",
            ));
        }
        let well_formed = text
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && is_domain(domain));
        if !well_formed {
            return Err(Problem::new(
                "NOT_AN_EMAIL",
                "must be an address such as ada@example.org",
            ));
        }
        Ok(Self(text))
    }

    /// The address as it was typed.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that must be unique: each letter in lower case, whatever the letters beside it.
    #[must_use]
    pub(crate) fn key(&self) -> String {
        lower_case(&self.0)
    }

    /// SHA-256 of [`key`](Self::key), for places where the address itself must not be stored.
    #[must_use]
    pub(crate) fn key_hash(&self) -> [u8; 32] {
        sha256(self.key().as_bytes())
    }

    /// The part before the `@`.
    pub(crate) fn local_part(&self) -> &str {
        self.0
            .split_once('@')
            .map_or(self.as_str(), |(local, _)| local)
    }
}

impl std::fmt::Debug for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Email(..)")
    }
}

/// Lower case in NFC, independent of context, so that a final sigma does not give one address two keys.
pub(crate) fn lower_case(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).nfc().collect()
}

/// Labels of letters, digits and inner hyphens, in any script.
fn is_domain(domain: &str) -> bool {
    domain.split('.').all(|label| {
        (1..=MAX_LABEL_LENGTH).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(is_label_character)
    })
}

/// Letters of some scripts need marks, which are not alphanumeric. Of ASCII only the characters of host names are allowed.
fn is_label_character(c: char) -> bool {
    !c.is_ascii() || c.is_ascii_alphanumeric() || c == '-'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reason(raw: &str) -> &'static str {
        Email::parse(raw).unwrap_err().reason
    }

    #[test]
    fn an_address_is_kept_as_it_was_typed() {
        for address in [
            "Ada@Example.org",
            "a+b.c_d'e@x-y.example",
            "用户@例え.jp",
            "root@localhost",
        ] {
            assert_eq!(Email::parse(address).unwrap().as_str(), address);
        }
    }

    #[test]
    fn an_address_has_one_at_between_a_local_part_and_a_domain() {
        for address in [
            "ada", "@", "@b", "a@", "a@b@c", "a@@b", "a@.", "a@b.", "a@.b", "a@b..c", "a@-b",
            "a@b-", "a@b_c", "a@b/c", "a@[1]", "a@b,c",
        ] {
            assert_eq!(reason(address), "NOT_AN_EMAIL", "{address}");
        }
        assert_eq!(reason(""), "REQUIRED");
        let label = "x".repeat(64);
        assert_eq!(reason(&format!("a@{label}.org")), "NOT_AN_EMAIL");
    }

    #[test]
    fn white_space_and_control_characters_are_refused_and_not_removed() {
        for address in [
            " a@b.c",
            "a@b.c ",
            "a@b.c\n",
            "a b@c.d",
            "a\u{0}@b.c",
            "a\u{a0}@b.c",
            "a@b\u{85}.c",
            "a\r\nBcc: x@b.c",
        ] {
            assert_eq!(reason(address), "NOT_AN_EMAIL", "{address:?}");
        }
    }

    #[test]
    fn an_address_has_at_most_254_bytes() {
        let of = |length: usize| format!("{}@example.org", "a".repeat(length - 12));
        assert!(Email::parse(&of(254)).is_ok());
        assert_eq!(reason(&of(255)), "TOO_LONG");
    }

    #[test]
    fn addresses_that_differ_in_case_or_normal_form_have_one_key() {
        let key = |raw: &str| Email::parse(raw).unwrap().key();
        assert_eq!(key("ADA@Example.ORG"), "ada@example.org");
        assert_eq!(key("e\u{301}@x.fr"), key("\u{c9}@X.FR"));
        assert_eq!(key("ΟΔΟΣ@x.gr"), key("οδοσ@x.gr"));
        assert_ne!(key("ada@example.org"), key("ida@example.org"));
    }

    #[test]
    fn debug_shows_no_address() {
        let shown = format!("{:?}", Email::parse("ada@example.org").unwrap());
        assert_eq!(shown, "Email(..)");
    }

    proptest! {
        #[test]
        fn the_key_of_a_key_is_itself(raw in "\\PC{1,20}@[a-zA-Z]{1,9}") {
            if let Ok(email) = Email::parse(&raw) {
                let again = Email::parse(&email.key());
                prop_assert_eq!(again.map(|email| email.key()), Ok(email.key()));
            }
        }

        #[test]
        fn parsing_any_text_never_panics(raw in ".*") {
            let _either = Email::parse(&raw);
        }
    }
}
