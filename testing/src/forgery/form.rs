//! How a token is written (RFC 7515 section 7).

use serde_json::json;

use super::{
    Forgery,
    mint::{Mint, encode},
};

/// The three parts of a good token.
pub(super) fn split(token: &str) -> [String; 3] {
    let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts.try_into().expect("a token has three parts")
}

/// Cases of these names, numbers of Wycheproof and tokens.
pub(super) fn named<const N: usize>(
    cases: [(&'static str, &'static str, String); N],
) -> Vec<Forgery> {
    let cases = cases.map(|(name, after, token)| Forgery::new(name, after, token));
    cases.into()
}

/// Parts that are missing, empty, changed or too many.
pub(super) fn parts(mint: &Mint) -> Vec<Forgery> {
    let good = mint.good();
    let [h, c, s] = split(&good);
    let other = mint.token(&mint.header(), &json!({"sub": "another"}));
    let [_, other_c, other_s] = split(&other);
    let unknown = encode(mint.header_with("kid", json!("Xid")).to_string());
    let first = if s.starts_with('A') { "B" } else { "A" };
    let changed = format!("{h}.{c}.{first}{}", &s[1..]);
    let long = format!("{h}.{c}.{}", "A".repeat(1 << 12));
    named([
        ("the signature changed", "JWS 2, 19, 34", changed),
        ("no signature", "JWS 3, 20, 35", format!("{h}.{c}.")),
        (
            "no signature and no dot",
            "JWS 4, 21, 36",
            format!("{h}.{c}"),
        ),
        (
            "other claims",
            "JWS 5, 22, 37",
            format!("{h}.{other_c}.{s}"),
        ),
        ("no claims", "JWS 6, 23, 38", format!("{h}..{s}")),
        ("no claims and no dot", "JWS 7, 24, 39", format!("{h}.{s}")),
        (
            "another header",
            "JWS 8, 25, 40",
            format!("{unknown}.{c}.{s}"),
        ),
        ("no header", "JWS 9, 26, 41", format!(".{c}.{s}")),
        ("no header and no dot", "JWS 10, 27, 42", format!("{c}.{s}")),
        (
            "neither header nor signature",
            "JWS 11, 28, 43",
            format!(".{c}."),
        ),
        ("nothing but claims", "JWS 12, 29, 44", c.clone()),
        ("an empty text", "JWS 13, 30, 45", String::new()),
        ("an empty fourth part", "JWS 14", format!("{good}.")),
        ("a fourth part", "JWS 15", format!("{good}.foo")),
        ("an empty part before it", "", format!(".{good}")),
        ("two dots", "", "..".to_owned()),
        ("another's signature", "", format!("{h}.{c}.{other_s}")),
        ("the signature twice", "", format!("{h}.{c}.{s}{s}")),
        ("header and claims exchanged", "", format!("{c}.{h}.{s}")),
        ("five parts", "", format!("{h}.{c}.{c}.{c}.{s}")),
        ("two tokens at once", "", format!("{good},{good}")),
        ("more than any token has", "JWS 385", long),
    ])
}

/// Good tokens with space in their JSON.
pub(super) fn unusual(mint: &Mint) -> Vec<Forgery> {
    let header = mint.header().to_string();
    let spaced = |with: &str| mint.token(&header.replace(',', with), &mint.claims);
    let escaped = header.replace("at+jwt", r"at\u002bjwt");
    vec![
        Forgery::new("a token as usual", "JWS 1, 18, 33, 357", mint.good()),
        Forgery::new("spaces in the JSON of the header", "JWS 376", spaced(" , ")),
        Forgery::new(
            "line breaks in the JSON of the header",
            "JWS 377",
            spaced(",\n\t"),
        ),
        Forgery::new(
            "an escape in the JSON of the header",
            "",
            mint.token(&escaped, &mint.claims),
        ),
    ]
}
