//! Secrets of the configuration: parsed once, refused when weak, never printed.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret, SecretSlice};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);

/// Placeholders in documentation. All are too long to occur in base64 by chance.
const PLACEHOLDERS: [&str; 7] = [
    "change-me",
    "changeme",
    "change_me",
    "replace-me",
    "replaceme",
    "your-secret",
    "placeholder",
];

/// 16 or more random bytes have at least this many distinct values (otherwise with a probability below 10⁻¹⁵).
const DISTINCT_BYTES: usize = 5;

/// Why a secret is refused. It cannot contain the secret or a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The text is empty.
    #[error("is empty")]
    Empty,
    /// A placeholder from the documentation.
    #[error("is a placeholder; make one with `openssl rand -base64 32`")]
    Placeholder,
    /// Neither the standard nor the URL-safe base64 of RFC 4648.
    #[error("is not base64; make one with `openssl rand -base64 32`")]
    NotBase64,
    /// Another number of bytes than required.
    #[error("must be base64 of exactly {0} bytes")]
    NotExactly(usize),
    /// Too few bytes.
    #[error("must be base64 of at least {0} bytes")]
    Shorter(usize),
    /// Bytes with few distinct values, or with constant differences.
    #[error("is too regular to be random")]
    Regular,
    /// Readable text in base64: a phrase that a person chose.
    #[error("is readable text, not random bytes")]
    Phrase,
    /// A parameter of a database URL that the clients of PostgreSQL support and the driver does not.
    #[error("has the parameter {0}, which is not supported")]
    Unsupported(&'static str),
    /// A parameter of a database URL that is similar to a known one.
    #[error("has an unknown parameter, number {number} after the ?; did you mean {meant}?")]
    Misspelt {
        /// Counted from 1.
        number: usize,
        /// The known one.
        meant: &'static str,
    },
    /// A parameter of a database URL that is similar to no known one; counted from 1.
    #[error(
        "has an unknown parameter, number {0} after the ?; in a password ? is written %3F and & %26"
    )]
    UnknownParameter(usize),
    /// A problem with a fixed text.
    #[error("{0}")]
    Malformed(&'static str),
}

/// 32 random bytes: a key for MACs, for sealing, or a seed of Ed25519.
#[derive(Debug, Clone)]
pub struct KeyMaterial(SecretSlice<u8>);

impl KeyMaterial {
    /// Length in bytes.
    pub const LENGTH: usize = 32;

    /// Reads base64 (either alphabet, padded or not) of exactly 32 bytes.
    ///
    /// # Errors
    /// Another length, or bytes that are not random.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let bytes = decode(text)?;
        if bytes.expose_secret().len() != Self::LENGTH {
            return Err(SecretError::NotExactly(Self::LENGTH));
        }
        refuse_weak(bytes.expose_secret())?;
        Ok(Self(bytes))
    }

    /// The bytes of the key.
    #[must_use]
    pub fn expose(&self) -> &[u8; Self::LENGTH] {
        self.0
            .expose_secret()
            .try_into()
            .expect("parse checked the length")
    }
}

/// Reads base64 (either alphabet, padded or not) of at least `at_least` random bytes.
///
/// # Errors
/// Fewer bytes, or bytes that are not random.
pub fn secret_bytes(text: &str, at_least: usize) -> Result<SecretSlice<u8>, SecretError> {
    let bytes = decode(text)?;
    if bytes.expose_secret().len() < at_least {
        return Err(SecretError::Shorter(at_least));
    }
    refuse_weak(bytes.expose_secret())?;
    Ok(bytes)
}

fn decode(text: &str) -> Result<SecretSlice<u8>, SecretError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(SecretError::Empty);
    }
    refuse_placeholder(text)?;
    let alphabet = if text.contains(['-', '_']) {
        &URL_SAFE
    } else {
        &STANDARD
    };
    let Ok(bytes) = alphabet.decode(text) else {
        return Err(SecretError::NotBase64);
    };
    Ok(SecretSlice::from(bytes))
}

/// Refuses a placeholder from the documentation.
///
/// # Errors
/// [`SecretError::Placeholder`].
pub fn refuse_placeholder(text: &str) -> Result<(), SecretError> {
    let lower = text.to_ascii_lowercase();
    if PLACEHOLDERS.iter().any(|word| lower.contains(word)) {
        return Err(SecretError::Placeholder);
    }
    Ok(())
}

fn refuse_weak(bytes: &[u8]) -> Result<(), SecretError> {
    let mut seen = [false; 256];
    for byte in bytes {
        seen[usize::from(*byte)] = true;
    }
    let distinct = seen.iter().filter(|seen| **seen).count();
    let constant_step = bytes
        .windows(3)
        .all(|w| w[1].wrapping_sub(w[0]) == w[2].wrapping_sub(w[1]));
    if distinct < DISTINCT_BYTES || constant_step {
        return Err(SecretError::Regular);
    }
    if bytes
        .iter()
        .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
    {
        return Err(SecretError::Phrase);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> SecretError {
        KeyMaterial::parse(&STANDARD.encode(bytes)).unwrap_err()
    }

    fn random_looking() -> [u8; 32] {
        std::array::from_fn(|at| u8::try_from((at * at * 7 + 201) % 256).unwrap())
    }

    #[test]
    fn a_key_is_read_in_both_alphabets_with_and_without_padding() {
        let key = random_looking();
        let padded = STANDARD.encode(key);
        for text in [
            padded.as_str(),
            padded.trim_end_matches('='),
            &URL_SAFE.encode(key),
            &format!(" {padded}\n"),
        ] {
            assert_eq!(KeyMaterial::parse(text).unwrap().expose(), &key, "{text}");
        }
    }

    #[test]
    fn each_kind_of_weak_key_is_refused_with_its_reason() {
        assert_eq!(KeyMaterial::parse(" ").unwrap_err(), SecretError::Empty);
        assert_eq!(
            KeyMaterial::parse("Change-Me-in-production").unwrap_err(),
            SecretError::Placeholder
        );
        assert_eq!(
            KeyMaterial::parse("not base64!").unwrap_err(),
            SecretError::NotBase64
        );
        assert_eq!(
            refusal(&random_looking()[..31]),
            SecretError::NotExactly(32)
        );
        assert_eq!(refusal(&[0; 32]), SecretError::Regular);
        assert_eq!(refusal(&[0xA5; 32]), SecretError::Regular);
        assert_eq!(
            refusal(&std::array::from_fn::<u8, 32, _>(
                |at| u8::try_from(at).unwrap()
            )),
            SecretError::Regular
        );
        assert_eq!(
            refusal(b"correct horse battery staple 123"),
            SecretError::Phrase
        );
    }

    #[test]
    fn secret_bytes_may_be_longer_than_the_minimum_but_not_shorter() {
        let text = STANDARD.encode(random_looking());
        assert_eq!(
            secret_bytes(&text, 16).unwrap().expose_secret(),
            random_looking()
        );
        assert_eq!(
            secret_bytes(&text, 33).unwrap_err(),
            SecretError::Shorter(33)
        );
    }

    #[test]
    fn debug_output_hides_the_key() {
        let key = KeyMaterial::parse(&STANDARD.encode(random_looking())).unwrap();
        assert_eq!(
            format!("{key:?}"),
            "KeyMaterial(SecretBox<[u8]>([REDACTED]))"
        );
    }
}
