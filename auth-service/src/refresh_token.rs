//! Refresh tokens: what they say and how they are sealed.
//!
//! A token is base64url of `version | key id | session id (16) | generation (varint) | session secret (16) | tag (16)`,
//! the tag being HMAC-SHA256, cut to 16 bytes, over everything before it. A forged token fails here, before any query.
//! The database keeps only the secret's hash, so neither it nor the key ring alone makes a token; and the successor
//! follows from the token presented, so that the same answer can be given again without having been stored.

use std::fmt;

use aws_lc_rs::{constant_time, hmac, rand};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use shared::ids::SessionId;
use uuid::Uuid;
use zeroize::Zeroize as _;

use crate::domain::sha256;

/// First byte of every token.
const VERSION: u8 = 1;
/// What the tag is over, before the token itself: the same key never tags anything else to the same effect.
const PURPOSE: &[u8] = b"tandem refresh token\0";
const SECRET_BYTES: usize = 16;
const TAG_BYTES: usize = 16;
/// A varint of 64 bits has at most so many bytes (LEB128: seven bits each).
const LONGEST_VARINT: usize = 10;
/// Everything but the generation.
const FIXED_BYTES: usize = 2 + 16 + SECRET_BYTES + TAG_BYTES;
/// Longest text looked at: that of the greatest generation.
const LONGEST_TEXT: usize = (FIXED_BYTES + LONGEST_VARINT) * 4 / 3;

/// The secret that a session's tokens share: 16 random bytes, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionSecret([u8; SECRET_BYTES]);

impl SessionSecret {
    /// The secret of a new session.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; SECRET_BYTES];
        rand::fill(&mut bytes).expect("the operating system gives random bytes");
        Self(bytes)
    }

    /// SHA-256 of the secret, which is what the session's row keeps; 128 random bits need no salt.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        sha256(&self.0)
    }
}

impl From<[u8; SECRET_BYTES]> for SessionSecret {
    fn from(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(bytes)
    }
}

impl Drop for SessionSecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret(..)")
    }
}

/// What a refresh token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The session it continues.
    pub session_id: SessionId,
    /// How many times the session has been refreshed; the row knows which one is live.
    pub generation: u64,
    /// Shows that the token was once issued for this session.
    pub secret: SessionSecret,
}

impl RefreshToken {
    /// The first token of a session.
    #[must_use]
    pub fn first(session_id: SessionId) -> Self {
        Self {
            session_id,
            generation: 0,
            secret: SessionSecret::random(),
        }
    }

    /// The token that replaces this one; always the same.
    #[must_use]
    pub fn successor(&self) -> Self {
        Self {
            session_id: self.session_id,
            generation: self
                .generation
                .checked_add(1)
                .expect("no session is refreshed 2^64 times"),
            secret: self.secret.clone(),
        }
    }
}

/// The text is no refresh token of this service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the refresh token is malformed or was not sealed with a known key")]
pub struct Malformed;

/// Why a key ring cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// There is no key to seal with.
    #[error("the key ring of the refresh tokens is empty")]
    Empty,
    /// Two keys have this id.
    #[error("the key id {0} stands twice in the key ring of the refresh tokens")]
    Ambiguous(u8),
}

/// The keys that seal refresh tokens: the first one seals, all of them open.
pub struct KeyRing(Vec<(u8, hmac::Key)>);

impl KeyRing {
    /// A ring of these keys, each with its id.
    pub fn new(mut keys: Vec<(u8, [u8; 32])>) -> Result<Self, KeyRingError> {
        if keys.is_empty() {
            return Err(KeyRingError::Empty);
        }
        let mut ring = Vec::<(u8, hmac::Key)>::with_capacity(keys.len());
        for (id, key) in &mut keys {
            if ring.iter().any(|(other, _)| other == id) {
                return Err(KeyRingError::Ambiguous(*id));
            }
            ring.push((*id, hmac::Key::new(hmac::HMAC_SHA256, key)));
            key.zeroize();
        }
        Ok(Self(ring))
    }

    /// The text of `token`, sealed with the first key. The same token always gives the same text.
    #[must_use]
    pub fn encode(&self, token: &RefreshToken) -> String {
        let (key_id, key) = self.0.first().expect("a key ring has a key");
        let mut bytes = Vec::with_capacity(FIXED_BYTES + LONGEST_VARINT);
        bytes.extend([VERSION, *key_id]);
        bytes.extend(token.session_id.uuid().as_bytes());
        push_varint(&mut bytes, token.generation);
        bytes.extend(token.secret.0);
        let tag = tag(key, &bytes);
        bytes.extend(tag);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The token that `text` is, if it was sealed with a key of this ring.
    pub fn decode(&self, text: &str) -> Result<RefreshToken, Malformed> {
        if text.len() > LONGEST_TEXT {
            return Err(Malformed);
        }
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_not_base64url| Malformed)?;
        let (body, found) = bytes.split_last_chunk::<TAG_BYTES>().ok_or(Malformed)?;
        let ([VERSION, key_id], fields) = body.split_first_chunk::<2>().ok_or(Malformed)? else {
            return Err(Malformed);
        };
        let (_, key) = self
            .0
            .iter()
            .find(|(id, _)| id == key_id)
            .ok_or(Malformed)?;
        constant_time::verify_slices_are_equal(&tag(key, body), found)
            .map_err(|_forged| Malformed)?;
        parse(fields).ok_or(Malformed)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.0.iter().map(|(id, _)| id);
        f.write_str("KeyRing")?;
        f.debug_list().entries(ids).finish()
    }
}

/// Reads `session id | generation | secret`, which must be all there is.
fn parse(fields: &[u8]) -> Option<RefreshToken> {
    let (session_id, rest) = fields.split_first_chunk::<16>()?;
    let (varint, secret) = rest.split_last_chunk::<SECRET_BYTES>()?;
    Some(RefreshToken {
        session_id: SessionId::from(Uuid::from_bytes(*session_id)),
        generation: parse_varint(varint)?,
        secret: SessionSecret(*secret),
    })
}

fn tag(key: &hmac::Key, body: &[u8]) -> [u8; TAG_BYTES] {
    let mut context = hmac::Context::with_key(key);
    context.update(PURPOSE);
    context.update(body);
    *context
        .sign()
        .as_ref()
        .first_chunk()
        .expect("HMAC-SHA256 has 32 bytes")
}

fn push_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
}

/// The number that `bytes` are, all of them, in their only form: no padding with empty groups, no more than 64 bits.
fn parse_varint(bytes: &[u8]) -> Option<u64> {
    let (last, groups) = bytes.split_last()?;
    let canonical = groups.iter().all(|group| group & 0x80 != 0)
        && last & 0x80 == 0
        && (*last != 0 || groups.is_empty());
    if !canonical || bytes.len() > LONGEST_VARINT || (bytes.len() == LONGEST_VARINT && *last > 1) {
        return None;
    }
    let join = |value: u64, group: &u8| value << 7 | u64::from(group & 0x7f);
    Some(bytes.iter().rev().fold(0, join))
}

#[cfg(test)]
mod tests;
