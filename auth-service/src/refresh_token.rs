//! Refresh tokens: what they say and how they are sealed.
//!
//! A token is base64url of `version | key id | session id (16) | generation (varint) | session secret (16) | tag (16)`,
//! the tag being HMAC-SHA256, cut to 16 bytes, over everything before it. A forged token fails here, before any query.
//! The database keeps only the secret's hash, so neither it nor the key ring alone makes a token; and the successor
//! follows from the token presented, so that the same answer can be given again without having been stored.

use std::fmt;

use aws_lc_rs::rand;
use shared::ids::SessionId;
use uuid::Uuid;
use zeroize::Zeroize as _;

pub use crate::key_ring::{KeyRing, KeyRingError, Malformed};
use crate::{domain::sha256, key_ring::OVERHEAD};

/// What the tag is over, before the token itself: the same key never tags anything else to the same effect.
const PURPOSE: &[u8] = b"tandem refresh token\0";
const SECRET_BYTES: usize = 16;
/// A varint of 64 bits has at most so many bytes (LEB128: seven bits each).
const LONGEST_VARINT: usize = 10;
/// Everything but the generation.
const FIXED_BYTES: usize = OVERHEAD + 16 + SECRET_BYTES;
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

impl KeyRing {
    /// The text of `token`, sealed with the first key. The same token always gives the same text.
    #[must_use]
    pub fn encode(&self, token: &RefreshToken) -> String {
        let mut fields = Vec::with_capacity(FIXED_BYTES + LONGEST_VARINT);
        fields.extend(token.session_id.uuid().as_bytes());
        push_varint(&mut fields, token.generation);
        fields.extend(token.secret.0);
        self.seal(PURPOSE, &fields)
    }

    /// The token that `text` is, if it was sealed with a key of this ring.
    pub fn decode(&self, text: &str) -> Result<RefreshToken, Malformed> {
        if text.len() > LONGEST_TEXT {
            return Err(Malformed);
        }
        parse(&self.open(PURPOSE, text)?).ok_or(Malformed)
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
