//! Verification keys: public ones only, so whoever verifies cannot mint.

use std::collections::HashMap;

use jsonwebtoken::DecodingKey;

use crate::proto::auth::JsonWebKey;

/// One Ed25519 public key and its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Key id; the `kid` of the tokens it signed.
    pub kid: String,
    /// The key, base64url without padding (RFC 8037 section 2).
    pub x: String,
}

/// An immutable set of keys.
#[derive(Debug, Default)]
pub struct KeySet(HashMap<String, Key>);

#[derive(Debug)]
struct Key {
    x: String,
    decoding: DecodingKey,
}

impl KeySet {
    /// The set of these keys; those that are no Ed25519 keys are left out.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        let usable = keys.into_iter().filter_map(|PublicKey { kid, x }| {
            let decoding = ed25519(&x)?;
            Some((kid, Key { x, decoding }))
        });
        Self(usable.collect())
    }

    /// The set of these published keys (RFC 7517, RFC 8037); those for anything but signing with Ed25519 are left out.
    pub fn published(keys: impl IntoIterator<Item = JsonWebKey>) -> Self {
        let for_signing = keys.into_iter().filter(|key| {
            key.kty == "OKP" && key.crv == "Ed25519" && key.alg == "EdDSA" && key.r#use == "sig"
        });
        Self::new(for_signing.map(|key| PublicKey {
            kid: key.kid,
            x: key.x,
        }))
    }

    /// The ids of the keys, in no particular order.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn find(&self, kid: &str) -> Option<&DecodingKey> {
        self.0.get(kid).map(|key| &key.decoding)
    }
}

impl PartialEq for KeySet {
    fn eq(&self, other: &Self) -> bool {
        let same = |(kid, key): (&String, &Key)| other.0.get(kid).is_some_and(|o| o.x == key.x);
        self.0.len() == other.0.len() && self.0.iter().all(same)
    }
}

/// The key, if it has the 32 bytes of one (RFC 8032 section 5.1.5); the library takes any length.
fn ed25519(x: &str) -> Option<DecodingKey> {
    let key = DecodingKey::from_ed_components(x).ok()?;
    let bytes = key.try_get_as_bytes().ok()?;
    (bytes.len() == 32).then_some(key)
}
