//! Signatures that are too short or too long, or have their bytes in another order.

use curve25519_dalek::EdwardsPoint;

use super::{
    Forgery, cases,
    curve::{encoded, nonce},
    issuer::{TestIssuer, decode, joined},
};

pub(super) fn forgeries(issuer: &TestIssuer) -> Vec<Forgery> {
    [
        too_short(issuer),
        without_one_byte(issuer),
        too_long(issuer),
        reordered(issuer),
    ]
    .concat()
}

fn too_short(issuer: &TestIssuer) -> Vec<Forgery> {
    let cut = |length: usize| issuer.resigned(|signature| signature.truncate(length));
    cases([
        ("a signature of no bytes", "Ed25519 30", cut(0)),
        ("a signature without S", "Ed25519 31", cut(32)),
        ("a signature two bytes too short", "Ed25519 32", cut(62)),
        ("a signature one byte too short", "", cut(63)),
    ])
}

fn without_one_byte(issuer: &TestIssuer) -> Vec<Forgery> {
    let without = |at: usize| {
        issuer.resigned(|signature| {
            signature.remove(at);
        })
    };
    cases([
        (
            "a signature without its first byte",
            "Ed25519 40",
            without(0),
        ),
        ("a signature without a byte of R", "Ed25519 41", without(16)),
        ("a signature without a byte of S", "Ed25519 41", without(48)),
        (
            "a signature without its zero byte",
            "Ed25519 38, 39",
            without_a_zero_byte(issuer),
        ),
    ])
}

/// Uses a nonce whose R has a zero byte, and leaves that byte out.
fn without_a_zero_byte(issuer: &TestIssuer) -> String {
    let token = (0..).find_map(|number| {
        let r = encoded(&EdwardsPoint::mul_base(&nonce(number)));
        let at = r.iter().position(|byte| *byte == 0)?;
        let token = issuer.signed_as(&nonce(number), &r);
        let (message, signature) = token.rsplit_once('.')?;
        let mut signature = decode(signature);
        signature.remove(at);
        Some(joined(message, &signature))
    });
    token.expect("one R in eight has a zero byte")
}

fn too_long(issuer: &TestIssuer) -> Vec<Forgery> {
    let added = |at: usize| issuer.resigned(|signature| signature.insert(at, 0));
    cases([
        (
            "a signature two bytes too long",
            "Ed25519 33",
            issuer.resigned(|s| s.extend(b"  ")),
        ),
        (
            "the public key after the signature",
            "Ed25519 34",
            issuer.resigned(|s| s.extend(decode(&issuer.key.x))),
        ),
        ("a zero byte before the signature", "Ed25519 35", added(0)),
        ("a zero byte before S", "Ed25519 36; JWS 379", added(32)),
        (
            "a zero byte after the signature",
            "Ed25519 37; JWS 380",
            added(64),
        ),
    ])
}

fn reordered(issuer: &TestIssuer) -> Vec<Forgery> {
    cases([
        (
            "R and S exchanged",
            "",
            issuer.resigned(|s| s.rotate_left(32)),
        ),
        (
            "the bytes of the signature reversed",
            "",
            issuer.resigned(|s| s.reverse()),
        ),
    ])
}
