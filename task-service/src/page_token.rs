//! Page tokens (AIP-158): where a page ended, sealed so that nobody can read, make or move one.
//!
//! The user, the filter, the order and `show_deleted` are bound in as associated data: with any other of them the token
//! does not open. A token says where to go on, never what may be seen.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    digest::{SHA256, digest},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    ids::{TaskId, UserId},
    refusal::Problem,
};

/// How long a token is good for.
const LIFETIME: TimeDelta = TimeDelta::days(3);
/// Longest token looked at, in bytes: the longest title makes one of about 2,200.
const LONGEST: usize = 4096;

/// The value of one sort key of the last task on a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyValue {
    /// Microseconds since 1970; `None` is the end of time.
    Time(Option<i64>),
    /// A priority's number.
    Number(i16),
    /// A title.
    Text(String),
}

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    /// The values of the sort columns, in their order.
    pub keys: Vec<KeyValue>,
    /// The last task.
    pub id: TaskId,
}

/// What a token is bound to.
#[derive(Debug, Clone, Copy)]
pub struct Binding([u8; 32]);

impl Binding {
    /// The binding of a listing.
    #[must_use]
    pub fn of(user: UserId, filter: &str, order_by: &str, show_deleted: bool) -> Self {
        let mut text = b"tandem page token 1".to_vec();
        text.extend_from_slice(user.uuid().as_bytes());
        for part in [filter, order_by] {
            text.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            text.extend_from_slice(part.as_bytes());
        }
        text.push(u8::from(show_deleted));
        let hash = digest(&SHA256, &text);
        Self(hash.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    issued: i64,
    last: Last,
}

/// Makes and opens page tokens.
pub struct PageTokens(RandomizedNonceKey);

impl std::fmt::Debug for PageTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PageTokens")
    }
}

impl PageTokens {
    /// Tokens sealed with this key (AES-256-GCM).
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(RandomizedNonceKey::new(&AES_256_GCM, key).expect("AES-256 takes a key of 32 bytes"))
    }

    /// The token for the page after `last`.
    #[must_use]
    pub fn seal(&self, binding: Binding, last: Last, now: DateTime<Utc>) -> String {
        let sealed = Sealed {
            issued: now.timestamp(),
            last,
        };
        let mut text =
            serde_json::to_vec(&sealed).expect("numbers and strings can be written as JSON");
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(binding.0), &mut text)
            .expect("a page token is far below the longest message of AES-GCM");
        let mut token = nonce.as_ref().to_vec();
        token.append(&mut text);
        URL_SAFE_NO_PAD.encode(token)
    }

    /// Where the page before ended.
    pub fn open(&self, token: &str, binding: Binding, now: DateTime<Utc>) -> Result<Last, Problem> {
        let sealed = self.unseal(token, binding).ok_or_else(|| {
            Problem::new(
                "PAGE_TOKEN_INVALID",
                "is not a page token of this user, filter, order and show_deleted",
            )
        })?;
        let age = now.timestamp() - sealed.issued;
        if age > LIFETIME.num_seconds() {
            return Err(Problem::new(
                "PAGE_TOKEN_EXPIRED",
                "is older than 3 days; list from the start",
            ));
        }
        Ok(sealed.last)
    }

    fn unseal(&self, token: &str, binding: Binding) -> Option<Sealed> {
        if token.len() > LONGEST {
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

    fn last() -> Last {
        Last {
            keys: vec![
                KeyValue::Time(None),
                KeyValue::Number(2),
                KeyValue::Text("é\"".to_owned()),
            ],
            id: TaskId::at("2026-01-01T00:00:00Z".parse().unwrap()),
        }
    }

    #[test]
    fn a_token_opens_for_what_it_was_made_for_and_nothing_else() {
        let now: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
        let (alice, mallory) = (UserId::at(now), UserId::at(now));
        let tokens = PageTokens::new(&[7; 32]);
        let last = last();
        let token = tokens.seal(Binding::of(alice, "f", "o", false), last.clone(), now);

        assert_eq!(
            tokens
                .open(&token, Binding::of(alice, "f", "o", false), now)
                .unwrap(),
            last
        );
        for other in [
            Binding::of(mallory, "f", "o", false),
            Binding::of(alice, "fo", "", false),
            Binding::of(alice, "f", "o", true),
        ] {
            assert_eq!(
                tokens.open(&token, other, now).unwrap_err().reason,
                "PAGE_TOKEN_INVALID"
            );
        }
        assert!(
            PageTokens::new(&[8; 32])
                .open(&token, Binding::of(alice, "f", "o", false), now)
                .is_err()
        );
        assert!(
            !URL_SAFE_NO_PAD
                .decode(&token)
                .unwrap()
                .windows(6)
                .any(|w| w == b"issued")
        );
    }

    #[test]
    fn a_token_ends_after_three_days_and_a_changed_one_never_opens() {
        let now: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
        let binding = Binding::of(UserId::at(now), "", "", false);
        let tokens = PageTokens::new(&[7; 32]);
        let token = tokens.seal(binding, last(), now);

        assert!(tokens.open(&token, binding, now + LIFETIME).is_ok());
        let late = tokens.open(&token, binding, now + LIFETIME + TimeDelta::seconds(1));
        assert_eq!(late.unwrap_err().reason, "PAGE_TOKEN_EXPIRED");
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(
                tokens.open(&changed, binding, now).is_err(),
                "character {at}"
            );
        }
    }
}
