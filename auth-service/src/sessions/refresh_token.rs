//! Refresh tokens: what they contain and how they are sealed.
//!
//! A token is base64url of `version | key id | session id (16) | generation (varint) | session secret (16) | tag (16)`. The
//! tag is HMAC-SHA256, cut to 16 bytes, over everything before it. A forged token fails here, before any query. The
//! database keeps only the hash of the secret, so neither the database nor the key ring alone is enough to make a token. The
//! successor follows from the presented token, so that the same response can be repeated without having been stored.

use std::fmt;

use api::ids::SessionId;
use aws_lc_rs::rand;
use uuid::Uuid;
use zeroize::Zeroize as _;

use crate::{
    digest::sha256,
    key_ring::{KeyRing, Malformed, OVERHEAD},
};

/// The tag also covers this text, so that the same key cannot make this tag for anything else.
const PURPOSE: &[u8] = b"tandem refresh token\0";
const SECRET_BYTES: usize = 16;
/// Most bytes of a varint of 64 bits (LEB128: seven bits each).
const MAX_VARINT_BYTES: usize = 10;
/// Bytes of everything except the generation.
const FIXED_BYTES: usize = OVERHEAD + 16 + SECRET_BYTES;
/// Longest text that is decoded: that of the greatest generation.
const MAX_TEXT_LENGTH: usize = (FIXED_BYTES + MAX_VARINT_BYTES) * 4 / 3;

/// The secret that all tokens of a session contain: 16 random bytes, wiped when dropped.
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

    /// SHA-256 of the secret, as the row of the session keeps it; 128 random bits need no salt.
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

/// The content of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The session it continues.
    pub session_id: SessionId,
    /// How many times the session has been refreshed; the row says which generation is current.
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

    /// The token that replaces this one; it is always the same.
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
        let mut fields = Vec::with_capacity(FIXED_BYTES + MAX_VARINT_BYTES);
        fields.extend(token.session_id.uuid().as_bytes());
        push_varint(&mut fields, token.generation);
        fields.extend(token.secret.0);
        self.seal(PURPOSE, &fields)
    }

    /// The token in `text`, if it was sealed with a key of this ring.
    pub fn decode(&self, text: &str) -> Result<RefreshToken, Malformed> {
        if text.len() > MAX_TEXT_LENGTH {
            return Err(Malformed);
        }
        parse(&self.open(PURPOSE, text)?).ok_or(Malformed)
    }
}

/// Reads `session id | generation | secret`; nothing may follow.
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

/// The number that all of `bytes` encode in the shortest form: no padding with empty groups, no more than 64 bits.
fn parse_varint(bytes: &[u8]) -> Option<u64> {
    let (last, groups) = bytes.split_last()?;
    let canonical = groups.iter().all(|group| group & 0x80 != 0)
        && last & 0x80 == 0
        && (*last != 0 || groups.is_empty());
    if !canonical
        || bytes.len() > MAX_VARINT_BYTES
        || (bytes.len() == MAX_VARINT_BYTES && *last > 1)
    {
        return None;
    }
    let join = |value: u64, group: &u8| value << 7 | u64::from(group & 0x7f);
    Some(bytes.iter().rev().fold(0, join))
}

#[cfg(test)]
mod tests;
