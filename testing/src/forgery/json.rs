//! JSON that is not that of a token, and JSON in place of a token.

use serde_json::json;

use super::{
    Forgery, cases,
    issuer::{TestIssuer, encode},
    parts::split,
};

pub(super) fn forgeries(issuer: &TestIssuer) -> Vec<Forgery> {
    [
        shapes(issuer),
        header_texts(issuer),
        claims_texts(issuer),
        encodings(issuer),
    ]
    .concat()
}

/// Inserts members before the first member of a JSON object.
fn with_members_before(object: &str, members: &str) -> String {
    format!("{{{members},{}", &object[1..])
}

/// JSON of another shape.
fn shapes(issuer: &TestIssuer) -> Vec<Forgery> {
    let (header, claims) = (issuer.header(), &issuer.claims);
    let [h, c, s] = split(&issuer.valid());
    let unprotected = json!({"unknown": "untrustworthy"});
    let signatures = json!([{"protected": h, "header": unprotected, "signature": s}]);
    let general = json!({"payload": c, "signatures": signatures});
    let flattened = json!({"payload": c, "protected": h, "signature": s});
    cases([
        ("JSON serialization", "JWS 17", general.to_string()),
        ("flattened JSON serialization", "", flattened.to_string()),
        (
            "an array as header",
            "",
            issuer.token(&json!([header]), claims),
        ),
        (
            "a text as header",
            "",
            issuer.token(&json!("at+jwt"), claims),
        ),
        (
            "an array as claims",
            "",
            issuer.token(&header, &json!([claims])),
        ),
        ("null as claims", "", issuer.token(&header, &json!(null))),
        (
            "2,000 brackets that are never closed",
            "",
            issuer.token(&header, &"[".repeat(2_000)),
        ),
    ])
}

/// JSON of the header with something added.
fn header_texts(issuer: &TestIssuer) -> Vec<Forgery> {
    let header = issuer.header().to_string();
    let token = |header: String| issuer.token(&header, &issuer.claims);
    let with = |members: &str| token(with_members_before(&header, members));
    cases([
        (
            "text after the JSON of the header",
            "",
            token(format!("{header}{{}}")),
        ),
        ("a byte order mark", "", token(format!("\u{feff}{header}"))),
        ("two algorithms", "", with(r#""alg":"none""#)),
        ("the algorithm twice", "", with(r#""alg":"EdDSA""#)),
        ("two key ids", "", with(r#""kid":"x""#)),
    ])
}

/// JSON of the claims with something added or changed.
fn claims_texts(issuer: &TestIssuer) -> Vec<Forgery> {
    let claims = issuer.claims.to_string();
    let token = |claims: String| issuer.token(&issuer.header(), &claims);
    let number_as_text = claims.replacen(r#""exp":"#, r#""exp":"9000000000","was":"#, 1);
    cases([
        (
            "text after the JSON of the claims",
            "",
            token(format!("{claims}{{}}")),
        ),
        (
            "a comment in the claims",
            "",
            token(claims.replacen('{', "{/**/", 1)),
        ),
        (
            "two expiry times",
            "",
            token(with_members_before(&claims, r#""exp":9000000000"#)),
        ),
        ("an expiry time in quotes", "", token(number_as_text)),
    ])
}

/// Bytes that are not text in UTF-8.
fn encodings(issuer: &TestIssuer) -> Vec<Forgery> {
    let (header, claims) = (issuer.header().to_string(), issuer.claims.to_string());
    let token = |header: &[u8], claims: &[u8]| issuer.sign_parts(&encode(header), &encode(claims));
    let broken = |text: &str| [b"{\"x\":\"\xff\xfe\",", &text.as_bytes()[1..]].concat();
    let cut = [header.as_bytes(), b"\xc3"].concat();
    let utf16: Vec<u8> = claims.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let replaced = header.replacen("at+", "at\u{fffd}", 1);
    cases([
        (
            "claims that are not UTF-8",
            "",
            token(header.as_bytes(), &broken(&claims)),
        ),
        (
            "a header that is not UTF-8",
            "",
            token(&broken(&header), claims.as_bytes()),
        ),
        (
            "half a character at the end of the header",
            "",
            token(&cut, claims.as_bytes()),
        ),
        ("claims in UTF-16", "", token(header.as_bytes(), &utf16)),
        (
            "a replacement character",
            "",
            token(replaced.as_bytes(), claims.as_bytes()),
        ),
    ])
}
