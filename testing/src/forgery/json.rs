//! JSON that is not what a token is made of, and JSON in place of a token.

use serde_json::json;

use super::{
    Forgery,
    form::{named, split},
    mint::{Mint, encode},
};

/// The JSON object with this text of members before its own.
fn before(object: &str, members: &str) -> String {
    format!("{{{members},{}", &object[1..])
}

/// Of another shape.
pub(super) fn shapes(mint: &Mint) -> Vec<Forgery> {
    let (header, claims) = (mint.header(), &mint.claims);
    let [h, c, s] = split(&mint.good());
    let unprotected = json!({"unknown": "untrustworthy"});
    let signatures = json!([{"protected": h, "header": unprotected, "signature": s}]);
    let general = json!({"payload": c, "signatures": signatures});
    let flattened = json!({"payload": c, "protected": h, "signature": s});
    named([
        ("JSON serialization", "JWS 17", general.to_string()),
        ("flattened JSON serialization", "", flattened.to_string()),
        (
            "an array for a header",
            "",
            mint.token(&json!([header]), claims),
        ),
        (
            "a text for a header",
            "",
            mint.token(&json!("at+jwt"), claims),
        ),
        (
            "an array for claims",
            "",
            mint.token(&header, &json!([claims])),
        ),
        ("null for claims", "", mint.token(&header, &json!(null))),
        (
            "an open end of brackets",
            "",
            mint.token(&header, &"[".repeat(2_000)),
        ),
    ])
}

/// Texts with too much in them.
pub(super) fn texts(mint: &Mint) -> Vec<Forgery> {
    let (header, claims) = (mint.header().to_string(), mint.claims.to_string());
    let with_header = |header: String| mint.token(&header, &claims);
    let claimed = |claims: String| mint.token(&header, &claims);
    let number_as_text = claims.replacen(r#""exp":"#, r#""exp":"9000000000","was":"#, 1);
    named([
        (
            "more after the header",
            "",
            with_header(format!("{header}{{}}")),
        ),
        (
            "more after the claims",
            "",
            claimed(format!("{claims}{{}}")),
        ),
        (
            "a byte order mark",
            "",
            with_header(format!("\u{feff}{header}")),
        ),
        (
            "a comment in the claims",
            "",
            claimed(claims.replacen('{', "{/**/", 1)),
        ),
        (
            "two algorithms",
            "",
            with_header(before(&header, r#""alg":"none""#)),
        ),
        (
            "the algorithm twice",
            "",
            with_header(before(&header, r#""alg":"EdDSA""#)),
        ),
        (
            "two key ids",
            "",
            with_header(before(&header, r#""kid":"x""#)),
        ),
        (
            "two expiries",
            "",
            claimed(before(&claims, r#""exp":9000000000"#)),
        ),
        ("an expiry in quotes", "", claimed(number_as_text)),
    ])
}

/// Bytes that are no text.
pub(super) fn encodings(mint: &Mint) -> Vec<Forgery> {
    let (header, claims) = (mint.header().to_string(), mint.claims.to_string());
    let sealed = |header: &[u8], claims: &[u8]| mint.sealed(&encode(header), &encode(claims));
    let broken = |text: &str| [b"{\"x\":\"\xff\xfe\",", &text.as_bytes()[1..]].concat();
    let cut = [header.as_bytes(), b"\xc3"].concat();
    let wide: Vec<u8> = claims.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let replaced = header.replacen("at+", "at\u{fffd}", 1);
    named([
        (
            "claims that are no UTF-8",
            "",
            sealed(header.as_bytes(), &broken(&claims)),
        ),
        (
            "a header that is no UTF-8",
            "",
            sealed(&broken(&header), claims.as_bytes()),
        ),
        (
            "a header with half a character",
            "",
            sealed(&cut, claims.as_bytes()),
        ),
        ("claims in UTF-16", "", sealed(header.as_bytes(), &wide)),
        (
            "a replaced character",
            "",
            sealed(replaced.as_bytes(), claims.as_bytes()),
        ),
    ])
}
