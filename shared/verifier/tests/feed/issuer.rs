//! Signs tokens in the way of the auth service.

use api::ids::{SessionId, UserId};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use contract::proto::auth::JsonWebKey;
use uuid::Uuid;
use verifier::Claims;

pub(crate) struct Issuer {
    pair: Ed25519KeyPair,
    pub(crate) kid: String,
}

impl Issuer {
    pub(crate) fn new(seed: u8) -> Self {
        Self {
            pair: Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap(),
            kid: format!("key-{seed}"),
        }
    }

    pub(crate) fn published(&self) -> JsonWebKey {
        JsonWebKey {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            x: URL_SAFE_NO_PAD.encode(self.pair.public_key().as_ref()),
            kid: self.kid.clone(),
            alg: "EdDSA".to_owned(),
            r#use: "sig".to_owned(),
        }
    }

    pub(crate) fn sign(&self, claims: &Claims) -> String {
        let header = format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{}"}}"#, self.kid);
        let claims = serde_json::to_vec(claims).unwrap();
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

/// The claims of a session and an account, both with this number, valid for five minutes.
pub(crate) fn claims(number: u128, now: i64) -> Claims {
    Claims {
        iss: "tandem-auth".to_owned(),
        aud: "tandem".to_owned(),
        sub: UserId::from(account(number)),
        sid: SessionId::from(session(number)),
        ep: 3,
        scope: "account tasks.read tasks.write".to_owned(),
        client_id: "test".to_owned(),
        iat: now,
        nbf: now,
        exp: now + 300,
        jti: number.to_string(),
    }
}

pub(crate) fn session(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub(crate) fn account(number: u128) -> Uuid {
    Uuid::from_u128(1 << 64 | number)
}
