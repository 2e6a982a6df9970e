//! The keys that seal what clients present: refresh tokens and API keys.
//!
//! A sealed text is base64url of `version | key id | fields | tag (16)`. The tag is HMAC-SHA256, cut to 16 bytes, over the
//! purpose and everything before it. A forged text, or one of another purpose, fails here, before any query.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroize as _;

/// First byte of every sealed text.
pub(crate) const VERSION: u8 = 1;
pub(crate) const TAG_BYTES: usize = 16;
/// Bytes of a sealed text in addition to its fields.
pub(crate) const OVERHEAD: usize = 2 + TAG_BYTES;

/// The text was not sealed for this purpose by this service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed, or not sealed with a known key")]
pub struct Malformed;

/// Why a key ring cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// There is no key to seal with.
    #[error("the key ring of the refresh tokens is empty")]
    Empty,
    /// Two keys have this id.
    #[error("the key id {0} appears twice in the key ring of the refresh tokens")]
    Ambiguous(u8),
}

/// Keys of which the first one seals and all of them open.
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

    /// A key for another use, derived from the first key. It changes when the first key changes.
    pub(crate) fn derive(&self, purpose: &[u8]) -> [u8; 32] {
        let (_, key) = self.0.first().expect("a key ring has a key");
        let derived = hmac::sign(key, purpose);
        derived
            .as_ref()
            .try_into()
            .expect("HMAC-SHA256 has 32 bytes")
    }

    /// The text of `fields`, sealed for `purpose` with the first key. The same fields always give the same text.
    pub(crate) fn seal(&self, purpose: &[u8], fields: &[u8]) -> String {
        let (key_id, key) = self.0.first().expect("a key ring has a key");
        let mut bytes = Vec::with_capacity(fields.len() + OVERHEAD);
        bytes.extend([VERSION, *key_id]);
        bytes.extend(fields);
        let tag = tag(key, purpose, &bytes);
        bytes.extend(tag);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The fields in `text`, if it was sealed for `purpose` with a key of this ring.
    pub(crate) fn open(&self, purpose: &[u8], text: &str) -> Result<Vec<u8>, Malformed> {
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
        constant_time::verify_slices_are_equal(&tag(key, purpose, body), found)
            .map_err(|_forged| Malformed)?;
        Ok(fields.to_vec())
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.0.iter().map(|(id, _)| id);
        f.write_str("KeyRing")?;
        f.debug_list().entries(ids).finish()
    }
}

/// The tag of `body` for `purpose`. A purpose ends with a zero byte, so that no purpose is a prefix of another.
pub(crate) fn tag(key: &hmac::Key, purpose: &[u8], body: &[u8]) -> [u8; TAG_BYTES] {
    let mut context = hmac::Context::with_key(key);
    context.update(purpose);
    context.update(body);
    *context
        .sign()
        .as_ref()
        .first_chunk()
        .expect("HMAC-SHA256 has 32 bytes")
}
