//! Pages of a list (AIP-158): page sizes, and tokens for the next page.
//!
//! A token is encrypted and authenticated (AES-256-GCM), so clients can neither read nor make nor change one. The caller and the
//! arguments of the list are its associated data: with another caller or other arguments it does not open. A token holds a
//! position in the list and grants no access.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    digest::{SHA256, digest},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use contract::refusal::Problem;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The page size of a request that names none.
const DEFAULT_PAGE_SIZE: usize = 50;
/// The largest page size.
const MAX_PAGE_SIZE: usize = 200;
/// How long a token is valid.
const TOKEN_LIFETIME: TimeDelta = TimeDelta::days(3);
/// Bytes of the longest token that is decoded. The longest title of a task makes a token of about 2,200 bytes.
const MAX_TOKEN_BYTES: usize = 4096;

/// The number of entries of a page: 50 if the request has 0, and never more than 200.
///
/// # Errors
/// The request has a negative number.
pub fn size(requested: i32) -> Result<usize, Problem> {
    match usize::try_from(requested) {
        Ok(0) => Ok(DEFAULT_PAGE_SIZE),
        Ok(size) => Ok(size.min(MAX_PAGE_SIZE)),
        Err(_negative) => Err(Problem::new("OUT_OF_RANGE", "must not be negative")),
    }
}

/// What a token is bound to: the list, the caller and every argument that filters or orders.
#[derive(Debug, Clone, Copy)]
pub struct Binding([u8; 32]);

impl Binding {
    /// The binding to these parts, in this order.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut text = b"tandem page token 1".to_vec();
        for part in parts {
            // The length is hashed too, so that parts cannot be split differently.
            text.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            text.extend_from_slice(part);
        }
        let hash = digest(&SHA256, &text);
        Self(hash.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }
}

#[derive(Serialize, Deserialize)]
struct TokenContent<T> {
    /// Unix time in seconds.
    issued: i64,
    last: T,
}

/// Makes and opens page tokens.
pub struct PageTokens(RandomizedNonceKey);

impl std::fmt::Debug for PageTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PageTokens")
    }
}

impl PageTokens {
    /// Tokens encrypted with this key.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(RandomizedNonceKey::new(&AES_256_GCM, key).expect("AES-256 takes a key of 32 bytes"))
    }

    /// The token for the page after the entry `last`, whose position must consist of numbers and strings.
    #[must_use]
    pub fn seal<T: Serialize>(&self, binding: Binding, last: T, now: DateTime<Utc>) -> String {
        let content = TokenContent {
            issued: now.timestamp(),
            last,
        };
        let mut text =
            serde_json::to_vec(&content).expect("numbers and strings can be written as JSON");
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(binding.0), &mut text)
            .expect("a page token is far below the longest message of AES-GCM");
        let mut token = nonce.as_ref().to_vec();
        token.append(&mut text);
        URL_SAFE_NO_PAD.encode(token)
    }

    /// The last entry of the previous page; `None` for an empty token, which requests the first page.
    ///
    /// # Errors
    /// `PAGE_TOKEN_INVALID` for another binding or key, `PAGE_TOKEN_EXPIRED` after 3 days.
    pub fn open<T: DeserializeOwned>(
        &self,
        token: &str,
        binding: Binding,
        now: DateTime<Utc>,
    ) -> Result<Option<T>, Problem> {
        if token.is_empty() {
            return Ok(None);
        }
        let content: TokenContent<T> = self.unseal(token, binding).ok_or_else(|| {
            Problem::new(
                "PAGE_TOKEN_INVALID",
                "is not a page token of this caller and these arguments",
            )
        })?;
        let age = now.timestamp() - content.issued;
        if age > TOKEN_LIFETIME.num_seconds() {
            return Err(Problem::new(
                "PAGE_TOKEN_EXPIRED",
                "is older than 3 days; list from the start",
            ));
        }
        Ok(Some(content.last))
    }

    fn unseal<T: DeserializeOwned>(
        &self,
        token: &str,
        binding: Binding,
    ) -> Option<TokenContent<T>> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (nonce, text) = bytes.split_first_chunk_mut::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let text = self
            .0
            .open_in_place(nonce, Aad::from(binding.0), text)
            .ok()?;
        serde_json::from_slice(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Last = (i64, String);

    fn last() -> Last {
        (7, "é\"".to_owned())
    }

    fn now() -> DateTime<Utc> {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_page_has_50_entries_unless_another_number_up_to_200_is_requested() {
        assert_eq!(size(0), Ok(50));
        assert_eq!(size(1), Ok(1));
        assert_eq!(size(i32::MAX), Ok(200));
        assert_eq!(size(-1).unwrap_err().reason, "OUT_OF_RANGE");
    }

    #[test]
    fn a_token_opens_only_with_the_binding_and_the_key_it_was_made_with() {
        let tokens = PageTokens::new(&[7; 32]);
        let binding = Binding::of(&[b"list", b"f", b"o"]);
        let token = tokens.seal(binding, last(), now());

        assert_eq!(tokens.open(&token, binding, now()), Ok(Some(last())));
        for other in [
            Binding::of(&[b"other", b"f", b"o"]),
            Binding::of(&[b"list", b"fo", b""]),
            Binding::of(&[b"list", b"f"]),
        ] {
            let refused = tokens.open::<Last>(&token, other, now());
            assert_eq!(refused.unwrap_err().reason, "PAGE_TOKEN_INVALID");
        }
        let other_key = PageTokens::new(&[8; 32]);
        assert!(other_key.open::<Last>(&token, binding, now()).is_err());
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"issued"));
    }

    #[test]
    fn an_empty_token_requests_the_first_page() {
        let tokens = PageTokens::new(&[7; 32]);
        assert_eq!(tokens.open::<Last>("", Binding::of(&[]), now()), Ok(None));
    }

    #[test]
    fn a_token_expires_after_three_days_and_a_changed_one_never_opens() {
        let binding = Binding::of(&[]);
        let tokens = PageTokens::new(&[7; 32]);
        let token = tokens.seal(binding, last(), now());

        assert!(
            tokens
                .open::<Last>(&token, binding, now() + TOKEN_LIFETIME)
                .is_ok()
        );
        let late = tokens.open::<Last>(
            &token,
            binding,
            now() + TOKEN_LIFETIME + TimeDelta::seconds(1),
        );
        assert_eq!(late.unwrap_err().reason, "PAGE_TOKEN_EXPIRED");
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(
                tokens.open::<Last>(&changed, binding, now()).is_err(),
                "character {at}"
            );
        }
    }
}
