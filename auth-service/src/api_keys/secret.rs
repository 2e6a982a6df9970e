//! The text of an API key: what it contains and how it is sealed.
//!
//! It is `tdk_`, by which scanners for leaked secrets recognize it, and the seal of the [key ring](crate::key_ring) over
//! `key id (16) | secret (32)`. A forged key fails here, before any query.

use std::fmt;

use api::ids::ApiKeyId;
use aws_lc_rs::rand;
use uuid::Uuid;
use zeroize::{Zeroize as _, Zeroizing};

use crate::{
    digest::sha256,
    key_ring::{KeyRing, Malformed, OVERHEAD},
};

/// How every key begins.
const PREFIX: &str = "tdk_";
/// The purpose of the seal: a refresh token cannot be opened as an API key, nor an API key as a refresh token.
const PURPOSE: &[u8] = b"tandem API key\0";
const SECRET_BYTES: usize = 32;
/// Bytes of every key.
const LENGTH: usize = PREFIX.len() + (OVERHEAD + 16 + SECRET_BYTES) * 4 / 3;

/// The content of an API key. The secret is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ApiKeySecret {
    /// The id of the key.
    pub(crate) id: ApiKeyId,
    secret: [u8; SECRET_BYTES],
}

impl ApiKeySecret {
    /// The secret of a new key.
    pub(crate) fn random(id: ApiKeyId) -> Self {
        let mut secret = [0; SECRET_BYTES];
        rand::fill(&mut secret).expect("the operating system gives random bytes");
        Self { id, secret }
    }

    /// SHA-256 of the secret, as the row of the key keeps it. Nobody can guess 256 random bits, so a slow hash or a salt would
    /// not help (ASVS 11.4.2 requires them where people choose the secret).
    pub(crate) fn hash(&self) -> [u8; 32] {
        sha256(&self.secret)
    }

    /// The text of the key, for its owner.
    pub(crate) fn seal(&self, ring: &KeyRing) -> String {
        let mut fields = Zeroizing::new([0; 16 + SECRET_BYTES]);
        fields[..16].copy_from_slice(self.id.uuid().as_bytes());
        fields[16..].copy_from_slice(&self.secret);
        format!("{PREFIX}{}", ring.seal(PURPOSE, fields.as_slice()))
    }

    /// The key in `text`, if this service made it.
    pub(crate) fn open(text: &str, ring: &KeyRing) -> Result<Self, Malformed> {
        let sealed = text.strip_prefix(PREFIX).ok_or(Malformed)?;
        if text.len() != LENGTH {
            return Err(Malformed);
        }
        let fields = Zeroizing::new(ring.open(PURPOSE, sealed)?);
        let (id, secret) = fields.split_first_chunk().ok_or(Malformed)?;
        Ok(Self {
            id: ApiKeyId::from(Uuid::from_bytes(*id)),
            secret: *secret.as_array().ok_or(Malformed)?,
        })
    }
}

impl Drop for ApiKeySecret {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ApiKeySecret").field(&self.id).finish()
    }
}

#[cfg(test)]
mod tests;
