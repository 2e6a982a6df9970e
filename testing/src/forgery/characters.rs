//! Characters that do not belong in a token, in each of its parts.

use super::{
    Forgery, cases,
    issuer::{TestIssuer, encode},
    parts::split,
};

pub(super) fn forgeries(issuer: &TestIssuer) -> Vec<Forgery> {
    [
        in_the_signature(issuer),
        around_the_parts(issuer),
        in_a_signed_header(issuer),
        in_signed_claims(issuer),
    ]
    .concat()
}

/// The part with another last character. The characters differ only in the bits that are left over after the last byte.
fn with_other_trailing_bits(part: &str) -> String {
    let at = part.len() - 1;
    let last = part.as_bytes()[at];
    let next = if last == b'Z' { b'a' } else { last + 1 };
    format!("{}{}", &part[..at], char::from(next))
}

fn in_the_signature(issuer: &TestIssuer) -> Vec<Forgery> {
    let [h, c, s] = split(&issuer.valid());
    let with = |signature: String| format!("{h}.{c}.{signature}");
    let rest = &s[1..];
    cases([
        (
            "spaces before the signature",
            "JWS 360",
            with(format!("    {s}")),
        ),
        ("? before the signature", "JWS 361", with(format!("?{s}"))),
        ("? after the signature", "JWS 362", with(format!("{s}?"))),
        ("? in the signature", "JWS 363", with(format!("?{rest}"))),
        ("a signature of ?", "JWS 364", with("?".repeat(86))),
        ("a padded signature", "JWS 367", with(format!("{s}=="))),
        (
            "other trailing bits in the signature",
            "",
            with(with_other_trailing_bits(&s)),
        ),
        (
            "base64 that is not base64url",
            "",
            with(format!("{}+/", &s[..84])),
        ),
        (
            "a Cyrillic letter that looks like a Latin one",
            "",
            with(format!("\u{410}{rest}")),
        ),
    ])
}

fn around_the_parts(issuer: &TestIssuer) -> Vec<Forgery> {
    let [h, c, s] = split(&issuer.valid());
    cases([
        ("a line break at the end", "", format!("{h}.{c}.{s}\n")),
        ("a zero byte at the end", "", format!("{h}.{c}.{s}\u{0}")),
        (
            "line breaks between the parts",
            "",
            format!("{h}.\n{c}.\n{s}"),
        ),
        ("dots in percent encoding", "", format!("{h}%2E{c}%2E{s}")),
        ("a space before the token", "", format!(" {h}.{c}.{s}")),
        (
            "? in the header, valid in Wycheproof",
            "JWS 372",
            format!("{h}?.{c}.{s}"),
        ),
        (
            "? in the claims, valid in Wycheproof",
            "JWS 373",
            format!("{h}.{c}?.{s}"),
        ),
    ])
}

/// The header is signed with these characters in it.
fn in_a_signed_header(issuer: &TestIssuer) -> Vec<Forgery> {
    let [h, c, _] = split(&issuer.valid());
    let header = |header: String| issuer.sign_parts(&header, &c);
    cases([
        (
            "spaces after the header",
            "JWS 365",
            header(format!("{h}    ")),
        ),
        (
            "#### after the header",
            "JWS 366",
            header(format!("{h}####")),
        ),
        ("a padded header", "", header(format!("{h}="))),
    ])
}

/// The claims are signed with these characters in them.
fn in_signed_claims(issuer: &TestIssuer) -> Vec<Forgery> {
    let [h, c, _] = split(&issuer.valid());
    let claims = |claims: String| issuer.sign_parts(&h, &claims);
    // Enough spaces that the last character has bits left over.
    let mut text = issuer.claims.to_string();
    text.push_str(&" ".repeat((4 - text.len() % 3) % 3));
    let exact = encode(text);
    let [_, _, s] = split(&issuer.sign_parts(&h, &exact));
    let other_bits = with_other_trailing_bits(&exact);
    cases([
        (
            "spaces before the claims",
            "JWS 368",
            claims(format!("    {c}")),
        ),
        (
            "#### before the claims",
            "JWS 369",
            claims(format!("####{c}")),
        ),
        ("padded claims", "JWS 370", claims(format!("{c}="))),
        ("? before the claims", "JWS 371", claims(format!("?{c}"))),
        (
            "other trailing bits in the claims",
            "JWS 374",
            format!("{h}.{other_bits}.{s}"),
        ),
        (
            "other trailing bits in the claims, signed",
            "JWS 375",
            claims(other_bits),
        ),
    ])
}
