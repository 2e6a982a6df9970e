//! The secrets of services: the credential of SERVICE-level RPCs.
//!
//! Two may be valid at once, so that a secret can be replaced without an outage: first the servers accept the new one besides
//! the old one, then the clients change to the new one, then the servers remove the old one.

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use settings::{SecretError, refuse_placeholder};

/// Fewest characters of a secret. 32 random bytes are 43 characters in base64.
const MIN_LENGTH: usize = 32;
/// Most characters of a secret.
const MAX_LENGTH: usize = 512;
/// Fewest distinct characters of a secret. A random secret has more.
const MIN_DISTINCT_CHARACTERS: usize = 8;
/// Most secrets at once: the old one and the new one.
const MAX_SECRETS: usize = 2;

/// The secrets that a server accepts. Only their hashes are kept. The default accepts none.
#[derive(Clone, Default)]
pub struct ServiceSecrets(Vec<[u8; 32]>);

impl ServiceSecrets {
    /// Reads one secret, or two with a comma between them. Each has 32 to 512 visible ASCII characters, for example the output
    /// of `openssl rand -base64 32`.
    ///
    /// # Errors
    /// A secret is too short or too long, has other characters or does not look random, or both are the same.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let hashes = text
            .split(',')
            .map(|secret| Ok(hash(check(secret.trim())?)))
            .collect::<Result<Vec<_>, SecretError>>()?;
        if hashes.len() > MAX_SECRETS {
            return Err(SecretError::Malformed("must be one secret or two"));
        }
        if hashes.len() == MAX_SECRETS && hashes[0] == hashes[1] {
            return Err(SecretError::Malformed("is the same secret twice"));
        }
        Ok(Self(hashes))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `presented` is one of them. The time does not depend on which one it is, nor on how much of it is right (ASVS
    /// 11.2.4).
    #[must_use]
    pub fn accepts(&self, presented: &str) -> bool {
        let presented = hash(presented);
        self.0.iter().fold(false, |accepted, hash| {
            verify_slices_are_equal(hash, &presented).is_ok() | accepted
        })
    }
}

impl std::fmt::Debug for ServiceSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServiceSecrets({})", self.0.len())
    }
}

/// Checks one secret as it is written in the configuration of a server or a client.
///
/// # Errors
/// Too few or too many characters, a character that is not visible ASCII, a comma, or too few distinct characters.
pub fn check(secret: &str) -> Result<&str, SecretError> {
    if secret.is_empty() {
        return Err(SecretError::Empty);
    }
    refuse_placeholder(secret)?;
    if !(MIN_LENGTH..=MAX_LENGTH).contains(&secret.len()) {
        return Err(SecretError::Malformed(
            "must have 32 to 512 characters; make one with `openssl rand -base64 32`",
        ));
    }
    if !secret.bytes().all(|b| b.is_ascii_graphic() && b != b',') {
        return Err(SecretError::Malformed(
            "has characters that are not visible ASCII",
        ));
    }
    let mut seen: Vec<u8> = secret.bytes().collect();
    seen.sort_unstable();
    seen.dedup();
    if seen.len() < MIN_DISTINCT_CHARACTERS {
        return Err(SecretError::Regular);
    }
    Ok(secret)
}

fn hash(secret: &str) -> [u8; 32] {
    *digest(&SHA256, secret.as_bytes())
        .as_ref()
        .first_chunk()
        .expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "q8Jx0f2Zs7mVb4Kt1LrYp6WnHc3Dg5Ea";
    const NEW: &str = "Zk3vR9tYw1XbN6mQ4sLf8HjC2gPd7Ua0/+=";

    #[test]
    fn each_of_two_secrets_is_accepted_and_nothing_else() {
        let secrets = ServiceSecrets::parse(&format!("{OLD}, {NEW}")).unwrap();
        assert!(secrets.accepts(OLD));
        assert!(secrets.accepts(NEW));
        for wrong in [
            "",
            &OLD[1..],
            &NEW[..NEW.len() - 1],
            &format!("{OLD},{NEW}"),
        ] {
            assert!(!secrets.accepts(wrong), "{wrong}");
        }
        let rotated = ServiceSecrets::parse(NEW).unwrap();
        assert!(!rotated.accepts(OLD));
        assert!(rotated.accepts(NEW));
    }

    #[test]
    fn without_secrets_nothing_is_accepted() {
        assert!(ServiceSecrets::default().is_empty());
        assert!(!ServiceSecrets::default().accepts(""));
        assert!(!ServiceSecrets::default().accepts(OLD));
    }

    #[test]
    fn each_kind_of_weak_secret_is_refused_with_its_reason() {
        let refused = |text: &str| ServiceSecrets::parse(text).unwrap_err();
        assert_eq!(refused(""), SecretError::Empty);
        assert_eq!(refused(&format!("{OLD},")), SecretError::Empty);
        assert_eq!(
            refused("change-me-change-me-change-me-change-me"),
            SecretError::Placeholder
        );
        assert_eq!(refused(&"ab".repeat(20)), SecretError::Regular);
        for malformed in [
            &OLD[1..],
            &OLD.repeat(17),
            &format!("{OLD} {NEW}"),
            &format!("{OLD}é"),
            &format!("{OLD},{OLD}"),
            &format!("{OLD},{NEW},{OLD}x"),
        ] {
            assert!(
                matches!(refused(malformed), SecretError::Malformed(_)),
                "{malformed}"
            );
        }
    }

    #[test]
    fn debug_output_hides_the_secrets() {
        let secrets = ServiceSecrets::parse(OLD).unwrap();
        assert_eq!(format!("{secrets:?}"), "ServiceSecrets(1)");
    }
}
