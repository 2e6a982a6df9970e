//! The check of an access token (RFC 8725, RFC 9068 section 4).

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Validation, decode};
use serde::Deserialize;

use super::{Claims, KeySet, TYPE, TokenError, keys::Current};
use crate::clock::Clock;

/// Longest token looked at, in bytes: ours have about 600.
const LONGEST: usize = 4096;
/// Longest key id looked up, in bytes (RFC 8725 section 3.10).
const LONGEST_KID: usize = 64;

/// Whose tokens are accepted.
#[derive(Debug, Clone)]
pub struct Trust {
    /// `iss`, compared exactly.
    pub issuer: String,
    /// `aud`, compared exactly.
    pub audience: String,
    /// How far clocks may be apart; at most 5 s.
    pub leeway: Duration,
}

/// Checks access tokens against the keys it holds; cheap to clone, clones share the keys.
#[derive(Debug, Clone)]
pub struct Verifier {
    trust: Arc<Trust>,
    keys: Arc<Current>,
    clock: Arc<dyn Clock>,
}

/// The header, exactly as ours is: one that brings or names a key, or asks for anything else, is refused (RFC 8725
/// sections 3.1 and 3.10, ASVS 9.1.3).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

impl Verifier {
    /// A verifier without keys: it answers [`TokenError::KeysUnavailable`] until it is given some.
    #[must_use]
    pub fn new(trust: Trust, clock: Arc<dyn Clock>) -> Self {
        Self {
            trust: Arc::new(trust),
            keys: Arc::default(),
            clock,
        }
    }

    /// Replaces the keys.
    pub fn set_keys(&self, keys: KeySet) {
        self.keys.set.store(Arc::new(keys));
    }

    pub(super) fn keys(&self) -> &Arc<Current> {
        &self.keys
    }

    /// The claims of `token`, if it is one of ours and its time has come and is not over.
    pub fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let keys = self.keys.set.load();
        if keys.is_empty() {
            return Err(TokenError::KeysUnavailable);
        }
        let kid = key_id(token).ok_or(TokenError::Invalid)?;
        let Some(key) = keys.find(&kid) else {
            self.keys.unknown_kid.notify_one();
            return Err(TokenError::Invalid);
        };
        let claims = decode::<Claims>(token, key, &signature_only())
            .map_err(|_not_ours| TokenError::Invalid)?
            .claims;
        self.accept(claims)
    }

    /// Issuer, audience and time; the signature has been checked.
    fn accept(&self, claims: Claims) -> Result<Claims, TokenError> {
        let Trust {
            issuer,
            audience,
            leeway,
        } = &*self.trust;
        if claims.iss != *issuer || claims.aud != *audience {
            return Err(TokenError::Invalid);
        }
        if claims.iat < 0 || claims.nbf < 0 || claims.exp < 0 {
            return Err(TokenError::Invalid);
        }
        let now = self.clock.now().timestamp();
        let leeway = i64::try_from(leeway.as_secs()).expect("the leeway is at most 5 s");
        if claims.nbf > now.saturating_add(leeway) || claims.iat > now.saturating_add(leeway) {
            return Err(TokenError::Invalid);
        }
        if claims.exp <= now.saturating_sub(leeway) {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }
}

/// Time, issuer and audience are checked by [`Verifier::accept`], on our clock and without a silent leeway.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

/// The key id of a token whose form and header are acceptable; nothing else of it has been checked.
#[must_use]
pub fn key_id(token: &str) -> Option<String> {
    let of_the_alphabet = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if token.len() > LONGEST || !token.bytes().all(of_the_alphabet) {
        return None;
    }
    let mut parts = token.split('.');
    let (Some(header), Some(_claims), Some(_signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    let acceptable = header.alg == "EdDSA"
        && header.typ == TYPE
        && (1..=LONGEST_KID).contains(&header.kid.len());
    acceptable.then_some(header.kid)
}
