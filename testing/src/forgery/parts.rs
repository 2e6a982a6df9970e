//! The three parts of a token (RFC 7515 section 7): missing, changed, or too many.

use serde_json::json;

use super::{
    Forgery, cases,
    issuer::{TestIssuer, encode},
};

pub(super) fn forgeries(issuer: &TestIssuer) -> Vec<Forgery> {
    [missing(issuer), changed(issuer), additional(issuer)].concat()
}

/// The three parts of a valid token.
pub(super) fn split(token: &str) -> [String; 3] {
    let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts.try_into().expect("a token has three parts")
}

fn missing(issuer: &TestIssuer) -> Vec<Forgery> {
    let [h, c, s] = split(&issuer.valid());
    cases([
        ("no signature", "JWS 3, 20, 35", format!("{h}.{c}.")),
        (
            "no signature and no dot",
            "JWS 4, 21, 36",
            format!("{h}.{c}"),
        ),
        ("no claims", "JWS 6, 23, 38", format!("{h}..{s}")),
        ("no claims and no dot", "JWS 7, 24, 39", format!("{h}.{s}")),
        ("no header", "JWS 9, 26, 41", format!(".{c}.{s}")),
        ("no header and no dot", "JWS 10, 27, 42", format!("{c}.{s}")),
        (
            "neither header nor signature",
            "JWS 11, 28, 43",
            format!(".{c}."),
        ),
        ("only claims", "JWS 12, 29, 44", c),
        ("an empty text", "JWS 13, 30, 45", String::new()),
        ("two dots", "", "..".to_owned()),
    ])
}

fn changed(issuer: &TestIssuer) -> Vec<Forgery> {
    let [h, c, s] = split(&issuer.valid());
    let other = issuer.token(&issuer.header(), &json!({"sub": "another"}));
    let [_, other_c, other_s] = split(&other);
    let unknown = encode(issuer.header_with("kid", json!("Xid")).to_string());
    let first = if s.starts_with('A') { "B" } else { "A" };
    let changed = format!("{h}.{c}.{first}{}", &s[1..]);
    cases([
        ("the signature changed", "JWS 2, 19, 34", changed),
        (
            "other claims",
            "JWS 5, 22, 37",
            format!("{h}.{other_c}.{s}"),
        ),
        (
            "another header",
            "JWS 8, 25, 40",
            format!("{unknown}.{c}.{s}"),
        ),
        (
            "the signature of another token",
            "",
            format!("{h}.{c}.{other_s}"),
        ),
        ("header and claims exchanged", "", format!("{c}.{h}.{s}")),
    ])
}

fn additional(issuer: &TestIssuer) -> Vec<Forgery> {
    let valid = issuer.valid();
    let [h, c, s] = split(&valid);
    let long = format!("{h}.{c}.{}", "A".repeat(1 << 12));
    cases([
        ("an empty fourth part", "JWS 14", format!("{valid}.")),
        ("a fourth part", "JWS 15", format!("{valid}.foo")),
        ("an empty part before the header", "", format!(".{valid}")),
        ("the signature twice", "", format!("{h}.{c}.{s}{s}")),
        ("five parts", "", format!("{h}.{c}.{c}.{c}.{s}")),
        ("two tokens", "", format!("{valid},{valid}")),
        ("longer than any token", "JWS 385", long),
    ])
}

/// Valid tokens with spaces or escapes in the JSON of their headers.
pub(super) fn unusual(issuer: &TestIssuer) -> Vec<Forgery> {
    let header = issuer.header().to_string();
    let spaced = |with: &str| issuer.token(&header.replace(',', with), &issuer.claims);
    let escaped = header.replace("at+jwt", r"at\u002bjwt");
    cases([
        ("a usual token", "JWS 1, 18, 33, 357", issuer.valid()),
        ("spaces in the JSON of the header", "JWS 376", spaced(" , ")),
        (
            "line breaks in the JSON of the header",
            "JWS 377",
            spaced(",\n\t"),
        ),
        (
            "an escape in the JSON of the header",
            "",
            issuer.token(&escaped, &issuer.claims),
        ),
    ])
}
