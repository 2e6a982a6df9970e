//! Email addresses.

use contract::refusal::Problem;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

use crate::digest::sha256;

/// Most bytes of an address (RFC 5321 section 4.5.3.1.3, less the angle brackets).
const MAX_LENGTH: usize = 254;
/// Most bytes of the part before the `@` (RFC 5321 section 4.5.3.1.1).
const MAX_LOCAL_LENGTH: usize = 64;
/// Most bytes of a label of a domain name (RFC 1035 section 2.3.4).
const MAX_LABEL_LENGTH: usize = 63;
/// The characters of a dot-atom that are neither letters nor digits (RFC 5322 section 3.2.3).
const ATOM_SYMBOLS: &str = "!#$%&'*+-/=?^_`{|}~";

/// An email address as it was typed, in NFC. Two addresses with the same [`key`](Self::key) belong to the same account.
///
/// The check of its form finds typing errors; only a delivered message shows that an address exists.
///
/// Version 0.1 had an older rule: it allowed local parts that are no dot-atom and invisible characters, and the key was the
/// whole address in lower case, so that a domain had one key in Unicode and another in ASCII. The keys that it stored are not
/// rewritten, because two accounts may have been made for one address. Instead, [`key_hashes`](Self::key_hashes) finds an
/// account under its old key first and then under the new one; a new account is refused when any of them is taken.
#[derive(Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct Email(String);

impl Email {
    /// Parses the address of a new account: at most 254 bytes after NFC, a dot-atom of at most 64 bytes (RFC 5321, RFC 6531),
    /// and a domain that has an ASCII form (UTS 46); no white space, no invisible, private or unassigned characters.
    pub(crate) fn parse(raw: &str) -> Result<Self, Problem> {
        let email = Self::parse_existing(raw)?;
        canonical(&email.0)?;
        Ok(email)
    }

    /// Parses an address that may belong to an account made under the older rule: `local@domain`, at most 254 bytes after NFC,
    /// no white space, no control characters.
    pub(crate) fn parse_existing(raw: &str) -> Result<Self, Problem> {
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
            return Err(not_an_email());
        }
        Ok(Self(text))
    }

    /// The address as it was typed.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that must be unique: the local part with each letter in lower case, whatever the letters beside it, and the
    /// ASCII form of the domain. An address that only the older rule allows keeps the key of that rule.
    #[must_use]
    pub(crate) fn key(&self) -> String {
        canonical(&self.0).unwrap_or_else(|_older_rule| lower_case(&self.0))
    }

    /// SHA-256 of [`key`](Self::key), for places where the address itself must not be stored.
    #[must_use]
    pub(crate) fn key_hash(&self) -> [u8; 32] {
        sha256(self.key().as_bytes())
    }

    /// The hashes under which an account with this address may be stored, the preferred one first: that of the older rule, so
    /// that everybody gets the account that their spelling has always led to, then the new one, then that of the older rule
    /// for a domain in Unicode. They are equal for an address in ASCII without a `xn--` label.
    #[must_use]
    pub(crate) fn key_hashes(&self) -> Vec<Vec<u8>> {
        let key = self.key();
        let mut keys = vec![lower_case(&self.0)];
        if let Some((local, domain)) = key.split_once('@') {
            let (domain, _marked) =
                Uts46::new().to_unicode(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::Allow);
            keys.extend([key.clone(), lower_case(&format!("{local}@{domain}"))]);
        }
        let mut hashes: Vec<Vec<u8>> = Vec::new();
        for key in keys {
            let hash = sha256(key.as_bytes()).to_vec();
            if !hashes.contains(&hash) {
                hashes.push(hash);
            }
        }
        hashes
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

/// The unique form of an address that the rule for new accounts allows.
fn canonical(text: &str) -> Result<String, Problem> {
    if text.chars().any(is_unsafe) {
        return Err(Problem::new(
            "NOT_AN_EMAIL",
            "must not contain invisible, private or unassigned characters",
        ));
    }
    let (local, domain) = text.split_once('@').ok_or_else(not_an_email)?;
    if local.len() > MAX_LOCAL_LENGTH {
        return Err(Problem::new(
            "NOT_AN_EMAIL",
            format!("must have at most {MAX_LOCAL_LENGTH} bytes before the @"),
        ));
    }
    if !is_dot_atom(local) {
        return Err(not_an_email());
    }
    let ascii = Uts46::new().to_ascii(
        domain.as_bytes(),
        AsciiDenyList::STD3,
        Hyphens::Allow,
        DnsLength::Verify,
    );
    match ascii {
        Ok(domain) => Ok(format!("{}@{domain}", lower_case(local))),
        Err(_not_a_domain) => Err(not_an_email()),
    }
}

fn not_an_email() -> Problem {
    Problem::new("NOT_AN_EMAIL", "must be an address such as ada@example.org")
}

/// Characters that a reader cannot see or that mean nothing yet: two addresses that look alike could differ in them.
fn is_unsafe(c: char) -> bool {
    let category = c.general_category();
    matches!(
        category,
        GeneralCategory::Format | GeneralCategory::PrivateUse | GeneralCategory::Unassigned
    ) || c == char::REPLACEMENT_CHARACTER
}

/// Atoms with single dots between them (RFC 5322 section 3.2.3); other scripts count as letters (RFC 6531 section 3.3).
fn is_dot_atom(local: &str) -> bool {
    let is_atom_character =
        |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || ATOM_SYMBOLS.contains(c);
    local
        .split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(is_atom_character))
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
mod tests;
