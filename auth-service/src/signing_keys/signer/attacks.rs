//! Forged and malformed tokens against the verifier. They are signed with the key that it trusts wherever that is the harder
//! case.

use std::{sync::Arc, time::Duration};

use api::ids::{SessionId, UserId};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use clock::Clock;
use serde_json::{Value, json};
use verifier::{Claims, KeySet, PublicKey, Purpose, Revocations, TokenError, Trust, Verifier};

use super::Signer;

mod claims;
mod form;
mod header;

const NOW: i64 = 1_800_000_000;
const LEEWAY: i64 = 5;
#[derive(Debug)]
struct FixedClock(DateTime<Utc>);

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

fn signer() -> Signer {
    Signer::from_seed(&[7; 32]).unwrap()
}

fn verifier() -> Verifier {
    let trust = Trust {
        issuer: "https://auth.example".to_owned(),
        audience: "tandem".to_owned(),
        leeway: Duration::from_secs(LEEWAY.unsigned_abs()),
    };
    let now = DateTime::from_timestamp(NOW, 0).unwrap();
    let verifier = Verifier::new(
        trust,
        Revocations::NotConsulted,
        8,
        Arc::new(FixedClock(now)),
    );
    verifier.set_keys(KeySet::new([signer().public_key()]));
    verifier
}

fn verify(token: &str) -> Result<Claims, TokenError> {
    let claims = verifier().verify(token, Purpose::Write)?;
    Ok(claims.as_ref().clone())
}

fn claims() -> Claims {
    let id = "0190163d-8694-739b-aea5-966c26f8ad91";
    Claims {
        iss: "https://auth.example".to_owned(),
        aud: "tandem".to_owned(),
        sub: UserId::parse(id).unwrap(),
        sid: SessionId::parse(id).unwrap(),
        ep: 3,
        scope: "account tasks.read".to_owned(),
        client_id: "first-party".to_owned(),
        iat: NOW,
        nbf: NOW,
        exp: NOW + 300,
        jti: id.to_owned(),
    }
}

fn header() -> Value {
    json!({"typ": "at+jwt", "alg": "EdDSA", "kid": signer().public_key().kid})
}

/// `object` with `key` set to `value`.
fn with(mut object: Value, key: &str, value: Value) -> Value {
    object[key] = value;
    object
}

/// A correctly signed token of these JSON texts.
fn signed(header: &impl ToString, claims: &impl ToString) -> String {
    signer().seal(
        &URL_SAFE_NO_PAD.encode(header.to_string()),
        &URL_SAFE_NO_PAD.encode(claims.to_string()),
    )
}

fn with_header(key: &str, value: Value) -> String {
    signed(&with(header(), key, value), &json!(claims()))
}

fn with_claim(key: &str, value: Value) -> String {
    signed(&header(), &with(json!(claims()), key, value))
}

/// The claims with the JSON text `value` for `key`. `serde_json` need not be able to represent it.
fn with_claim_text(key: &str, value: &str) -> String {
    let claims = with(json!(claims()), key, json!("here")).to_string();
    signed(&header(), &claims.replace(r#""here""#, value))
}

/// The token with its signature's bytes changed.
fn resigned(change: impl FnOnce(&mut Vec<u8>)) -> String {
    let token = signer().sign(&claims());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    change(&mut signature);
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[track_caller]
fn assert_invalid(token: &str) {
    assert_eq!(verify(token), Err(TokenError::Invalid), "{token:.900}");
}

#[test]
fn a_signed_token_is_accepted_with_the_claims_that_were_signed() {
    assert_eq!(verify(&signer().sign(&claims())), Ok(claims()));
    // The functions above can make valid tokens too, so a refusal below is due to the change.
    let same = signed(&header(), &json!(claims()));
    assert_eq!(verify(&same), Ok(claims()));
    let text = with_claim_text("exp", &(NOW + 300).to_string());
    assert_eq!(verify(&text), Ok(claims()));
    assert_eq!(verify(&resigned(|_| ())), Ok(claims()));
}

#[test]
fn without_keys_no_token_is_judged() {
    let verifier = verifier();
    verifier.set_keys(KeySet::default());
    let unavailable = Err(TokenError::KeysUnavailable);
    assert_eq!(
        verifier.verify(&signer().sign(&claims()), Purpose::Write),
        unavailable
    );
    assert_eq!(verifier.verify("x", Purpose::Write), unavailable);
}

#[test]
fn a_malformed_ed25519_key_is_left_out_of_the_set() {
    let verifier = verifier();
    let PublicKey { kid, x } = signer().public_key();
    for x in ["", "AAAA", "not base64!", &format!("{x}AA")] {
        let (kid, x) = (kid.clone(), x.to_owned());
        verifier.set_keys(KeySet::new([PublicKey { kid, x }]));
        let answer = verifier.verify(&signer().sign(&claims()), Purpose::Write);
        assert_eq!(answer, Err(TokenError::KeysUnavailable));
    }
}
