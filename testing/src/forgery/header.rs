//! Other members of the header: its type (RFC 8725 section 3.11) and extensions (RFC 7515 section 4.1.11).

use serde_json::{Value, json};

use super::{
    Forgery, cases,
    issuer::{TestIssuer, encode},
};

/// Types of tokens that are not access tokens, and other spellings of ours.
const TYPES: [&str; 7] = [
    "JWT",
    "AT+JWT",
    "application/at+jwt",
    "at+jwt ",
    "dpop+jwt",
    "logout+jwt",
    "",
];

pub(super) fn forgeries(issuer: &TestIssuer) -> Vec<Forgery> {
    [
        types(issuer),
        extensions(issuer),
        missing_members(issuer),
        unencoded_claims(issuer),
        nested(issuer),
    ]
    .concat()
}

fn with_member(issuer: &TestIssuer, name: &str, value: Value) -> Forgery {
    let case = format!("header member {name}: {value}");
    let header = issuer.header_with(name, value);
    Forgery::new(case, "", issuer.token(&header, &issuer.claims))
}

fn types(issuer: &TestIssuer) -> Vec<Forgery> {
    TYPES
        .map(|kind| with_member(issuer, "typ", json!(kind)))
        .into()
}

fn extensions(issuer: &TestIssuer) -> Vec<Forgery> {
    let members = [
        ("typ", json!(null)),
        ("crit", json!(["exp"])),
        ("crit", json!(["b64"])),
        ("crit", json!([])),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("enc", json!("A256GCM")),
        ("unknown", json!("untrustworthy")),
    ];
    members
        .map(|(name, value)| with_member(issuer, name, value))
        .into()
}

fn missing_members(issuer: &TestIssuer) -> Vec<Forgery> {
    let without = |member: &str| {
        let mut header = issuer.header();
        let members = header.as_object_mut().expect("a header is an object");
        members.remove(member);
        let token = issuer.token(&header, &issuer.claims);
        Forgery::new(format!("no {member} in the header"), "", token)
    };
    ["typ", "alg", "kid"].map(without).into()
}

/// RFC 7797: the claims are signed without base64url.
fn unencoded_claims(issuer: &TestIssuer) -> Vec<Forgery> {
    let mut header = issuer.header_with("b64", json!(false));
    header["crit"] = json!(["b64"]);
    let (header, claims) = (encode(header.to_string()), issuer.claims.to_string());
    let unencoded = issuer.sign_parts(&header, &claims);
    let (_, signature) = unencoded.rsplit_once('.').expect("a token has a signature");
    let detached = format!("{header}..{signature}");
    let encoded = format!("{header}.{}.{signature}", encode(&claims));
    cases([
        ("claims that are signed without encoding", "", encoded),
        ("claims that are not encoded", "", unencoded),
        ("claims that are detached", "", detached),
    ])
}

fn nested(issuer: &TestIssuer) -> Vec<Forgery> {
    let token = issuer.token(&issuer.header(), &json!(issuer.valid()));
    cases([("a token as the claims of a token", "", token)])
}
