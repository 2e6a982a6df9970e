//! The signing of access tokens: JWT of the profile RFC 9068, Ed25519 (RFC 8037).

use std::{fmt, time::Duration};

use aws_lc_rs::{
    error::KeyRejected,
    hmac,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use verifier::{Claims, PublicKey, TYPE};

use crate::digest::sha256;

/// A private key, and the values derived from it.
pub struct Signer {
    pair: Ed25519KeyPair,
    public: PublicKey,
    /// The header of every token of this key, encoded.
    header: String,
    /// Makes token ids. It is derived from the seed, so it is secret and the same in all replicas.
    id_key: hmac::Key,
}

impl Signer {
    /// The signer of this seed (RFC 8032 section 5.1.5). Its key id is the thumbprint of the public key (RFC 7638).
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, KeyRejected> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed)?;
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let kid = thumbprint(&x);
        let header = format!(r#"{{"typ":"{TYPE}","alg":"EdDSA","kid":"{kid}"}}"#);
        let derived = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, seed),
            b"tandem access token id",
        );
        Ok(Self {
            pair,
            id_key: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()),
            header: URL_SAFE_NO_PAD.encode(header),
            public: PublicKey { kid, x },
        })
    }

    /// The signed token with these claims.
    #[must_use]
    pub fn sign(&self, claims: &Claims) -> String {
        let claims = serde_json::to_vec(claims).expect("claims are plain data");
        self.seal(&self.header, &URL_SAFE_NO_PAD.encode(claims))
    }

    /// The key that verifies the tokens of this key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.public.clone()
    }

    /// Its key id.
    pub(crate) fn kid(&self) -> &str {
        &self.public.kid
    }

    /// The public key itself (RFC 8032 section 5.1.5).
    pub(crate) fn public_bytes(&self) -> [u8; 32] {
        let bytes = self.pair.public_key().as_ref().first_chunk();
        *bytes.expect("a public key of Ed25519 has 32 bytes")
    }

    /// The id of the token about `parts`. It is always the same, and only the owner of the key can predict it.
    pub(crate) fn token_id(&self, parts: [&[u8]; 3]) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&self.id_key);
        for part in parts {
            context.update(part);
        }
        *context
            .sign()
            .as_ref()
            .first_chunk()
            .expect("HMAC-SHA256 has 32 bytes")
    }

    /// JWS compact serialization (RFC 7515 section 7.1) of two parts that are encoded already.
    fn seal(&self, header: &str, claims: &str) -> String {
        let mut token = format!("{header}.{claims}");
        let signature = self.pair.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("kid", &self.public.kid)
            .finish_non_exhaustive()
    }
}

/// SHA-256 of the key's canonical form, in base64url (RFC 7638 section 3, RFC 8037 section 2).
fn thumbprint(x: &str) -> String {
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(sha256(canonical.as_bytes()))
}

/// `lifetime` shortened by up to 5 %, depending on the random byte `entropy`, so that tokens issued together do not expire
/// together.
#[must_use]
pub fn jittered(lifetime: Duration, entropy: u8) -> Duration {
    lifetime.saturating_sub(lifetime / 20 * u32::from(entropy) / u32::from(u8::MAX))
}

#[cfg(test)]
mod attacks;

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 8037 appendix A.1.
    const SEED: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";

    fn signer() -> Signer {
        let seed = URL_SAFE_NO_PAD.decode(SEED).unwrap();
        Signer::from_seed(seed.as_slice().try_into().unwrap()).unwrap()
    }

    #[test]
    fn the_public_key_and_its_thumbprint_are_those_of_rfc_8037() {
        let key = signer().public_key();
        assert_eq!(key.x, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(key.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn the_signature_is_that_of_rfc_8037() {
        let token = signer().seal(
            &URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA"}"#),
            &URL_SAFE_NO_PAD.encode("Example of Ed25519 signing"),
        );
        assert_eq!(
            token,
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
             hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
    }

    #[test]
    fn the_header_has_type_algorithm_and_key_and_nothing_else() {
        let signer = signer();
        let header = URL_SAFE_NO_PAD.decode(&signer.header).unwrap();
        let kid = &signer.public.kid;
        assert_eq!(
            String::from_utf8(header).unwrap(),
            format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}"}}"#)
        );
    }

    #[test]
    fn debug_shows_only_the_key_id() {
        assert_eq!(
            format!("{:?}", signer()),
            r#"Signer { kid: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", .. }"#
        );
    }

    #[test]
    fn jitter_shortens_by_at_most_a_twentieth() {
        let lifetime = Duration::from_mins(5);
        assert_eq!(jittered(lifetime, 0), lifetime);
        assert_eq!(jittered(lifetime, 255), Duration::from_secs(285));
        let half = jittered(lifetime, 128);
        assert!(half > Duration::from_secs(285) && half < lifetime);
        assert_eq!(jittered(Duration::ZERO, 255), Duration::ZERO);
    }
}
