//! Keys that a token carries or names (RFC 8725 sections 3.5 and 3.10).

use serde_json::{Value, json};

use super::{Forgery, cases, issuer::TestIssuer};

pub(super) fn forgeries(issuer: &TestIssuer) -> Vec<Forgery> {
    [
        unknown_ids(issuer),
        malformed_ids(issuer),
        signed_by_the_attacker(issuer),
        references_to_a_key(issuer),
        carried_keys(issuer),
    ]
    .concat()
}

/// The attacker's issuer, with a key of its own.
fn attacker(issuer: &TestIssuer) -> TestIssuer {
    TestIssuer::new(&[0xa7; 32], issuer.claims.clone())
}

/// A token that the attacker has signed. Its header is that of a valid token, with this member.
fn attacker_token(attacker: &TestIssuer, issuer: &TestIssuer, name: &str, value: Value) -> String {
    attacker.token(&issuer.header_with(name, value), &attacker.claims)
}

/// A token with our signature that names this key id.
fn with_id(issuer: &TestIssuer, id: Value) -> String {
    issuer.token(&issuer.header_with("kid", id), &issuer.claims)
}

fn unknown_ids(issuer: &TestIssuer) -> Vec<Forgery> {
    let long = "k".repeat(65);
    let ids = [
        "",
        "unknown",
        "../../../../dev/null",
        "' or 1=1 --",
        "k\u{0}",
        "*",
        "0",
        &long,
    ];
    ids.map(|id| Forgery::new(format!("key id {id:?}"), "", with_id(issuer, json!(id))))
        .into()
}

fn malformed_ids(issuer: &TestIssuer) -> Vec<Forgery> {
    let id = &issuer.key.kid;
    cases([
        ("a list of key ids", "", with_id(issuer, json!([id]))),
        (
            "the key id in upper case",
            "",
            with_id(issuer, json!(id.to_ascii_uppercase())),
        ),
    ])
}

fn signed_by_the_attacker(issuer: &TestIssuer) -> Vec<Forgery> {
    let attacker = attacker(issuer);
    let token = |name: &str, value: Value| attacker_token(&attacker, issuer, name, value);
    let mut own_jwk = attacker.header();
    own_jwk["jwk"] = attacker.jwk();
    cases([
        (
            "the attacker's key under the known id",
            "",
            token("typ", json!("at+jwt")),
        ),
        ("the attacker's key under its own id", "", attacker.valid()),
        (
            "the attacker's key in the header",
            "JWS 32",
            token("jwk", attacker.jwk()),
        ),
        (
            "the attacker's key in the header, under its own id",
            "",
            attacker.token(&own_jwk, &attacker.claims),
        ),
    ])
}

/// The header says where the attacker's key can be found, or has its certificate.
fn references_to_a_key(issuer: &TestIssuer) -> Vec<Forgery> {
    let attacker = attacker(issuer);
    let token = |name: &str, value: Value| attacker_token(&attacker, issuer, name, value);
    cases([
        (
            "the address of a key",
            "",
            token("jku", json!("https://attacker.example/jwks.json")),
        ),
        (
            "the address of a certificate",
            "",
            token("x5u", json!("https://attacker.example/key.pem")),
        ),
        (
            "a certificate in the header",
            "",
            token("x5c", json!(["MIIB"])),
        ),
        ("a certificate's thumbprint", "", token("x5t", json!("abc"))),
    ])
}

fn carried_keys(issuer: &TestIssuer) -> Vec<Forgery> {
    let header = issuer.header_with("jwk", issuer.jwk());
    cases([(
        "our own key in the header",
        "",
        issuer.token(&header, &issuer.claims),
    )])
}
