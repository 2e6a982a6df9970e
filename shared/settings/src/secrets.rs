//! Secrets of the configuration: parsed once, refused when weak, never printed.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret, SecretSlice};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);

/// Words of documentation, not of a random generator. All are longer than chance puts into base64.
const PLACEHOLDERS: [&str; 7] = [
    "change-me",
    "changeme",
    "change_me",
    "replace-me",
    "replaceme",
    "your-secret",
    "placeholder",
];

/// Fewer distinct values than this among at least 16 bytes do not come from a random generator (chance below 10⁻¹⁵).
const DISTINCT_BYTES: usize = 5;

/// Why a secret is refused. Cannot hold the secret or a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Nothing at all.
    #[error("is empty")]
    Empty,
    /// A word of the documentation left in place.
    #[error("is a placeholder; make one with `openssl rand -base64 32`")]
    Placeholder,
    /// Neither the standard nor the URL-safe alphabet of RFC 4648.
    #[error("is not base64; make one with `openssl rand -base64 32`")]
    NotBase64,
    /// Another number of bytes than asked for.
    #[error("must be base64 of exactly {0} bytes")]
    NotExactly(usize),
    /// Too few bytes.
    #[error("must be base64 of at least {0} bytes")]
    Shorter(usize),
    /// Equal, nearly equal or counting bytes.
    #[error("is too regular to be random")]
    Regular,
    /// Readable text in base64: somebody's phrase.
    #[error("is readable text, not random bytes")]
    Phrase,
    /// A parameter of a database URL that PostgreSQL's own clients take and the driver does not.
    #[error("has the parameter {0}, which is not supported")]
    Unsupported(&'static str),
    /// A parameter of a database URL that is nearly a known one.
    #[error("has an unknown parameter, number {number} after the ?; did you mean {meant}?")]
    Misspelt {
        /// Counted from 1.
        number: usize,
        /// The known one.
        meant: &'static str,
    },
    /// A parameter of a database URL that is like no known one; counted from 1.
    #[error(
        "has an unknown parameter, number {0} after the ?; in a password ? is written %3F and & %26"
    )]
    UnknownParameter(usize),
    /// Something the parser says in fixed words.
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
    /// Another length, or bytes that no random generator makes.
    pub fn parse(text: &str) -> Result<Self, Weakness> {
        let bytes = decode(text)?;
        if bytes.expose_secret().len() != Self::LENGTH {
            return Err(Weakness::NotExactly(Self::LENGTH));
        }
        refuse_weak(bytes.expose_secret())?;
        Ok(Self(bytes))
    }

    /// The key, for the one call that needs it.
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
/// Fewer bytes, or bytes that no random generator makes.
pub fn secret_bytes(text: &str, at_least: usize) -> Result<SecretSlice<u8>, Weakness> {
    let bytes = decode(text)?;
    if bytes.expose_secret().len() < at_least {
        return Err(Weakness::Shorter(at_least));
    }
    refuse_weak(bytes.expose_secret())?;
    Ok(bytes)
}

fn decode(text: &str) -> Result<SecretSlice<u8>, Weakness> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Weakness::Empty);
    }
    refuse_placeholder(text)?;
    let alphabet = if text.contains(['-', '_']) {
        &URL_SAFE
    } else {
        &STANDARD
    };
    let Ok(bytes) = alphabet.decode(text) else {
        return Err(Weakness::NotBase64);
    };
    Ok(SecretSlice::from(bytes))
}

/// Refuses a word of the documentation left in place.
pub fn refuse_placeholder(text: &str) -> Result<(), Weakness> {
    let lower = text.to_ascii_lowercase();
    if PLACEHOLDERS.iter().any(|word| lower.contains(word)) {
        return Err(Weakness::Placeholder);
    }
    Ok(())
}

fn refuse_weak(bytes: &[u8]) -> Result<(), Weakness> {
    let mut seen = [false; 256];
    for byte in bytes {
        seen[usize::from(*byte)] = true;
    }
    let distinct = seen.iter().filter(|seen| **seen).count();
    let constant_step = bytes
        .windows(3)
        .all(|w| w[1].wrapping_sub(w[0]) == w[2].wrapping_sub(w[1]));
    if distinct < DISTINCT_BYTES || constant_step {
        return Err(Weakness::Regular);
    }
    if bytes
        .iter()
        .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
    {
        return Err(Weakness::Phrase);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> Weakness {
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
    fn weak_keys_are_refused_each_for_its_reason() {
        assert_eq!(KeyMaterial::parse(" ").unwrap_err(), Weakness::Empty);
        assert_eq!(
            KeyMaterial::parse("Change-Me-in-production").unwrap_err(),
            Weakness::Placeholder
        );
        assert_eq!(
            KeyMaterial::parse("not base64!").unwrap_err(),
            Weakness::NotBase64
        );
        assert_eq!(refusal(&random_looking()[..31]), Weakness::NotExactly(32));
        assert_eq!(refusal(&[0; 32]), Weakness::Regular);
        assert_eq!(refusal(&[0xA5; 32]), Weakness::Regular);
        assert_eq!(
            refusal(&std::array::from_fn::<u8, 32, _>(
                |at| u8::try_from(at).unwrap()
            )),
            Weakness::Regular
        );
        assert_eq!(
            refusal(b"correct horse battery staple 123"),
            Weakness::Phrase
        );
    }

    #[test]
    fn secret_bytes_may_be_longer_than_the_minimum_but_not_shorter() {
        let text = STANDARD.encode(random_looking());
        assert_eq!(
            secret_bytes(&text, 16).unwrap().expose_secret(),
            random_looking()
        );
        assert_eq!(secret_bytes(&text, 33).unwrap_err(), Weakness::Shorter(33));
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
