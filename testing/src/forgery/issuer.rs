//! An issuer of test tokens: a signing key, and every kind of token that it can sign.

use aws_lc_rs::{
    digest::{SHA256, SHA512, digest},
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use curve25519_dalek::{EdwardsPoint, Scalar, scalar::clamp_integer};
use serde_json::{Value, json};

/// A signing key, and the claims of its valid tokens.
#[derive(Debug)]
pub struct TestIssuer {
    pair: Ed25519KeyPair,
    /// The private scalar (RFC 8032 section 5.1.5).
    scalar: Scalar,
    /// The public key.
    pub key: PublishedKey,
    /// The claims of a valid token.
    pub claims: Value,
}

/// A public key as it is published (RFC 8037).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedKey {
    /// Key id.
    pub kid: String,
    /// The key in base64url.
    pub x: String,
}

impl PublishedKey {
    /// The key with these bytes. Its id is its thumbprint (RFC 7638).
    #[must_use]
    pub fn of(bytes: &[u8; 32]) -> Self {
        let x = encode(bytes);
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let kid = encode(digest(&SHA256, canonical.as_bytes()));
        Self { kid, x }
    }
}

impl TestIssuer {
    /// An issuer whose key is derived from this seed.
    ///
    /// # Panics
    ///
    /// Never, since every seed gives a key.
    #[must_use]
    pub fn new(seed: &[u8; 32], claims: Value) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("a seed has 32 bytes");
        let half = digest(&SHA512, seed);
        let half = half.as_ref().first_chunk().expect("SHA-512 has 64 bytes");
        let scalar = Scalar::from_bytes_mod_order(clamp_integer(*half));
        let public = EdwardsPoint::mul_base(&scalar).compress().to_bytes();
        assert_eq!(
            pair.public_key().as_ref(),
            public,
            "both libraries derive the same key"
        );
        Self {
            pair,
            scalar,
            key: PublishedKey::of(&public),
            claims,
        }
    }

    /// A valid token.
    #[must_use]
    pub fn valid(&self) -> String {
        self.token(&self.header(), &self.claims)
    }

    /// The header of a valid token.
    pub(super) fn header(&self) -> Value {
        json!({"typ": "at+jwt", "alg": "EdDSA", "kid": self.key.kid})
    }

    /// The header of a valid token, with a member added or replaced.
    pub(super) fn header_with(&self, name: &str, value: Value) -> Value {
        let mut header = self.header();
        header[name] = value;
        header
    }

    /// The public key as a JWK (RFC 8037).
    pub(super) fn jwk(&self) -> Value {
        let PublishedKey { kid, x } = &self.key;
        json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x})
    }

    /// A token of these JSON texts with a correct signature.
    pub(super) fn token(&self, header: &impl ToString, claims: &impl ToString) -> String {
        self.sign_parts(&encode(header.to_string()), &encode(claims.to_string()))
    }

    /// A token of these two parts, used unchanged, with a correct signature.
    pub(super) fn sign_parts(&self, header: &str, claims: &str) -> String {
        let message = format!("{header}.{claims}");
        joined(&message, self.pair.sign(message.as_bytes()).as_ref())
    }

    /// What is signed in a valid token: its first two parts.
    pub(super) fn message(&self) -> String {
        let valid = self.valid();
        let (message, _signature) = valid.rsplit_once('.').expect("a token has three parts");
        message.to_owned()
    }

    /// A valid token whose signature is then changed.
    pub(super) fn resigned(&self, change: impl FnOnce(&mut Vec<u8>)) -> String {
        let message = self.message();
        let mut signature = self.pair.sign(message.as_bytes()).as_ref().to_vec();
        change(&mut signature);
        joined(&message, &signature)
    }

    /// A valid token with a signature whose R is encoded as `r`, and whose S fits the nonce: the equation holds for a verifier
    /// that takes `r` for the nonce's point.
    pub(super) fn signed_as(&self, nonce: &Scalar, r: &[u8; 32]) -> String {
        let message = self.message();
        let public = decode(&self.key.x);
        let challenge = challenge(&[r, &public, message.as_bytes()]);
        let s = nonce + challenge * self.scalar;
        joined(&message, &[*r, s.to_bytes()].concat())
    }

    /// The private scalar.
    pub(super) const fn scalar(&self) -> &Scalar {
        &self.scalar
    }
}

/// A token: the message and its signature.
pub(super) fn joined(message: &str, signature: &[u8]) -> String {
    format!("{message}.{}", encode(signature))
}

/// Base64url without padding.
pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Bytes of base64url without padding.
pub(super) fn decode(text: &str) -> Vec<u8> {
    let bytes = URL_SAFE_NO_PAD.decode(text);
    bytes.expect("the text was encoded by this module")
}

/// SHA-512 of the parts, as a scalar (RFC 8032 section 5.1.6).
pub(super) fn challenge(parts: &[&[u8]]) -> Scalar {
    let hash = digest(&SHA512, &parts.concat());
    let wide = hash.as_ref().first_chunk().expect("SHA-512 has 64 bytes");
    Scalar::from_bytes_mod_order_wide(wide)
}
