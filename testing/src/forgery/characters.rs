//! Characters that do not belong into a token, in each part.

use super::{
    Forgery,
    form::{named, split},
    mint::{Mint, encode},
};

/// The part with its last character changed in the bits that are left over after the last byte.
fn loose(part: &str) -> String {
    let at = part.len() - 1;
    let last = part.as_bytes()[at];
    let next = if last == b'Z' { b'a' } else { last + 1 };
    format!("{}{}", &part[..at], char::from(next))
}

/// Around and within the signature.
pub(super) fn of_the_signature(mint: &Mint) -> Vec<Forgery> {
    let [h, c, s] = split(&mint.good());
    let with = |signature: String| format!("{h}.{c}.{signature}");
    let rest = &s[1..];
    named([
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
        ("loose bits in the signature", "", with(loose(&s))),
        (
            "base64 that is not base64url",
            "",
            with(format!("{}+/", &s[..84])),
        ),
        ("a line break at the end", "", with(format!("{s}\n"))),
        ("a zero byte at the end", "", with(format!("{s}\u{0}"))),
        (
            "a letter that only looks right",
            "",
            with(format!("\u{410}{rest}")),
        ),
        (
            "line breaks between the parts",
            "",
            format!("{h}.\n{c}.\n{s}"),
        ),
        ("dots in percent encoding", "", format!("{h}%2E{c}%2E{s}")),
        ("a space before it", "", format!(" {h}.{c}.{s}")),
        (
            "? in the header, valid there",
            "JWS 372",
            format!("{h}?.{c}.{s}"),
        ),
        (
            "? in the claims, valid there",
            "JWS 373",
            format!("{h}.{c}?.{s}"),
        ),
    ])
}

/// In header and claims, signed as they stand.
pub(super) fn of_signed_parts(mint: &Mint) -> Vec<Forgery> {
    let [h, c, _] = split(&mint.good());
    let header = |header: String| mint.sealed(&header, &c);
    let claims = |claims: String| mint.sealed(&h, &claims);
    // As many spaces as leave bits over.
    let mut text = mint.claims.to_string();
    text.push_str(&" ".repeat((4 - text.len() % 3) % 3));
    let tight = encode(text);
    let [_, _, s] = split(&mint.sealed(&h, &tight));
    let resealed = claims(loose(&tight));
    named([
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
            "loose bits in the claims",
            "JWS 374",
            format!("{h}.{}.{s}", loose(&tight)),
        ),
        ("loose bits in the claims, signed", "JWS 375", resealed),
    ])
}
