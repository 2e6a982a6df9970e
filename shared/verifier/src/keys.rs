//! Verification keys: only public ones, so a verifier cannot issue tokens.

use std::collections::HashMap;

use contract::proto::auth::JsonWebKey;
use jsonwebtoken::DecodingKey;

/// One Ed25519 public key and its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Key id: the `kid` of the tokens that it signed.
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
    /// The set of these keys; those that are not Ed25519 keys are left out.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        let usable = keys.into_iter().filter_map(|PublicKey { kid, x }| {
            let decoding = ed25519(&x)?;
            Some((kid, Key { x, decoding }))
        });
        Self(usable.collect())
    }

    /// The set of these published keys (RFC 7517, RFC 8037); keys for any other purpose than signing with Ed25519 are left out.
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

    /// Whether the set has no key.
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

/// The key, if it has 32 bytes (RFC 8032 section 5.1.5) and is not of small order: the library accepts any length and any point.
fn ed25519(x: &str) -> Option<DecodingKey> {
    let key = DecodingKey::from_ed_components(x).ok()?;
    let point: [u8; 32] = key.try_get_as_bytes().ok()?.try_into().ok()?;
    (!is_of_small_order(point)).then_some(key)
}

/// Whether a point is one of the eight points of small order. For such a key anybody can make signatures.
fn is_of_small_order(mut point: [u8; 32]) -> bool {
    // The sign of x.
    point[31] &= 0x7f;
    SMALL_ORDER.contains(&point)
}

/// The y of the points of order 1, 2, 4 and 8, little-endian: 1, -1, 0, and two that are negatives of each other.
const SMALL_ORDER: [[u8; 32]; 5] = [
    number(0x01, 0x00, 0x00),
    number(0xec, 0xff, 0x7f),
    number(0x00, 0x00, 0x00),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

/// A number with this first byte, this last byte, and `between` in every byte between them.
const fn number(first: u8, between: u8, last: u8) -> [u8; 32] {
    let mut bytes = [between; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}
