//! Private keys at rest: AES-256-GCM under a key-encryption key of the configuration.
//!
//! A copy of the database contains no usable private key. The first key-encryption key seals and all of them open, so that
//! they can be replaced: add the new one at the end, then move it to the front, rotate the signing key, and remove the old
//! one.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    rand,
};
use zeroize::{Zeroize as _, Zeroizing};

/// Authenticated in addition to the key id, so that the same key cannot seal this for anything else.
const PURPOSE: &[u8] = b"tandem signing key\0";
/// A seed of Ed25519 (RFC 8032 section 5.1.5).
const SEED_BYTES: usize = 32;

/// The seed of a signing key, wiped when dropped.
pub(crate) type Seed = Zeroizing<[u8; SEED_BYTES]>;

/// A new seed.
pub(crate) fn random_seed() -> Seed {
    let mut seed = Zeroizing::new([0; SEED_BYTES]);
    rand::fill(seed.as_mut_slice()).expect("the operating system gives random bytes");
    seed
}

/// A seed as the database keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSeed {
    /// The id of the key-encryption key that opens it.
    pub key_id: u8,
    /// Nonce (12 bytes), ciphertext (32), tag (16).
    pub bytes: Vec<u8>,
}

/// Why a seed cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The configuration does not have this key-encryption key.
    #[error(
        "the signing key {kid} is sealed with the key-encryption key {key_id}, which auth.key_encryption_keys does not have"
    )]
    KeyMissing {
        /// The id of the signing key.
        kid: String,
        /// The id of the missing key.
        key_id: i16,
    },
    /// It was sealed with another key-encryption key, or the row was changed.
    #[error(
        "the signing key {kid} cannot be opened: the key-encryption key {key_id} of auth.key_encryption_keys is not the \
         one that sealed it, or its row was changed"
    )]
    Forged {
        /// The id of the signing key.
        kid: String,
        /// The id of the key that should have opened it.
        key_id: i16,
    },
}

/// Why key-encryption keys cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyEncryptionKeysError {
    /// There is no key to seal with.
    #[error("auth.key_encryption_keys is empty")]
    Empty,
    /// Two keys have this id.
    #[error("the key id {0} appears twice in auth.key_encryption_keys")]
    Ambiguous(u8),
}

/// The keys that seal signing keys: the first one seals, all of them open.
pub struct KeyEncryptionKeys(Vec<(u8, RandomizedNonceKey)>);

impl KeyEncryptionKeys {
    /// These keys, each with its id.
    pub fn new(mut keys: Vec<(u8, [u8; 32])>) -> Result<Self, KeyEncryptionKeysError> {
        if keys.is_empty() {
            return Err(KeyEncryptionKeysError::Empty);
        }
        let mut ring = Vec::<(u8, RandomizedNonceKey)>::with_capacity(keys.len());
        for (id, key) in &mut keys {
            if ring.iter().any(|(other, _)| other == id) {
                return Err(KeyEncryptionKeysError::Ambiguous(*id));
            }
            let made = RandomizedNonceKey::new(&AES_256_GCM, key);
            ring.push((*id, made.expect("a key of AES-256 has 32 bytes")));
            key.zeroize();
        }
        Ok(Self(ring))
    }

    /// The seed of the signing key `kid`, sealed with the first key under a random nonce. Each rotation uses one of the 2^32
    /// seals that NIST SP 800-38D section 8.3 allows per key.
    #[must_use]
    pub fn seal(&self, kid: &str, seed: &[u8; SEED_BYTES]) -> SealedSeed {
        let (key_id, key) = self.0.first().expect("there is a key");
        let mut body = *seed;
        let (nonce, tag) = key
            .seal_in_place_separate_tag(Aad::from(context(kid)), &mut body)
            .expect("32 bytes are within the bounds of AES-GCM");
        SealedSeed {
            key_id: *key_id,
            bytes: [nonce.as_ref().as_slice(), &body, tag.as_ref()].concat(),
        }
    }

    /// The seed of the signing key `kid`, if it was sealed for that kid by the key of this id. `key_id` is as the database
    /// has it.
    pub fn open(
        &self,
        kid: &str,
        key_id: i16,
        bytes: &[u8],
    ) -> Result<Zeroizing<[u8; SEED_BYTES]>, OpenError> {
        let key = self.0.iter().find(|(id, _)| i16::from(*id) == key_id);
        let Some((_, key)) = key else {
            let kid = kid.to_owned();
            return Err(OpenError::KeyMissing { kid, key_id });
        };
        open(key, kid, bytes).ok_or_else(|| OpenError::Forged {
            kid: kid.to_owned(),
            key_id,
        })
    }
}

fn open(key: &RandomizedNonceKey, kid: &str, bytes: &[u8]) -> Option<Seed> {
    let (nonce, body) = bytes.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut body = Zeroizing::new(body.to_vec());
    let seed = key
        .open_in_place(nonce, Aad::from(context(kid)), &mut body)
        .ok()?;
    let seed: &[u8; SEED_BYTES] = (&*seed).try_into().ok()?;
    Some(Zeroizing::new(*seed))
}

/// Binds a sealed seed to its kid, so that it cannot be moved to another row.
fn context(kid: &str) -> Vec<u8> {
    [PURPOSE, kid.as_bytes()].concat()
}

impl fmt::Debug for KeyEncryptionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.0.iter().map(|(id, _)| id);
        f.write_str("KeyEncryptionKeys")?;
        f.debug_list().entries(ids).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: [u8; 32] = [7; 32];

    fn keys(keys: &[(u8, u8)]) -> KeyEncryptionKeys {
        let keys = keys.iter().map(|(id, byte)| (*id, [*byte; 32]));
        KeyEncryptionKeys::new(keys.collect()).unwrap()
    }

    #[test]
    fn a_sealed_seed_is_opened_with_its_kid_and_key_and_is_not_visible() {
        let ring = keys(&[(1, 1)]);
        let sealed = ring.seal("kid", &SEED);
        assert_eq!((sealed.key_id, sealed.bytes.len()), (1, 60));
        assert_eq!(*ring.open("kid", 1, &sealed.bytes).unwrap(), SEED);
        assert!(!sealed.bytes.windows(4).any(|part| part == &SEED[..4]));
    }

    #[test]
    fn the_same_seed_is_never_sealed_to_the_same_bytes() {
        let ring = keys(&[(1, 1)]);
        assert_ne!(ring.seal("kid", &SEED).bytes, ring.seal("kid", &SEED).bytes);
    }

    #[test]
    fn the_first_key_seals_and_all_open() {
        let old = keys(&[(1, 1)]).seal("kid", &SEED);
        let both = keys(&[(2, 2), (1, 1)]);
        assert_eq!(*both.open("kid", 1, &old.bytes).unwrap(), SEED);
        let new = both.seal("kid", &SEED);
        assert_eq!(new.key_id, 2);
        assert_eq!(*keys(&[(2, 2)]).open("kid", 2, &new.bytes).unwrap(), SEED);
    }

    #[test]
    fn a_missing_key_is_reported_as_such_and_another_key_or_kid_as_forged() {
        let sealed = keys(&[(1, 1)]).seal("kid", &SEED);
        let refused = |ring: &KeyEncryptionKeys, kid: &str| ring.open(kid, 1, &sealed.bytes);
        assert_eq!(
            refused(&keys(&[(2, 1)]), "kid").unwrap_err().to_string(),
            "the signing key kid is sealed with the key-encryption key 1, which auth.key_encryption_keys does not have"
        );
        let forged = |kid: &str| OpenError::Forged {
            kid: kid.to_owned(),
            key_id: 1,
        };
        assert_eq!(refused(&keys(&[(1, 2)]), "kid"), Err(forged("kid")));
        assert_eq!(refused(&keys(&[(1, 1)]), "other"), Err(forged("other")));
    }

    #[test]
    fn a_change_of_any_byte_or_of_the_length_is_detected() {
        let ring = keys(&[(1, 1)]);
        let sealed = ring.seal("kid", &SEED).bytes;
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(ring.open("kid", 1, &changed).is_err(), "byte {at}");
            assert!(ring.open("kid", 1, &sealed[..at]).is_err(), "{at} bytes");
        }
    }

    #[test]
    fn an_empty_list_of_keys_or_one_id_twice_is_refused() {
        let refused = |keys| KeyEncryptionKeys::new(keys).unwrap_err();
        assert_eq!(refused(Vec::new()), KeyEncryptionKeysError::Empty);
        let twice = vec![(3, [1; 32]), (3, [2; 32])];
        assert_eq!(refused(twice), KeyEncryptionKeysError::Ambiguous(3));
    }

    #[test]
    fn debug_shows_only_ids() {
        assert_eq!(
            format!("{:?}", keys(&[(2, 9), (1, 8)])),
            "KeyEncryptionKeys[2, 1]"
        );
    }
}
